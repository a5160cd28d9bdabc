import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Networks, pools, and instances on them.
    @Suite struct NetworksAndPools {
        @Test(arguments: ClientProgram.allCases)
        func networks(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                let first = try await daemon.network()
                let second = "lt\(UInt16.random(in: 0...UInt16.max))"
                try await client(
                    "network", "create", second, "ipv4.address=10.213.77.1/24", "ipv6.address=none", "user.a=b")
                let list = try await client("network", "list", "-f", "csv")
                #expect(list.contains("\(second),bridge,YES,10.213.77.1/24,none,,0,CREATED\n"), "\(list)")
                #expect(list.contains("\(first),bridge,YES,"))
                #expect(list.contains("lo,loopback,NO") == false)
                let shown = try await client("network", "show", second)
                #expect(shown.contains("  ipv4.address: 10.213.77.1/24\n"))
                #expect(shown.contains("managed: true\n"))
                #expect(try await client("network", "get", second, "ipv4.address") == "10.213.77.1/24\n")
                #expect(try await client("network", "info", second).contains("10.213.77.1"))
                for format in ["table", "csv", "compact"] {
                    #expect(
                        try await daemon.lx("network", "list", "-f", format)
                            == daemon.lxc("network", "list", "-f", format))
                }

                try await client("launch", "busybox", "c1", "-n", second)
                let address = try await eventually("an address") {
                    try await daemon.state("c1").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
                }
                #expect(address.hasPrefix("10.213.77."))
                let leases = try await client("network", "list-leases", second, "-f", "csv")
                #expect(leases.contains("\(address),DYNAMIC"), "\(leases)")
                #expect(leases.contains("c1,"))
                let used = try await client.run("network", "delete", second)
                #expect(used.status == 1)
                #expect(used.errors.contains("currently in use"))
                for bad in [
                    [second], ["way-too-long-a-name"], ["lt0", "nonsense=1"], ["lt0", "ipv4.address=nonsense"],
                    ["lt0", "ipv4.address=10.213.77.1/24"], ["eth0"], ["lt0", "--type=ovn"],
                ] {
                    #expect(try await client.run(["network", "create"] + bad).status == 1, "\(bad)")
                }
                try await client("delete", "-f", "c1")
                try await client("network", "delete", second)
                #expect(try await client.run("network", "delete", second).status == 1)
                #expect(try await Program("ip").run("link", "show", second).status != 0)
            }
        }

        /// Instances find each other by names that the daemon gives, and reach each other and the gateway.
        @Test func namesAndAddresses() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("web")
                try await daemon.launch("db")
                let web = try await daemon.address("web", "inet")
                let web6 = try await daemon.address("web", "inet6")
                #expect(try await web != daemon.address("db", "inet"))
                try await daemon.waitForName("web.lexd", from: "db", ["web.lexd"], gives: web)
                try await daemon.waitForName("web.lexd", from: "db", ["-type=aaaa", "web.lexd"], gives: web6)
                try await daemon.ping("web.lexd", from: "db")
                try await daemon.ping("db", from: "web")
                try await daemon.ping("db.lexd", from: "web", "-6")
                try await daemon.ping(daemon.gateway(), from: "web")
            }
        }

        /// A name is the daemon's to give, whatever a guest calls itself.
        @Test func namesAreNotTheGuests() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("web")
                try await daemon.launch("db")
                let web = try await daemon.address("web", "inet")
                let db = try await daemon.address("db", "inet")
                try await daemon.waitForName("web.lexd", from: "db", ["web.lexd"], gives: web)
                try await daemon.shell("db", "hostname web; kill -USR1 $(pidof udhcpc); true")
                let again = try await daemon.exec("web", "nslookup", "web.lexd").text
                #expect(words(again).contains(web), "\(again)")
                #expect(!words(again).contains(db), "\(again)")
            }
        }

        /// After a restart an instance has its addresses again; what is stopped has neither link nor name.
        @Test func addressesStay() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("web")
                try await daemon.launch("db")
                let web = try await daemon.address("web", "inet")
                let web6 = try await daemon.address("web", "inet6")
                let hostSide = try await daemon.instance("web").config["volatile.eth0.host_name"] ?? "none"
                #expect(try await Program("ip").run("link", "show", hostSide).status == 0)
                try await daemon.changeState("web", "restart", timeout: 20)
                #expect(try await daemon.address("web", "inet") == web)
                #expect(try await daemon.address("web", "inet6") == web6)
                try await daemon.stop("web")
                #expect(try await Program("ip").run("link", "show", hostSide).status != 0)
                try await daemon.waitForName("web.lexd", from: "db", ["web.lexd"], gives: nil)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func pools(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                try await client("storage", "create", "second", "overlay")
                let source = daemon.path("elsewhere")
                try makeDirectories(source)
                try await client("storage", "create", "third", "overlay", "source=\(source)")
                let list = try await client("storage", "list", "-f", "csv")
                #expect(
                    list.contains("second,overlay,\(daemon.directory)/storage-pools/second,,0,CREATED\n"), "\(list)")
                #expect(list.contains("third,overlay,\(source),,0,CREATED\n"), "\(list)")
                #expect(try await daemon.lx("storage", "list") == daemon.lxc("storage", "list"))
                #expect(try await client("storage", "show", "third").contains("  volatile.initial_source: \(source)\n"))
                #expect(try await client("storage", "get", "third", "source") == "\(source)\n")

                try await client("launch", "busybox", "c1", "-s", "third")
                try await daemon.waitFor("c1", "Running")
                try await eventually("it has booted") {
                    try await daemon.exec("c1", "test", "-e", "/run/booted").status == 0
                }
                #expect(try directoryNames("\(source)/containers") == ["c1"])
                let used = try await client.run("storage", "delete", "third")
                #expect(used.status == 1)
                #expect(used.errors.contains("The storage pool is currently in use"))
                for bad in [
                    ["second", "overlay"], ["x", "nonsense"], ["x", "overlay", "nonsense=1"],
                    ["x", "overlay", "source=\(daemon.directory)/images/.."], ["bad/name", "overlay"],
                ] { #expect(try await client.run(["storage", "create"] + bad).status == 1, "\(bad)") }
                try await client("delete", "-f", "c1")
                try await client("storage", "delete", "third")
                try await client("storage", "delete", "second")
                #expect(access("\(daemon.directory)/storage-pools/second", F_OK) != 0)
            }
        }
    }
}

