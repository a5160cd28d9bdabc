import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// A guest's file system that never answers.
    @Suite struct HungFiles {
        @Test func nobodyElseWaits() async throws { try await withDaemon { try await $0.asksWhatNeverAnswers() } }

        @Test func whoKeepsAnInstanceFromBeingFrozenIsNamed() async throws {
            try await withDaemon { try await $0.freezesWhatNeverAnswers() }
        }
    }
}

extension DaemonFixture {
    /// Those that look at files of an instance of this daemon.
    private func fileServers() throws -> [RunningProcess] {
        try RunningProcess.all().filter { (try? parentProcess(of: $0)) == daemonProcess?.id }
            .compactMap { try? RunningProcess($0) }
            .filter { $0.arguments?.contains { $0.hasPrefix("files c1") } == true && !$0.hasEnded }
    }

    /// Whether SIGKILL is on its way to a process: who looks for a name that another looks for already, or in the same
    /// directory, waits for that one in the kernel (`d_alloc_parallel()`, `fuse_lock_inode()`), where no signal reaches it.
    private func isKilled(_ process: RunningProcess) -> Bool {
        let status = (try? readFile("/proc/\(process.id)/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("ShdPnd:") }
        let pending = line.flatMap { UInt64($0.dropFirst(7).filter(\.isHexDigit), radix: 16) } ?? 0
        return pending & 1 << UInt64(SIGKILL - 1) != 0
    }

    /// A file system in c1 that never answers, at /hung.
    private func hang() async throws {
        // The host's own node is root's alone where there is no udev.
        try await lx(
            "config", "device", "add", "c1", "fuse", "unix-char", "source=/dev/fuse", "path=/dev/slow", "mode=0666")
        // A shell that has it open, and reads nothing from it.
        try await shell(
            "c1",
            """
            mkdir -p /hung && setsid sh -c 'exec 3<>/dev/slow
            mount -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other hung /hung; exec sleep 10000' \
            </dev/null >/dev/null 2>&1 &
            """)
        try await eventually("the file system is there") {
            try await exec("c1", "grep", "-q", "^hung /hung fuse", "/proc/mounts").status == 0
        }
    }

    fileprivate func freezesWhatNeverAnswers() async throws {
        try await launch("c1")
        try await hang()
        // Who looks for a name that another looks for waits for that one where no signal reaches it.
        try await shell(
            "c1", "for i in 1 2; do setsid cat /hung/file </dev/null >/dev/null 2>&1 & done")
        try await eventually("they wait in the kernel") {
            try await shell("c1", "cat /proc/[0-9]*/stat 2>/dev/null | grep -c '(cat) D' || true") == "2"
        }
        for words in [["pause", "c1"], ["snapshot", "c1", "s1"]] {
            let refusal = try await within(.seconds(60), "the refusal") { [lx] in try await lx.run(words) }
            #expect(refusal.status == 1, "\(words)")
            #expect(refusal.errors.contains("\"cat\""), "\(refusal.errors)")
            #expect(refusal.errors.contains(" in the kernel"), "\(refusal.errors)")
            #expect(!refusal.errors.contains("init"), "\(refusal.errors)")
        }
        #expect(try await instance("c1").status == "Running")
        // By schedule nobody sees the error: it is a warning, until it works.
        try await configure("c1", ["snapshots.schedule": "* * * * *"])
        func status() async throws -> String? {
            try await client.call(API.warnings.list, as: [LexAPI.Warning].self, query: ["recursion": "1"]).first {
                $0.type == LexAPI.Warning.Kind.scheduledSnapshotFailure.rawValue
                    && $0.entityURL == "/1.0/instances/c1" && $0.lastMessage.contains("\"cat\"")
            }?.status
        }
        try await eventually("it is told of", within: .seconds(90)) { try await status() == "new" }
        try await shell("c1", "kill -9 $(pidof cat)")
        try await eventually("it works, and is resolved", within: .seconds(90)) { try await status() == "resolved" }
    }

    fileprivate func asksWhatNeverAnswers() async throws {
        try await launch("c1")
        try await hang()
        let pulls = try (0..<3).map { try lx.start("file", "pull", "c1/hung/file", path("pulled\($0)")) }
        try await eventually("they wait for it") { try fileServers().count >= 3 }
        // Neither the daemon nor who wants another file of this instance waits.
        let list: CommandOutput = try await within(.seconds(30), "the list") { [lx] in try await lx.run("list") }
        #expect(list.text.contains("c1"))
        let other = try await within(.seconds(30), "another file") { [lx] in
            try await lx.run("file", "pull", "c1/etc/passwd", "-")
        }
        #expect(other.status == 0 && other.text.contains("root"), "\(other)")
        #expect(pulls.allSatisfy { !$0.hasEnded })
        // Whoever asked may go.
        try pulls[0].signal(SIGKILL)
        _ = try await pulls[0].end()
        try pulls[1].signal(SIGINT)
        _ = try await pulls[1].end(within: .seconds(30))
        try await eventually("nobody looks for those who went") {
            try fileServers().filter { !isKilled($0) }.count <= 1
        }
        // The end of the instance is the end of the wait.
        try await within(.seconds(60), "the stop") { [lx] in _ = try await lx("stop", "c1", "--force") }
        #expect(try await pulls[2].end(within: .seconds(30)) != 0)
        try await within(.seconds(60), "the deletion") { [lx] in _ = try await lx("delete", "c1") }
        try await eventually("nobody looks at files") { try fileServers().isEmpty }
    }
}
