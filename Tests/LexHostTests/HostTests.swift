import Glibc
import LexIPC
import LexTestKit
import Logging
import Synchronization
import Testing

@testable import LexHost

@Suite struct CgroupLayoutTests {
    @Test func unified() {
        let layout = CgroupLayout(
            mounts: """
                proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
                cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0
                tmpfs /run tmpfs rw 0 0
                """)
        #expect(layout.isUnified && layout.allRoots == ["/sys/fs/cgroup"])
        for controller in ["cpu", "cpuset", "memory", "pids", "freezer", "cpuacct"] {
            #expect(layout.directory(controller, "g") == "/sys/fs/cgroup/g")
        }
        #expect(layout.directory("devices", "g") == nil)
    }

    @Test func oneTreeForEachController() {
        let layout = CgroupLayout(
            mounts: """
                tmpfs /sys/fs/cgroup tmpfs ro,nosuid 0 0
                cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
                cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
                cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
                cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0
                """)
        #expect(!layout.isUnified && layout.allRoots.count == 4)
        #expect(layout.directory("cpu", "g") == "/sys/fs/cgroup/cpu,cpuacct/g")
        #expect(layout.directory("cpuacct", "g") == "/sys/fs/cgroup/cpu,cpuacct/g")
        #expect(layout.directory("memory", "g") == "/sys/fs/cgroup/memory/g")
        #expect(layout.directory("cpuset", "g") == nil && layout.directory("freezer", "g") == nil)
    }

    @Test func hybrid() {
        let layout = CgroupLayout(
            mounts: """
                cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
                cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
                cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0
                cgroup2 /mnt/again cgroup2 rw 0 0
                cgroup /mnt/memory cgroup rw,memory 0 0
                """)
        #expect(!layout.isUnified)
        #expect(layout.directory("memory", "g") == "/sys/fs/cgroup/memory/g")
        #expect(layout.allRoots.count == 5)
    }

    @Test(arguments: ["", "\n\n", "cgroup", "cgroup2 /x", "a b cgroup2", " ", "cgroup /x cgroup"]) func oddTables(
        _ mounts: String
    ) {
        let layout = CgroupLayout(mounts: mounts)
        #expect(!layout.isUnified && layout.directory("memory", "g") == nil)
    }

    /// A list that cannot be read is not an empty one; a group that is not there has no processes.
    @Test func processesThatCannotBeRead() async throws {
        try await withTemporaryDirectory { directory in
            let layout = CgroupLayout(mounts: "cgroup2 \(directory) cgroup2 rw 0 0")
            #expect(try layout.allProcesses(in: "g") == [])
            try makeDirectories("\(directory)/g/below")
            try replaceFile("\(directory)/g/cgroup.procs", "7\n8\n".utf8)
            try replaceFile("\(directory)/g/below/cgroup.procs", "9\n".utf8)
            #expect(try layout.allProcesses(in: "g") == [7, 8, 9])
            try makeDirectories("\(directory)/g/other/cgroup.procs")
            #expect(throws: SystemError.self) { try layout.allProcesses(in: "g") }
        }
    }

    @Test func groupsBelowOne() async throws {
        try await withTemporaryDirectory { directory in
            let layout = CgroupLayout(mounts: "")
            for path in ["a/c", "b"] { try makeDirectories("\(directory)/\(path)") }
            let all = ["a", "b", "a/c"].map { "\(directory)/\($0)" }
            #expect(layout.groupsBelow(directory) == all)
            #expect(layout.groupsBelow(directory, limit: 2) == Array(all.prefix(2)))
            #expect(layout.groupsBelow(directory, limit: 1) == Array(all.prefix(1)))
            #expect(layout.groupsBelow(directory, until: ContinuousClock.now) == Array(all.prefix(2)))
        }
    }

    @Test func groupsOfTrees() async throws {
        try await withTemporaryDirectory { directory in
            let layout = CgroupLayout(
                mounts: "cgroup \(directory)/one cgroup memory 0 0\ncgroup \(directory)/two cgroup pids 0 0")
            for path in ["one/lexd.payload.a", "one/other", "two/lexd.payload.b", "two/lexd.payload.a/child"] {
                try makeDirectories("\(directory)/\(path)")
            }
            #expect(layout.groups(withPrefix: "lexd.") == ["lexd.payload.a", "lexd.payload.b"])
            layout.removeEmpty("lexd.payload.a")
            // One that is not empty is left.
            #expect(try directoryNames(directory + "/one") == ["other"])
            #expect(try directoryNames(directory + "/two") == ["lexd.payload.a", "lexd.payload.b"])
            layout.removeEmpty("none")
        }
    }

