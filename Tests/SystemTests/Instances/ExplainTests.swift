import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// Why an instance is as it is.
    @Suite struct Explanations {
        @Test func whereEverythingComesFrom() async throws {
            try await withDaemon { try await $0.explainsAnInstance() }
        }

        @Test func limitsAsTheKernelHasThem() async throws {
            try await withDaemon { try await $0.explainsLimits() }
        }

        @Test func whatWaitsForARestartIsSaid() async throws {
            try await withDaemon { try await $0.saysWhatWaits() }
        }
    }
}

extension DaemonFixture {
    private func explanation() async throws -> Instance.Explanation {
        try await client.call(API.instances.explanation, path: ["name": "c1"])
    }

    fileprivate func explainsAnInstance() async throws {
        try await lx("profile", "create", "small")
        try await lx("profile", "set", "small", "limits.processes=50", "user.who=profile")
        try await create(
            "c1", config: ["user.who": "me", "limits.memory": "64MiB"], profiles: ["default", "small"])
        let stopped = try await explanation()
        #expect(stopped.status == "Stopped" && stopped.run == nil && stopped.lastStart == nil)
        let who = try #require(stopped.config["user.who"])
        #expect(who.value == "me" && who.source == "instance" && !who.pending)
        #expect(who.overridden == [.init(value: "profile", source: "profile small")])
        #expect(stopped.config["limits.processes"]?.source == "profile small")
        let card = try #require(stopped.devices["eth0"])
        #expect(card.type == "nic" && card.source == "profile default" && card.options["network"] != nil)
        #expect(card.options["type"] == nil && card.pending.isEmpty)

        // A start that fails is remembered until one succeeds.
        try await configure("c1", ["nvidia.runtime": "true"])
        #expect(try await lx.run("start", "c1").status == 1)
        #expect(try await explanation().lastFailure?.cause.contains("nvidia.runtime") == true)
        try await configure("c1", ["nvidia.runtime": ""])
        try await start("c1")
        var running = try await explanation()
        let run = try #require(running.run)
        #expect(running.lastFailure == nil && running.lastStart?.cause.contains("on this machine") == true)
        #expect(run.users == run.groups && run.users.first?.hasSuffix(" 65536") == true)
        #expect(run.mounts.contains { $0.path == "/proc" && $0.type == "proc" })
        #expect(run.limits.contains { $0.key == "limits.processes" && $0.value == "50" })
        #expect(run.limits.contains { $0.key == "limits.memory" && $0.value == "\(64 << 20)" })
        #expect(run.addresses["eth0"]?.isEmpty == false)

        // What waits for a restart, also for a lexd that was not there at the start.
        try await configure("c1", ["environment.LATER": "x", "limits.processes": "60"])
        try await kill()
        try await start()
        running = try await explanation()
        #expect(running.config["environment.LATER"]?.pending == true)
        #expect(running.config["limits.processes"]?.pending == false)
        let text = try await lx("explain", "c1")
        #expect(text.contains("environment.LATER = x  (instance); waits for a restart\n"))
        #expect(text.contains("user.who = me  (instance), not profile of profile small\n"))
        #expect(try await lx("explain", "-f", "json", "c1").hasPrefix("{\"status\":\"Running\""))
        try await lx("stop", "--force", "c1")
        let cause = try #require(try await explanation().lastStop?.cause)
        #expect(cause.hasPrefix("killed, asked for by root on this machine"))
        #expect(try await lx.run("explain", "nobody").errors.contains("not found"))
    }

