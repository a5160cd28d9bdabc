import Glibc
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// All instances at once, and what starts and stops by itself.
    @Suite struct States {
        @Test(arguments: ClientProgram.allCases)
        func allAtOnce(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkAll(name) }
        }

        @Test func thoseOfAType() async throws {
            try await withDaemon { try await $0.checkTypes() }
        }

        @Test func startsAndStopsInOrder() async throws {
            try await withDaemon { try await $0.checkOrder() }
        }

        @Test(arguments: ClientProgram.allCases)
        func sizesByName(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let program = daemon.program(name)
                try await program("init", "busybox", "c1", "-t", "c2-m4")
                let config = try await daemon.instance("c1").config
                #expect(config["limits.cpu"] == "2" && config["limits.memory"] == "4096MB")
                try await program("init", "busybox", "c2", "-t", "t2.micro", "-c", "limits.cpu=2")
                let other = try await daemon.instance("c2").config
                #expect(other["limits.cpu"] == "2" && other["limits.memory"] == "1024MB")
                let refusal = try await program.run("init", "busybox", "c3", "-t", "nonsense")
                #expect(
                    refusal.status == 1 && refusal.errors.contains("Provided instance type doesn't exist: nonsense"))
            }
        }
    }
}

extension DaemonFixture {
    private func statuses() async throws -> [String: String] {
        let all = try await client.call(API.instances.list, as: [Instance].self, query: ["recursion": "1"])
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.status) })
    }

    fileprivate func checkTypes() async throws {
        try await launch("c1")
        func list(_ path: String) async throws -> String {
            let answer = try await client.raw(.get, path)
            return String(decoding: answer.body, as: UTF8.self)
        }
        // The old paths count more than the query, as in LXD.
        for (path, isThere) in [
            ("instances?instance-type=container", true), ("instances?instance-type=virtual-machine", false),
            ("instances?instance-type=", true), ("instances?recursion=1&instance-type=virtual-machine", false),
            ("containers?instance-type=virtual-machine", true), ("virtual-machines?instance-type=container", false),
        ] {
            #expect(try await list("/1.0/\(path)").contains("c1") == isThere, "\(path)")
        }
        #expect(try await list("/1.0/instances?instance-type=jail").contains("Invalid instance type"))
        let freeze = Array(#"{"state":{"action":"freeze"}}"#.utf8)
        for (type, status) in [("virtual-machine", "Running"), ("container", "Frozen")] {
            let answer = try await client.raw(.put, "/1.0/instances?instance-type=\(type)", body: freeze)
            #expect(answer.status == 202)
            try await eventually("it is \(status)") { try await instance("c1").status == status }
        }
    }

    fileprivate func checkAll(_ program: ClientProgram) async throws {
        let program = self.program(program)
        for name in ["c1", "c2", "c3"] { try await create(name) }
        try await program("start", "--all")
        #expect(try await statuses() == ["c1": "Running", "c2": "Running", "c3": "Running"])
        try await program("pause", "--all")
        #expect(try await statuses() == ["c1": "Frozen", "c2": "Frozen", "c3": "Frozen"])
        try await client.run(API.instances.changeStates, body: .init(.init(action: "unfreeze")))
        #expect(try await statuses() == ["c1": "Running", "c2": "Running", "c3": "Running"])
        let before = try await initProcess("c1")
        try await program("restart", "--all", "--force")
        #expect(try await initProcess("c1") != before)
        try await stop("c2", force: true)
        try await program("stop", "--all", "--force")
        #expect(try await statuses() == ["c1": "Stopped", "c2": "Stopped", "c3": "Stopped"])
        // One that cannot keeps the others from nothing, and is named.
        let files = "\(directory)/storage-pools/default/containers/c2"
        #expect(rename(files, files + ".away") == 0)
        do {
            try await client.run(API.instances.changeStates, body: .init(.init(action: "start", timeout: -1)))
            Issue.record("c2 has started without its files")
        } catch {
            #expect("\(error)".contains("The following instances failed to update state:\n - Instance: c2: "))
        }
        #expect(try await statuses() == ["c1": "Running", "c2": "Stopped", "c3": "Running"])
        #expect(rename(files + ".away", files) == 0)
        #expect(try await client.raw(.put, "/1.0/instances", body: Array("{}".utf8)).status == 400)
    }

    fileprivate func checkOrder() async throws {
        try await launch("low", config: ["boot.stop.priority": "1", "boot.autostart.priority": "-3"])
        try await launch("high", config: ["boot.stop.priority": "10", "boot.autostart.priority": "10"])
        try await launch("middle", config: ["boot.stop.priority": "5", "boot.autostart.priority": "5"])
        try await create("idle")
        try await create("first", config: ["boot.autostart": "true", "boot.autostart.priority": "20"])
        try await configure("first", ["boot.autostart.delay": "1"])
        try await launch("never", config: ["boot.autostart": "false"])
        let before = try await initProcess("low")

        // A lexd that comes and goes starts nothing that runs, and nothing a second time.
        try await stop()
        try await start()
        try await waitFor("first", "Running")
        #expect(try await initProcess("low") == before)
        #expect(try await statuses()["idle"] == "Stopped")

        let events = try await client.events(types: ["lifecycle"])
        let heard = Task {
            var stopped: [String] = []
            for try await event in events {
                guard let action = event["metadata"]?["action"]?.text, let source = event["metadata"]?["source"]?.text,
                    action == "instance-shutdown" || action == "instance-stopped"
                else { continue }
                stopped.append(String(source.split(separator: "/").last ?? ""))
            }
            return stopped
        }
        try await lexd("shutdown")
        #expect(try await awaitEnd() == 0)
        let stopped = try await heard.value.filter { ["low", "middle", "high"].contains($0) }
        #expect(stopped == ["high", "middle", "low"])

        try await start()
        for name in ["first", "high", "middle", "low"] { try await waitFor(name, "Running") }
        #expect(try await statuses()["idle"] == "Stopped")
        #expect(try await statuses()["never"] == "Stopped")
        var started: [(name: String, at: Timestamp)] = []
        for name in ["first", "high", "middle", "low"] { started.append((name, try await instance(name).lastUsedAt)) }
        #expect(started.map(\.name) == started.sorted { $0.at < $1.at }.map(\.name))
        #expect(try await disagreements() == [])
    }
}