    @Test func numbers() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/file"
            for (text, number) in [("5\n", 5), ("max\n", nil), ("", nil), ("12 34", 12), ("-1\n", -1)]
                as [(String, Int64?)]
            {
                try replaceFile(path, text.utf8)
                #expect(cgroupNumber(path) == number)
            }
            #expect(cgroupNumber(directory + "/none") == nil)
        }
    }
}

@Suite struct HostFactsTests {
    @Test func readsThisHost() throws {
        let facts = try HostFacts.read()
        #expect(facts.memory > 1 << 20 && !facts.architecture.isEmpty && !facts.kernelRelease.isEmpty)
        #expect(facts.architectures.first == facts.architecture && facts.bootID.utf8.count == 36)
        #expect(!facts.distribution.name.contains("\""))
    }

    @Test func memory() {
        #expect(HostFacts.memory(in: "MemTotal:       16384 kB\nMemFree: 1 kB\n") == 16384 * 1024)
        #expect(HostFacts.memory(in: "MemFree: 1 kB\n") == 0)
        #expect(HostFacts.memory(in: "MemTotal:\n") == 0)
        #expect(HostFacts.memory(in: "MemTotal: much kB\n") == 0)
        #expect(HostFacts.memory(in: "") == 0)
    }

    @Test func distribution() {
        let text =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nNAMES=x\n"
        #expect(HostFacts.value("NAME", in: text) == "Debian GNU/Linux")
        #expect(HostFacts.value("VERSION_ID", in: text) == "12")
        #expect(HostFacts.value("VERSION", in: text) == nil)
        #expect(HostFacts.value("NAME", in: "") == nil)
    }

    @Test func librariesOfAProgram() {
        let text = """
            \tlinux-vdso.so.1 (0x00007ffe)
            \tliblxc.so.1 => /lib/x86_64-linux-gnu/liblxc.so.1 (0x00007f)
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
            \tlibmissing.so => not found
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
            \t/lib64/ld-linux-x86-64.so.2 (0x00007f)

            """
        let paths = ProgramLibraries.parse(text)
        #expect(Set(paths).isSuperset(of: ["/lib/x86_64-linux-gnu/liblxc.so.1", "/lib/x86_64-linux-gnu/libc.so.6"]))
        #expect(paths.count == Set(paths).count && paths.allSatisfy { $0.hasPrefix("/") })
        #expect(ProgramLibraries.parse("").count == 1)
    }

    @Test func settingsOfTheKernel() throws {
        #expect(KernelSetting("kernel/ostype").value == "Linux")
        #expect(KernelSetting("kernel/no/such").value == nil)
        // What has the value already, or is not there, is not written.
        #expect(try KernelSetting("kernel/ostype").set("Linux") == false)
        #expect(try KernelSetting("kernel/no/such").set("1") == false)
    }

    @Test func accounts() {
        #expect(Account(named: "root")?.user == 0 && Account(named: "root")?.groupName == "root")
        #expect(Account(named: "no-such-user-here") == nil && Account(named: "") == nil)
    }
}

@Suite struct RollbackTests {
    private struct Broken: Error {}
    private let logger = Logger(label: "test")

    @Test func stepsRunNewestFirstAndAll() async throws {
        let done = Mutex<[Int]>([])
        await #expect(throws: Broken.self) {
            try await withRollback(logger) { rollback in
                for number in 1...4 {
                    await rollback.add("step \(number)") {
                        done.withLock { $0.append(number) }
                        if number == 3 { throw CancellationError() }
                    }
                }
                throw Broken()
            }
        }
        #expect(done.withLock { $0 } == [4, 3, 2, 1])
    }

    @Test func nothingIsUndoneThatWentWell() async throws {
        let done = Mutex(0)
        let result = try await withRollback(logger) { rollback in
            await rollback.add("never") { done.withLock { $0 += 1 } }
            return 5
        }
        #expect(result == 5 && done.withLock { $0 } == 0)
    }

    @Test func stepsAreNotCancelledWithTheirTask() async throws {
        let seen = Mutex<[Bool]>([])
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let logger = logger
        let task = Task {
            try await withRollback(logger) { rollback in
                await rollback.add("look") { seen.withLock { $0.append(Task.isCancelled) } }
                begin.finish()
                try await Task.sleep(for: .seconds(60))
            }
        }
        for await _ in begun {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(seen.withLock { $0 } == [false])
    }
}

