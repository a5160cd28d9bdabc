import CLexLinux
import Glibc
import LexHost
import LexIPC
import Testing

/// An attacker's program in lexd-archive's place, in the real confinement.
@Suite struct ArchiveWallTests {
    private let fixture: ArchiveFixture
    init() throws { fixture = try ArchiveFixture() }

    @Test(arguments: [true, false])
    func hasNothingButItsThreeDescriptorsAndLimits(_ filtersCalls: Bool) async throws {
        let report = try await fixture.attack("inventory", filtersCalls: filtersCalls)
        let facts = report.split(separator: ";").map { $0.drop { $0 == " " } }
        #expect(facts.filter { $0.hasPrefix("fd ") } == ["fd 0", "fd 1", "fd 2"])
        #expect(facts.contains("uid 0 0 gid 0 0"))
        #expect(facts.contains("limit as \(1 << 30) \(1 << 30)"))
        #expect(facts.contains("limit cpu 1800 1800"))
        #expect(facts.contains("limit core 0 0"))
        #expect(facts.contains("limit nproc 1 1"))
        #expect(facts.contains("limit nofile 256 256"))
        #expect(facts.contains("raise memory limit: EPERM"))
        for name in ["proc", "sys", "dev", "etc", "home", "root", "tmp", "run"] {
            #expect(!facts.contains("has /\(name)"), "\(report)")
        }
        #expect(
            Set(facts.filter { $0.hasPrefix("env ") }.map { $0.split(separator: "=").first ?? "" })
                == ["env LC_ALL", "env LD_LIBRARY_PATH", "env SWIFT_BACKTRACE"])
    }

    @Test func hasFiveCapabilities() async throws {
        let report = try await fixture.attack("capabilities", filtersCalls: false)
        // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, SETFCAP 31.
        #expect(report.contains("effective 000000008000001b permitted 000000008000001b inheritable 0000000000000000"))
        #expect(report.contains("pid 1;"))
    }

    @Test(arguments: ["read host", "write outside", "devices", "sockets"], [true, false])
    func reachesNothing(_ attack: String, _ filtersCalls: Bool) async throws {
        // Somebody to reach, where the attack looks: a socket in the abstract namespace of the host's network.
        let listener = listenAbstract()
        defer { close(listener) }
        let report = try await fixture.attack(attack, filtersCalls: filtersCalls)
        #expect(!report.contains("reached"), "\(report)")
        #expect(report.count > 20)
    }

    @Test func reachesNothingWithAnyOtherCall() async throws {
        let report = try await fixture.attack("forbidden", filtersCalls: false)
        #expect(!report.contains("reached"), "\(report)")
        #expect(report.contains("mount: EPERM"))
    }

    @Test func gainsNothingByANamespaceOfItsOwn() async throws {
        let report = try await fixture.attack("nested", filtersCalls: false)
        #expect(!report.contains("reached"), "\(report)")
    }

    @Test(arguments: [
        "mount", "bind", "rename", "umount", "chroot", "pivot_root", "open_tree", "ptrace", "kill", "process_vm_readv",
        "pidfd_open", "setns", "sethostname", "open_by_handle_at", "bpf", "init_module", "clock_settime", "nested",
    ])
    func endsAtACallItHasNoReasonToMake(_ attack: String) async throws {
        await #expect(throws: ArchiveError.forbiddenCall) { try await fixture.attack(attack) }
    }

    @Test(arguments: ["fork", "thread"], [true, false])
    func staysOneProcess(_ attack: String, _ filtersCalls: Bool) async throws {
        let report = try await fixture.attack(attack, filtersCalls: filtersCalls)
        #expect(report.contains(filtersCalls ? "EPERM" : "EAGAIN"), "\(report)")
    }

    @Test func hasNoMoreMemoryThanItMay() async throws {
        let report = try await fixture.attack("memory") { $0.memoryLimit = 64 << 20 }
        let had = report.split(separator: " ").compactMap { Int($0) }.first ?? .max
        #expect(had < 64)
    }

    @Test func hasNoMoreProcessorTimeThanItMay() async throws {
        await #expect(throws: ArchiveError.processorLimit(.seconds(1))) {
            try await fixture.attack("processor") { $0.cpuLimit = .seconds(1) }
        }
        #expect(try fixture.attackers() == [])
    }

    @Test func hasNoMoreTimeThanItMay() async throws {
        for attack in ["half a message", "linger"] {
            await #expect(throws: ArchiveError.timeLimit(.milliseconds(300))) {
                try await fixture.attack(attack) { $0.timeLimit = .milliseconds(300) }
            }
            #expect(try fixture.attackers() == [])
        }
    }

    @Test(arguments: ["huge message", "garbage"])
    func isNotBelieved(_ attack: String) async throws {
        let error = await #expect(throws: ArchiveError.self) { try await fixture.attack(attack) }
        guard case .untrustworthy = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try fixture.attackers() == [])
    }

    @Test(arguments: ["link", "leftover", "template link"])
    func cannotLeaveWhatLexdWouldFollow(_ attack: String) async throws {
        let error = await #expect(throws: ArchiveError.self) { try await fixture.attack(attack) }
        guard case .untrustworthy(let what) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.hasPrefix("left "))
    }

    @Test func cannotFillLexdWithDescriptors() async throws {
        let before = try directoryNames("/proc/self/fd").count
        let report = try await fixture.attack("flood descriptors")
        #expect(report.contains("sent all"))
        // Other tests run beside this one; 8000 would be visible all the same.
        #expect(try directoryNames("/proc/self/fd").count < before + 500)
    }

    @Test func itsLastWordsAreHarmless() async throws {
        let error = await #expect(throws: ArchiveError.self) { try await fixture.attack("crash") }
        guard case .crashed(let status, let words) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(status == 128 + SIGILL || status == 128 + SIGTRAP)
        #expect(words.contains("Fatal error: ?index out of range"))
        #expect(words.unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }

    @Test func runsUnderItsOwnIdsAndEndsWhenItIsCancelled() async throws {
        let process = try await whileRunning { process in
            let id = "\(ArchiveFixture.firstID)"
            #expect(try ArchiveFixture.status(process, "Uid") == "\(id) \(id) \(id) \(id)")
            #expect(try ArchiveFixture.status(process, "Gid") == "\(id) \(id) \(id) \(id)")
            #expect(try ArchiveFixture.status(process, "Groups") == "")
            #expect(try ArchiveFixture.status(process, "CapBnd") == "000000008000001b")
            #expect(try ArchiveFixture.status(process, "NoNewPrivs") == "1")
            #expect(try ArchiveFixture.status(process, "Seccomp") == "2")
            for namespace in ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"] {
                let its = try ArchiveFixture.link("/proc/\(process)/ns/\(namespace)")
                #expect(try ArchiveFixture.link("/proc/self/ns/\(namespace)") != its)
            }
            // Nothing of it is mounted on the host.
            #expect(try !readFile("/proc/self/mountinfo").contains(fixture.directory))
        } end: { task, _ in
            task.cancel()
        } outcome: { error in
            #expect(error is CancellationError)
        }
        #expect(access("/proc/\(process)", F_OK) != 0)
    }

    @Test func endsWithItsLauncher() async throws {
        var watcher: Int32 = -1
        _ = try await whileRunning { process in
            watcher = lex_pidfd_open(process)
        } end: { _, process in
            let launcher = Int32(try ArchiveFixture.status(process, "PPid")) ?? 0
            #expect(launcher > 1)
            kill(launcher, SIGKILL)
        } outcome: { error in
            #expect(error is ArchiveError)
        }
        // The kernel's signal: it may be a moment behind the launcher's end.
        defer { close(watcher) }
        try await Readiness.shared.readable(watcher)
    }

    /// Runs an attack that waits for ever, looks at its process, ends it somehow, and gives its process id.
    private func whileRunning(
        look: (Int32) throws -> Void, end: (Task<String, any Error>, Int32) throws -> Void,
        outcome: (any Error) -> Void
    ) async throws -> Int32 {
        let (running, runs) = AsyncStream<Bool>.makeStream()
        let fixture = fixture
        let task = Task {
            defer { runs.finish() }
            return try await fixture.attack("half a message") { _ in
            } progress: { _ in
                runs.yield(true)
            }
        }
        for await _ in running { break }
        let process = try #require(try fixture.attackers().first)
        try look(process)
        try end(task, process)
        switch await task.result {
        case .success(let report): Issue.record("it ended with \(report)")
        case .failure(let error): outcome(error)
        }
        return process
    }
}

/// Listens where the attacker tries to connect to: `\0lexd-test-wall`.
private func listenAbstract() -> Int32 {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
        for (index, byte) in "lexd-test-wall".utf8.enumerated() { path[index + 1] = byte }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + 15)
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = bind(number, $0, length) }
    }
    listen(number, 8)
    return number
}
