import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Honest numbers in a guest, by an lxcfs that the test runs itself.
    @Suite struct LXCFS {
        @Test func numbersFollowTheLimits() async throws {
            try await withLXCFS { daemon, lxcfs in
                try await daemon.launch("n1", config: ["limits.memory": "100MiB"])
                try await daemon.checkNumbers()
                try await daemon.checkEndOfLXCFS(lxcfs)
            }
        }
    }
}

/// An lxcfs at a place of its own.
private final class OwnLXCFS: Sendable {
    let directory: String

    init() throws {
        directory = "/tmp/lexd-test-lxcfs-\(UInt32.random(in: .min ... .max))"
        try makeDirectories(directory)
    }

    func start() async throws -> ChildProcess {
        let child = try ChildProcess(
            "lxcfs", ["-f", "-l", "-p", directory + ".pid", directory],
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]
        )
        try await eventually("lxcfs is there") { access("\(self.directory)/proc/meminfo", R_OK) == 0 }
        return child
    }

    /// Takes away what one that was killed has left.
    func clear() async throws { _ = try await Program("umount").run("-l", directory) }

    func remove() async {
        try? await clear()
        rmdir(directory)
        unlink(directory + ".pid")
    }
}

/// Runs a body with an lxcfs and a daemon that knows of it.
private func withLXCFS(_ body: @escaping @Sendable (DaemonFixture, OwnLXCFS) async throws -> Void) async throws {
    let lxcfs = try OwnLXCFS()
    var options = DaemonFixture.Options.standard
    options.environment["LEXD_LXCFS"] = lxcfs.directory
    do { try await withDaemon(options) { try await body($0, lxcfs) } } catch {
        await lxcfs.remove()
        throw error
    }
    await lxcfs.remove()
}

extension DaemonFixture {
    private static let total = "sed -n 's/^MemTotal: *//p' /proc/meminfo"
    private static let limited = "102400 kB"

    /// Without one: the host's, and nothing is missing.
    fileprivate func checkNumbers() async throws {
        #expect(try await shell("n1", Self.total) != Self.limited)
        #expect(
            try await shell("n1", "cat /proc/uptime /proc/cpuinfo > /dev/null; grep -c lxcfs /proc/mounts || true")
                == "0")
    }

    /// Of n2, which was started just now with an lxcfs that counts load.
    private func checkOtherNumbers() async throws {
        let uptime = try await shell("n2", "cut -d. -f1 /proc/uptime")
        #expect(Int(uptime).map { $0 < 300 } == true, "\(uptime)")
        // Of the load the fourth number: those who run, of all there are.
        let load = try await shell("n2", "cut -d' ' -f4 /proc/loadavg")
        #expect(load.split(separator: "/").last.flatMap { Int($0) }.map { $0 < 50 } == true, "\(load)")
        #expect(try await shell("n2", "grep -c '/proc/loadavg fuse.lxcfs' /proc/mounts") == "1")
        // What is said of swap in one place is what is said in the other.
        #expect(
            try await shell("n2", "awk 'NR > 1 { sum += $3 } END { print sum + 0 }' /proc/swaps")
                == (try await shell("n2", "awk '/^SwapTotal:/ { print $2 }' /proc/meminfo")))
        // free(1) of procps reads these files. The host's program, with all it needs.
        let free = "/usr/bin/free"
        let libraries = try await Program("ldd")(free).split(whereSeparator: \.isWhitespace)
            .filter { $0.hasPrefix("/") }.map(String.init)
        let push = try await lx.run(["file", "push", "-p", free] + libraries + ["n2/root/free/"])
        #expect(push.status == 0, "\(push.errors)")
        let loader = try #require(libraries.last { $0.contains("/ld-") }?.split(separator: "/").last)
        let mine = "/root/free/\(loader) --library-path /root/free /root/free/free -k"
        #expect(try await shell("n2", "\(mine) | awk '/^Mem:/ { print $2 }'") == "102400")
        // That of busybox asks the kernel, which answers for the host unless lexd answers in its place.
        let total = "free -k | awk '/^Mem:/ { print $2 }'"
        #expect(try await shell("n2", total) != "102400")
        try await launch(
            "n4", config: ["limits.memory": "100MiB", "security.syscalls.intercept.sysinfo": "true"])
        #expect(try await shell("n4", total) == "102400")
        try await lx("delete", "n4", "--force")
    }

    fileprivate func checkEndOfLXCFS(_ lxcfs: OwnLXCFS) async throws {
        var running = try await lxcfs.start()
        // Who runs already gets it, and who is started then has it from the beginning.
        try await launch("n2", config: ["limits.memory": "100MiB", "limits.cpu": "1"])
        #expect(try await shell("n2", Self.total) == Self.limited)
        #expect(try await shell("n2", "grep -c ^processor /proc/cpuinfo; grep -c . /proc/swaps").hasPrefix("1\n"))
        try await eventually("n1 has it too") { try await shell("n1", Self.total) == Self.limited }
        try await checkOtherNumbers()
        // It hangs: a start does not, and does without.
        try running.signal(SIGSTOP)
        try await launch("n3", config: ["limits.memory": "100MiB"])
        try running.signal(SIGCONT)
        #expect(log.contains("does not answer"))
        // It dies: soon the kernel's own files are there, and a start does without.
        try running.signal(SIGKILL)
        try await running.end()
        for name in ["n1", "n2"] {
            try await eventually("\(name) has files that can be read") {
                let seen = try await exec(name, "sh", "-c", Self.total)
                return seen.status == 0 && !seen.text.isEmpty && seen.text != Self.limited + "\n"
            }
        }
        try await stop("n2", force: true)
        try await start("n2")
        #expect(log.contains("has gone and left its mount"))
        // Another one comes.
        try await lxcfs.clear()
        running = try await lxcfs.start()
        for name in ["n1", "n2", "n3"] {
            try await eventually("\(name) has the new one") { try await shell(name, Self.total) == Self.limited }
        }
        try running.signal(SIGTERM)
        try await running.end()
    }
}