@Suite(.timeLimit(.minutes(1))) struct ReadinessTests {
    private func sockets() throws -> (OwnedNumber, OwnedNumber) {
        let pair = try OwnedDescriptor.socketPair()
        return (OwnedNumber(pair.ours), OwnedNumber(pair.theirs))
    }

    private final class OwnedNumber: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        deinit { close(number) }
    }

    @Test func whatCanBeReadIsNotWaitedFor() async throws {
        let (ours, theirs) = try sockets()
        #expect(write(theirs.number, "x", 1) == 1)
        try await Readiness.shared.readable(ours.number)
        try await Readiness.shared.readable(ours.number)
        try await Readiness.shared.writable(ours.number)
    }

    @Test func theEndIsSeen() async throws {
        let (ours, theirs) = try sockets()
        async let seen: Void = Readiness.shared.readable(ours.number)
        shutdown(theirs.number, Int32(SHUT_RDWR))
        try await seen
    }

    @Test func manyWaitAtOnce() async throws {
        let pairs = try (0..<400).map { _ in try sockets() }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (index, pair) in pairs.enumerated() {
                group.addTask {
                    try await Readiness.shared.readable(pair.0.number)
                    return index
                }
            }
            for pair in pairs.shuffled() { #expect(write(pair.1.number, "x", 1) == 1) }
            var seen: Set<Int> = []
            for try await index in group { seen.insert(index) }
            #expect(seen.count == 400)
        }
    }

    @Test func waitingCanBeCancelledAndBegunAgain() async throws {
        let (ours, theirs) = try sockets()
        for _ in 0..<50 {
            let task = Task { try await Readiness.shared.readable(ours.number) }
            await Task.yield()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        let task = Task { try await Readiness.shared.readable(ours.number) }
        #expect(write(theirs.number, "x", 1) == 1)
        try await task.value
    }

    /// The word that it is there and the cancellation at one moment: either may win, and nobody is left waiting.
    @Test func cancellationAndReadinessAtOnce() async throws {
        for round in 0..<300 {
            let (ours, theirs) = try sockets()
            let task = Task { try await Readiness.shared.readable(ours.number) }
            if round % 3 == 0 { await Task.yield() }
            async let written = onThread { write(theirs.number, "x", 1) }
            task.cancel()
            _ = await task.result
            #expect(try await written == 1)
        }
    }

    @Test func whatCannotBeWaitedForIsSaid() async throws {
        await #expect(throws: SystemError.self) { try await Readiness.shared.readable(-1) }
        let file = try OwnedDescriptor.open("/proc/self/exe", O_RDONLY)
        let number = file.number
        let error = await #expect(throws: SystemError.self) { try await Readiness.shared.readable(number) }
        #expect(error?.code == EPERM)
        withExtendedLifetime(file) {}
    }

    @Test func blockingWorkLeavesTheThreadsFree() async throws {
        // More than Swift has threads: none of them may stand still.
        let pairs = try (0..<16).map { _ in try sockets() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in pairs.prefix(4) {
                group.addTask {
                    let byte = try await blocking {
                        var byte: UInt8 = 0
                        return read(pair.0.number, &byte, 1) == 1 ? byte : 0
                    }
                    #expect(byte == 7)
                }
            }
            group.addTask {
                await Task.yield()
                for pair in pairs.prefix(4) {
                    var byte: UInt8 = 7
                    #expect(write(pair.1.number, &byte, 1) == 1)
                }
            }
            try await group.waitForAll()
        }
        await #expect(throws: SystemError.self) { try await blocking { throw SystemError("do", "it", code: EIO) } }
    }
}