    fileprivate func saysWhatWaits() async throws {
        try await lx("profile", "create", "p1")
        try await create("c1", profiles: ["default", "p1"])
        // One that does not run has nothing to wait for.
        #expect(try await lx.run("config", "set", "c1", "user.a=b", "security.nesting=false").errors.isEmpty)
        try await start("c1")
        func line(_ keys: String) -> String { "Instance \"c1\" takes \(keys) at its next start (lx restart c1)\n" }
        #expect(try await lx.run("config", "set", "c1", "user.a=c", "limits.processes=90").errors.isEmpty)
        let set = try await lx.run("config", "set", "c1", "security.nesting=true", "environment.A=b", "user.a=d")
        #expect(set.status == 0 && set.errors == line("environment.A, security.nesting"))
        // Back to what it runs with.
        #expect(try await lx.run("config", "unset", "c1", "security.nesting").errors.isEmpty)
        #expect(
            try await lx.run("config", "device", "override", "c1", "root", "readonly=true").errors
                == line("devices.root.readonly"))
        #expect(try await lx.run("config", "device", "set", "c1", "root", "readonly=false").errors.isEmpty)
        #expect(
            try await lx.run("profile", "set", "p1", "limits.kernel.nofile=500").errors
                == line("limits.kernel.nofile"))
        let patched = try await client.call(
            API.instances.patch, path: ["name": "c1"], body: Instance.Update(config: ["security.privileged": "true"]))
        #expect(patched.restartRequired == "security.privileged")
        let live = try await client.call(
            API.instances.patch, path: ["name": "c1"],
            body: Instance.Update(config: ["security.privileged": "", "user.a": "e", "linux.kernel_modules": "fuse"]))
        #expect(live.restartRequired == nil)
        // Loaded at once, so that one that there is none of is refused.
        let refused = try await lx.run("config", "set", "c1", "linux.kernel_modules=no_such_module")
        #expect(refused.status == 1 && refused.errors.contains("no_such_module"))
        #expect(try await instance("c1").config["linux.kernel_modules"] == "fuse")
        // The stock client takes it as it always did.
        let stock = try await lxc.run("config", "set", "c1", "security.nesting=true")
        #expect(stock.status == 0 && stock.errors.isEmpty)
        try await lxc("profile", "set", "p1", "environment.B", "c")
    }

    fileprivate func explainsLimits() async throws {
        try await launch("c1", config: ["limits.kernel.nofile": "300:400", "boot.autostart": "true"])
        #expect(try await explanation().lastStart?.cause.hasPrefix("asked for by root") == true)
        try await lx("config", "device", "override", "c1", "eth0", "limits.ingress=80Mbit", "limits.egress=40Mbit")
        try await lx("config", "set", "c1", "limits.network.priority=7")
        try await lx("config", "device", "override", "c1", "root", "limits.read=30MiB", "readonly=true")
        let found = try await explanation()
        let limits = Dictionary(grouping: try #require(found.run).limits) { $0.key }.mapValues { $0.map(\.value) }
        #expect(limits["limits.kernel.nofile"] == ["300:400"])
        #expect(limits["devices.eth0.limits.ingress"] == ["10000000 bytes a second"])
        #expect(limits["devices.eth0.limits.egress"] == ["5000000 bytes a second"])
        #expect(limits["limits.network.priority"] == ["7"])
        #expect(limits.values.joined().contains { $0.contains("31457280") }, "\(limits)")
        #expect(found.devices["root"]?.pending == ["readonly"])
        let text = try await lx("explain", "c1")
        #expect(text.contains("    readonly = true; waits for a restart\n"))
        #expect(text.contains("    limits.ingress = 80Mbit\n"))
        try await lx("config", "device", "set", "c1", "root", "readonly=false")

        // Who or what started it.
        func cause() async throws -> String { try await explanation().lastStart?.cause ?? "" }
        try await lx("restart", "--force", "c1")
        #expect(try await cause().hasPrefix("restart asked for by root"))
        _ = try await lx.run("exec", "c1", "--", "reboot")
        try await eventually("c1 has started itself again") { try await cause().contains("from inside") }
        try await waitFor("c1", "Running")
        try await stop("c1", force: true)
        _ = try await stop()
        try await start()
        try await waitFor("c1", "Running")
        #expect(try await cause() == "boot.autostart, as lexd started")
    }
}
