import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Starts, stops and everything between.
    @Suite struct LifeCycle {
        @Test func aCleanStopIsTheInits() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                // What the init does at its end is done.
                try await daemon.shell("c1", "echo before > /root/kept")
                try await daemon.stop("c1")
                #expect(try await daemon.instance("c1").status == "Stopped")
                #expect(try await daemon.instance("c1").config["volatile.last_state.power"] == "STOPPED")
                #expect(try await daemon.instance("c1").config["volatile.eth0.host_name"] == nil)
                try await daemon.start("c1")
                #expect(try await daemon.shell("c1", "cat /root/kept") == "before")
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func aStopThatIsNotHeard(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "touch /stay")
                let client = daemon.program(name)
                let refused = try await client.run("stop", "c1", "--timeout", "1")
                #expect(refused.status == 1)
                #expect(refused.errors.contains("did not go down in time"), "\(refused)")
                #expect(try await daemon.instance("c1").status == "Running")
                #expect(try await daemon.shell("c1", "echo here") == "here")
                let error = await #expect(throws: OperationFailure.self) {
                    try await daemon.changeState("c1", "restart", timeout: 1)
                }
                #expect(error?.description.contains("did not go down in time") == true)
                let begin = ContinuousClock.now
                try await client("stop", "c1", "--force")
                #expect(begin.duration(to: .now) < .seconds(10))
                #expect(try await daemon.instance("c1").status == "Stopped")
                // And with restart.
                try await daemon.start("c1")
                let before = try await daemon.initProcess("c1")
                try await client("restart", "c1", "--force")
                #expect(try await daemon.initProcess("c1") != before)
            }
        }

        /// A stop that was not heard in time is not held against what comes later.
        @Test func whoStopsLaterIsStillHeard() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "touch /stay")
                let waiting = try #require(
                    try await daemon.client.start(
                        API.instances.changeState, path: ["name": "c1"],
                        body: Instance.StateChange(action: "stop", timeout: 60)))
                try await eventually("the stop is under way") {
                    try await daemon.client.call(API.operations.get, path: ["id": waiting.id]).status == "Running"
                }
                // A command can still be run, and a kill overtakes the wish.
                #expect(try await daemon.shell("c1", "echo here") == "here")
                try await daemon.stop("c1", force: true)
                #expect(try await daemon.client.finish(of: waiting).status == "Success")
            }
        }

        @Test func frozenProcessesStandStill() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "(while true; do date +%s%N > /tick; done) >/dev/null 2>&1 &")
                func tick() async throws -> String {
                    let process = try await daemon.initProcess("c1")
                    return try readFile("/proc/\(process)/root/tick")
                }
                let first = try await eventually("a tick") { try? await tick() }
                try await eventually("another tick") { try await tick() != first }
                try await daemon.changeState("c1", "freeze")
                #expect(try await daemon.instance("c1").status == "Frozen")
                #expect(try await daemon.instance("c1").statusCode == 110)
                let frozen = try daemon.processes("c1")
                #expect(frozen.count > 1)
                func ticks(_ id: Int32) throws -> String {
                    // utime and stime (proc(5)).
                    try readFile("/proc/\(id)/stat").split(separator: ")").last?.split(separator: " ")[11...12]
                        .joined(separator: " ") ?? ""
                }
                let before = try frozen.keys.sorted().map(ticks)
                // The kernel's own work goes on; theirs would show within a few of its ticks.
                let deadline = ContinuousClock.now + .milliseconds(300)
                while ContinuousClock.now < deadline { #expect(try frozen.keys.sorted().map(ticks) == before) }
                for (action, words) in [("freeze", "already frozen"), ("start", "already running")] {
                    let error = await #expect(throws: OperationFailure.self) {
                        try await daemon.changeState("c1", action)
                    }
                    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
                }
                try await daemon.changeState("c1", "unfreeze")
                let thawed = try await tick()
                try await eventually("it goes on") { try await tick() != thawed }
                // A frozen one can be stopped, both ways.
                try await daemon.changeState("c1", "freeze")
                try await daemon.stop("c1")
                try await daemon.start("c1")
                try await daemon.changeState("c1", "freeze")
                try await daemon.stop("c1", force: true)
                #expect(try await daemon.instance("c1").status == "Stopped")
            }
        }

        @Test func rebootAndPoweroffFromInside() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["limits.processes": "100"])
                let before = try await daemon.initProcess("c1")
                try await daemon.shell("c1", "echo kept > /root/file")
                // What waits for its start takes effect.
                try await daemon.configure("c1", ["environment.NEW": "yes"])
                _ = try await daemon.exec("c1", "reboot")
                try await eventually("another init") {
                    let now = try await daemon.initProcess("c1")
                    return now > 0 && now != before
                }
                try await eventually("it has booted") {
                    try await daemon.exec("c1", "test", "-e", "/run/booted").status == 0
                }
                #expect(try await daemon.shell("c1", "cat /root/file") == "kept")
                #expect(try await daemon.shell("c1", "tr '\\0' '\\n' < /proc/1/environ | grep NEW") == "NEW=yes")
                #expect(try await daemon.instance("c1").config["volatile.last_state.power"] == "RUNNING")
                try await eventually("its address again") {
                    try await daemon.state("c1").network?["eth0"]?.addresses.contains { $0.family == "inet" } == true
                }

                _ = try await daemon.exec("c1", "poweroff")
                try await daemon.waitFor("c1", "Stopped")
                #expect(try await daemon.instance("c1").config["volatile.last_state.power"] == "STOPPED")
                // And killed from inside.
                try await daemon.start("c1")
                _ = try await daemon.exec("c1", "poweroff", "-f")
                try await daemon.waitFor("c1", "Stopped")
            }
        }

        @Test func anEphemeralInstanceIsGoneAtItsEnd() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("e1", ephemeral: true)
                try await daemon.launch("e2", ephemeral: true)
                try await daemon.launch("e3", ephemeral: true)
                try await daemon.stop("e1")
                _ = try await daemon.exec("e2", "poweroff")
                // A restart is no end.
                let before = try await daemon.initProcess("e3")
                _ = try await daemon.exec("e3", "reboot")
                try await eventually("another init") {
                    let now = try await daemon.initProcess("e3")
                    return now > 0 && now != before
                }
                try await daemon.changeState("e3", "restart", timeout: 0, force: true)
                #expect(try await daemon.instance("e3").status == "Running")
                for name in ["e1", "e2"] {
                    try await eventually("\(name) is gone") {
                        try await daemon.client.raw(.get, "/1.0/instances/\(name)").status == 404
                    }
                }
                try await daemon.stop("e3", force: true)
                try await eventually("e3 is gone") {
                    try await daemon.client.raw(.get, "/1.0/instances/e3").status == 404
                }
                try await eventually("their files are gone") {
                    try directoryNames("\(daemon.directory)/storage-pools/default/containers") == []
                }
            }
        }

        /// A start that fails says why in one sentence, and leaves nothing.
        @Test func startsThatFail() async throws {
            try await withDaemon { daemon in
                var noInit = BusyboxImage.Contents()
                noInit.initProgram = nil
                try await daemon.importImage(await BusyboxImage.tarball(noInit), alias: "no-init")
                // Its shell as well: what the kernel cannot run is handed to that (execvp(3)).
                var foreign = TarFile()
                foreign.add("metadata.yaml", text: BusyboxImage.Contents().metadata)
                for name in ["rootfs", "rootfs/sbin", "rootfs/bin"] { foreign.add(name, .directory) }
                for name in ["sbin/init", "bin/sh"] {
                    foreign.add("rootfs/\(name)", .file(TinyProgram.foreign), mode: 0o755)
                }
                try await daemon.importImage(foreign.bytes, alias: "foreign-init")
                var other = BusyboxImage.Contents()
                other.metadata = "architecture: s390x\ncreation_date: 1700000000\n"
                try await daemon.importImage(await BusyboxImage.tarball(other), alias: "other")
                var unreadable = BusyboxImage.Contents()
                unreadable.initProgram = Array("#!/no/such/interpreter\n".utf8)
                try await daemon.importImage(await BusyboxImage.tarball(unreadable), alias: "no-interpreter")

                let before = try await HostSnapshot.take(tag: daemon.tag, directory: daemon.work)
                for (image, words) in [
                    ("no-init", "no program /sbin/init"), ("foreign-init", "another processor"),
                    ("no-interpreter", "/sbin/init"),
                ] {
                    for client in ClientProgram.allCases {
                        let name = "\(image)-\(client)"
                        let output = try await daemon.program(client).run("launch", image, name)
                        #expect(output.status == 1)
                        #expect(output.errors.contains("cannot start instance \"\(name)\": "), "\(output)")
                        #expect(output.errors.contains(words), "\(output)")
                        #expect(try await daemon.instance(name).status == "Stopped")
                        let again = await #expect(throws: OperationFailure.self) {
                            try await daemon.changeState(name, "start")
                        }
                        #expect(again?.description.contains(words) == true)
                        try await daemon.client.run(API.instances.delete, path: ["name": name])
                    }
                }
                let refused = try await daemon.lx.run("launch", "other", "c9")
                #expect(refused.errors.contains("The image is for s390x"), "\(refused)")
                #expect(try await daemon.client.raw(.get, "/1.0/instances/c9").status == 404)
                try await eventually("nothing is left") {
                    let added = try await HostSnapshot.take(tag: daemon.tag, directory: daemon.work).added(
                        since: before)
                    // The holder of consoles stays until the daemon ends.
                    return added.filter { !$0.contains("consoles") && !$0.contains("/lxc") && !$0.contains(".pivot") }
                        == []
                }
            }
        }

        /// Many wishes for one instance at once: each is carried out or refused with a reason, and it is never half.
        @Test func wishesThatMeet() async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1")
                for round in 0..<3 {
                    let outcomes = await withTaskGroup(of: String.self) { group in
                        for action in ["start", "start", "stop", "start", "restart", "freeze", "unfreeze", "stop"] {
                            group.addTask {
                                do {
                                    try await daemon.changeState("c1", action, timeout: 0, force: true)
                                    return "done"
                                } catch { return "\(error)" }
                            }
                        }
                        return await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(outcomes.contains("done"), "round \(round)")
                    for outcome in outcomes where outcome != "done" {
                        let known = ["already", "isn't running", "not running", "being stopped", "is running"]
                        #expect(known.contains { outcome.contains($0) }, "\(outcome)")
                    }
                    let status = try await daemon.instance("c1").status
                    if status != "Stopped" { try await daemon.stop("c1", force: true) }
                    try await daemon.start("c1")
                    #expect(try await daemon.shell("c1", "echo whole") == "whole")
                    try await daemon.stop("c1", force: true)
                }
            }
        }

        @Test func twentyAtOnce() async throws {
            try await withDaemon { daemon in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 { group.addTask { try await daemon.launch("c\(number)") } }
                    try await group.waitForAll()
                }
                let list = try await daemon.client.call(
                    API.instances.list, as: [Instance].self, query: ["recursion": "1"])
                #expect(list.count == 20)
                #expect(list.allSatisfy { $0.status == "Running" })
                #expect(Set(list.compactMap { $0.config["volatile.idmap.base"] }).count == 20)
                #expect(Set(list.compactMap { $0.config["volatile.eth0.hwaddr"] }).count == 20)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 { group.addTask { try await daemon.removeInstance("c\(number)") } }
                    try await group.waitForAll()
                }
                #expect(try await daemon.lx("list", "-f", "csv") == "")
            }
        }
    }
}
