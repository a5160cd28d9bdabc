import Glibc
import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// What the server says of itself and its machine, with both clients.
    @Suite struct TheServer {
        @Test(arguments: ClientProgram.allCases)
        func configuration(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in try await daemon.configurationWorks(name) }
        }

        /// Scripts that start a daemon read what it says: a sentence, and no usage.
        @Test func whoWaitsForNoDaemonIsTold() async throws {
            try await withTemporaryDirectory { directory in
                let lexd = Program("\(DaemonFixture.programs)/lexd", environment: ["LEXD_DIR": directory])
                let said = try await lexd.run("waitready", "--timeout", "1")
                #expect(said.status == 1)
                #expect(said.errors.hasPrefix("Error: lexd is not ready after 1 second: "))
                #expect(said.errors.split(separator: "\n").count == 1)
            }
        }

        @Test func resourcesAreThoseOfTheMachine() async throws {
            try await withDaemon(.bare) { daemon in
                let resources = try await daemon.client.call(API.server.resources)
                #expect(resources.cpu.total == UInt64(sysconf(Int32(_SC_NPROCESSORS_CONF))))
                #expect(resources.memory.total > 0 && resources.memory.used < resources.memory.total)
                #expect(!resources.system.type.isEmpty)
                let ours = try await daemon.lx("info", "--resources")
                let theirs = try await daemon.lxc("info", "--resources")
                // What was measured a moment later may differ.
                func steady(_ text: String) -> [Substring] {
                    text.split(separator: "\n").filter { !$0.contains("Free:") && !$0.contains("Used:") }
                }
                #expect(steady(ours) == steady(theirs))
            }
        }

        /// Every list that says so takes a filter, and says what is wrong with one.
        @Test func listsAreFiltered() async throws {
            try await withDaemon { daemon in try await daemon.filterLists() }
        }

        @Test func metricsTellOfWhatRuns() async throws {
            try await withDaemon { daemon in try await daemon.metricsWork() }
        }

        @Test func configurationKeysAreTold() async throws {
            try await withDaemon(.bare) { daemon in
                let metadata = try await daemon.client.call(API.server.configuration)
                let limits = try #require(metadata.configs["instance"]?["limits"]?.keys)
                let memory = limits.compactMap { $0["limits.memory"] }
                #expect(memory.count == 1 && memory.first?.liveupdate == "yes")
                #expect(metadata.configs["server"]?["core"] != nil)
            }
        }
    }
}

extension DaemonFixture {
    fileprivate func filterLists() async throws {
        let network = try await network()
        try await create("c1")
        try await lx("snapshot", "c1", "s1")
        try await lx("snapshot", "c1", "s2")
        try await lx("storage", "volume", "create", "default", "v1")
        try await lx("storage", "volume", "snapshot", "default", "v1", "s1")
        try await lx("profile", "create", "p1")
        try await lx("project", "create", "q1")
        try await lx("network", "acl", "create", "a1")
        let names = [
            "name": "c1", "network": network, "pool": "default", "type": "custom", "volume": "v1",
        ]
        func ask(_ path: String, _ filter: String, recursion: Int = 0) async throws -> RawAnswer {
            let filter = filter.replacing(" ", with: "%20")
            return try await client.raw(.get, "\(path)?recursion=\(recursion)&filter=\(filter)")
        }
        for endpoint in API.all where endpoint.queryParameters.contains(where: { $0.name == "filter" }) {
            let path = names.reduce(endpoint.path) { $0.replacing("{\($1.key)}", with: $1.value) }
            let bad = try await ask(path, "name xx c1")
            let text = String(decoding: bad.body, as: UTF8.self)
            #expect(bad.status == 400 && text.contains("Invalid filter: there is no operator"), "\(path): \(text)")
            let none = try await ask(path, "name eq nothing-has-this-name")
            #expect(String(decoding: none.body, as: UTF8.self).contains(#""metadata":[]"#), "\(path)")
        }
        for (path, filter, url) in [
            ("/1.0/networks", "name eq \(network)", "/1.0/networks/\(network)"),
            ("/1.0/profiles", "name eq p1", "/1.0/profiles/p1"), ("/1.0/projects", "name eq q1", "/1.0/projects/q1"),
            ("/1.0/storage-pools", "driver ne zfs", "/1.0/storage-pools/default"),
            ("/1.0/network-acls", "name eq a1", "/1.0/network-acls/a1"),
            ("/1.0/images/aliases", "name eq busy.*", "/1.0/images/aliases/busybox"),
            ("/1.0/instances/c1/snapshots", "name eq s2", "/1.0/instances/c1/snapshots/s2"),
            (
                "/1.0/storage-pools/default/volumes/custom/v1/snapshots", "name eq v1/s1",
                "/1.0/storage-pools/default/volumes/custom/v1/snapshots/s1"
            ),
        ] {
            let urls = String(decoding: try await ask(path, filter).body, as: UTF8.self)
            #expect(urls.contains(#""metadata":["\#(url)"]"#), "\(path): \(urls)")
            let objects = String(decoding: try await ask(path, filter, recursion: 1).body, as: UTF8.self)
            #expect(objects.contains(#""metadata":[{"#), "\(path): \(objects)")
        }
    }

