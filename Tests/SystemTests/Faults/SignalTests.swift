import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests.Faults {
    /// SIGTERM ends lexd in order; its instances run on and are found again.
    @Test func sigtermTouchesNoInstance() async throws {
        try await withDaemon { daemon in
            try await daemon.launch("c1")
            try await daemon.create("c2")
            try await daemon.shell("c1", "echo here > /run/mark")
            let process = try await daemon.initProcess("c1")
            // Its init's and one beside it; udhcpc goes into the background under another number.
            func staying() throws -> Set<Int32> {
                Set(try daemon.processes("c1").filter { $0.key == process || $0.value == "sleep 3600" }.keys)
            }
            try await eventually("both run") { try staying().count == 2 }
            let processes = try staying()
            #expect(try await daemon.stop() == 0)
            // Nobody serves, and everything goes on.
            #expect(try await daemon.lx.run("list").status != 0)
            #expect(Set(try daemon.processes("c1").keys).isSuperset(of: [process]))
            try await daemon.start()
            #expect(try await daemon.initProcess("c1") == process)
            #expect(try staying() == processes)
            #expect(try await daemon.shell("c1", "cat /run/mark") == "here")
            #expect(try await daemon.instance("c2").status == "Stopped")
            #expect(try await daemon.disagreements() == [])
            try await daemon.stop("c1")
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// A client that stands still, its command writing without end, does not keep lexd from ending.
    @Test func sigtermWhileAClientDoesNotRead() async throws {
        try await withDaemon { daemon in
            try await daemon.launch("c1")
            let child = try daemon.lx.start("exec", "c1", "--", "cat", "/dev/zero")
            try await eventually("the command runs") { try daemon.runs("cat /dev/zero", in: "c1") }
            try child.signal(SIGSTOP)
            let command = try #require(daemon.processes("c1").first { $0.value == "cat /dev/zero" }?.key)
            var written = ""
            try await eventually("nothing is taken any more") {
                let before = written
                written = try readFile("/proc/\(command)/io")
                return written == before
            }
            #expect(try await daemon.stop() == 0)
            try child.signal(SIGKILL)
            try await child.end()
            try await daemon.start()
            try await eventually("the command is gone") { try !daemon.runs("cat /dev/zero", in: "c1") }
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// What is under way when SIGTERM comes is finished first.
    @Test func sigtermInTheMiddleOfCreate() async throws {
        try await withDaemon { daemon in
            let operation = try #require(
                try await daemon.client.start(
                    API.instances.create,
                    body: Instance.Creation(name: "c1", source: Instance.Source(type: "image", alias: "busybox"))))
            #expect(operation.id.isEmpty == false)
            #expect(try await daemon.stop() == 0)
            try await daemon.start()
            #expect(try await daemon.instance("c1").status == "Stopped")
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// An instance that ended while lexd was away is found to have ended, and nothing of it is left.
    @Test func anInstanceEndsWhileLexdIsAway() async throws {
        try await withDaemon { daemon in
            for name in ["ended", "restarted"] { try await daemon.launch(name) }
            try await daemon.launch("ephemeral", ephemeral: true)
            let before = try await daemon.initProcess("restarted")
            for (name, command) in [("ended", "poweroff"), ("restarted", "reboot"), ("ephemeral", "poweroff")] {
                // Said in a moment, when lexd is gone.
                try await daemon.shell(
                    name, "(while [ ! -e /go ]; do usleep 10000; done; \(command)) > /dev/null 2>&1 &")
            }
            let roots = try await daemon.roots(["ended", "restarted", "ephemeral"])
            try await daemon.kill()
            for root in roots { try replaceFile("\(root)/go", []) }
            try await eventually("they are gone") {
                try ["ended", "restarted", "ephemeral"].allSatisfy { try daemon.processes($0).isEmpty }
            }
            try await daemon.start()
            #expect(try await daemon.instance("ended").status == "Stopped")
            #expect(try await daemon.client.raw(.get, "/1.0/instances/ephemeral").status == 404)
            try await daemon.waitFor("restarted", "Running")
            #expect(try await daemon.initProcess("restarted") != before)
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// `lexd shutdown` stops every instance cleanly, ends lexd, and what ran is started with the next one.
    @Test func shutdownStopsInstances() async throws {
        try await withDaemon { daemon in
            for name in ["c1", "c2"] { try await daemon.launch(name) }
            try await daemon.create("c3")
            // Written at a clean end only.
            for name in ["c1", "c2"] { try await daemon.shell(name, "echo before > /root/kept") }
            try await daemon.lexd("shutdown")
            #expect(try await daemon.awaitEnd() == 0)
            for name in ["c1", "c2"] { #expect(try daemon.processes(name).isEmpty) }
            try await daemon.start()
            for name in ["c1", "c2"] {
                try await daemon.waitFor(name, "Running")
                #expect(try await daemon.shell(name, "cat /root/kept") == "before")
            }
            #expect(try await daemon.instance("c3").status == "Stopped")
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// `lexd shutdown` waits no longer than it may for an operation that has no end, and leaves nothing running behind
    /// a start that was under way.
    @Test func shutdownInTheMiddleOfOperations() async throws {
        try await withDaemon { daemon in
            try await daemon.client.call(
                API.server.patch, body: Server.Update(config: ["core.shutdown_timeout": "0"]))
            let names = ["c1", "c2", "c3"]
            for name in names { try await daemon.create(name, config: ["boot.host_shutdown_timeout": "1"]) }
            try await daemon.start("c1")
            try await daemon.shell("c1", "touch /stay")
            let stop = Task { try await daemon.changeState("c1", "stop", timeout: -1) }
            let starts = names.dropFirst().map { name in
                Task { try await daemon.changeState(name, "start", timeout: -1) }
            }
            try await daemon.lexd("shutdown")
            #expect(try await daemon.awaitEnd() == 0)
            for task in [stop] + starts { _ = await task.result }
            for name in names { #expect(try daemon.processes(name).isEmpty) }
            try await daemon.start()
            #expect(try await daemon.disagreements() == [])
        }
    }
}

extension DaemonFixture {
    /// The root directories of running instances, as the host reaches them.
    fileprivate func roots(_ names: [String]) async throws -> [String] {
        var roots: [String] = []
        for name in names { roots.append("/proc/\(try await initProcess(name))/root") }
        return roots
    }
}