extension DaemonFixture {
    /// The bridge's own address.
    fileprivate func gateway() async throws -> String {
        let network = try await client.call(API.networks.get, path: ["name": network()])
        return String(try #require(network.config["ipv4.address"]).prefix { $0 != "/" })
    }

    /// The first address of a family that reaches beyond the link.
    fileprivate func address(_ name: String, _ family: String) async throws -> String {
        try await eventually("an address of \(name)") {
            try await self.state(name).network?["eth0"]?.addresses
                .first { $0.family == family && $0.scope == "global" }?.address
        }
    }

    /// Waits until a name leads to an address, or to none, for an instance.
    fileprivate func waitForName(
        _ name: String, from instance: String, _ arguments: [String], gives address: String?
    ) async throws {
        try await eventually("what \(name) is for \(instance)") {
            let answer = try await self.exec(instance, Instance.Exec(command: ["nslookup"] + arguments))
            guard let address else { return answer.status != 0 }
            return words(answer.text).contains(address)
        }
    }

    fileprivate func ping(_ target: String, from instance: String, _ options: String...) async throws {
        // A name is known once the other side has its address of that family.
        try await eventually("\(instance) reaches \(target)") {
            try await self.exec(
                instance, Instance.Exec(command: ["ping"] + options + ["-c", "1", "-W", "5", target])
            ).status == 0
        }
    }
}

/// The words of an answer, as addresses are compared: `10.0.0.2` is also the beginning of `10.0.0.23`.
private func words(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
}