    fileprivate func configurationWorks(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("config", "set", "images.remote_cache_expiry", "20")
        try await client("config", "set", "user.a=1", "core.shutdown_timeout=7")
        #expect(try await client("config", "get", "images.remote_cache_expiry") == "20\n")
        #expect(try await client("config", "get", "core.https_address") == "\n")
        let shown = try await client("config", "show")
        #expect(
            shown == "config:\n  core.shutdown_timeout: \"7\"\n  images.remote_cache_expiry: \"20\"\n  user.a: \"1\"\n")
        for (words, why) in [
            (["nonsense.key=1"], "nknown key"), (["images.auto_update_interval=often"], "whole number"),
            (["core.https_address=[::]:8443"], "it needs access over HTTPS"),
        ] {
            let refused = try await client.run(["config", "set"] + words)
            #expect(refused.status == 1 && refused.errors.contains(why), "\(words): \(refused.errors)")
        }
        #expect(try await client("config", "show") == shown)
        try await client(
            "config", "edit", input: .text("config:\n  user.b: \"2\"\n  images.remote_cache_expiry: \"3\"\n"))
        #expect(try await client("config", "get", "user.b") == "2\n")
        #expect(try await client("config", "get", "core.shutdown_timeout") == "\n")
        try await client("config", "unset", "images.remote_cache_expiry")
        #expect(try await client("config", "get", "images.remote_cache_expiry") == "\n")
        // It is there after a restart.
        try await stop()
        try await start()
        #expect(try await client("config", "get", "user.b") == "2\n")
    }

    fileprivate func metricsWork() async throws {
        try await launch("c1", config: ["limits.memory": "64MiB"])
        try await create("c2")
        let text = String(decoding: try await client.download(API.server.metrics).bytes(), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.last == "# EOF")
        let place = #"name="c1",project="default",type="container""#
        #expect(lines.contains { $0.hasPrefix("lxd_cpu_seconds_total{cpu=\"0\",mode=\"user\",\(place)} ") })
        #expect(lines.contains("lxd_memory_MemTotal_bytes{\(place)} \(64 << 20)"))
        #expect(lines.contains { $0.hasPrefix("lxd_network_receive_bytes_total{device=\"eth0\",\(place)} ") })
        #expect(lines.contains { $0.hasPrefix("lxd_procs_total{\(place)} ") && !$0.hasSuffix(" 0") })
        #expect(lines.contains { $0.hasPrefix(#"lxd_filesystem_size_bytes{device="","#) })
        #expect(!text.contains(#"name="c2""#))
        #expect(lines.contains(#"lexd_instances{status="running",type="container"} 1"#))
        #expect(lines.contains(#"lexd_instances{status="stopped",type="container"} 1"#))
        // Each is told with its kind, once, and nothing stands twice.
        let samples = lines.filter { !$0.hasPrefix("#") }.compactMap { $0.split(separator: " ").first }
        #expect(Set(samples).count == samples.count)
        let kinds = Set(lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] })
        let told = Set(samples.map { sample in sample.prefix { $0 != "{" } })
        #expect(told == kinds)
        let none = try await client.download(API.server.metrics, query: ["project": "nope"]).bytes()
        #expect(String(decoding: none, as: UTF8.self) == "# EOF\n")
    }
}
