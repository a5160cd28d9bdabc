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
        #expect(stopped.devices["eth0"] == .init(type: "nic", source: "profile default"))

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
}
