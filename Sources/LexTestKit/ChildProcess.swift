import CLexLinux
import Glibc
import LexHost
import LexIPC
import Synchronization

/// Where a process that a test starts reads from.
package enum ChildInput: Sendable {
    /// `/dev/null`.
    case nothing
    /// These bytes, and then the end.
    case bytes([UInt8])
    /// This text, and then the end.
    case text(String)
    /// A descriptor, which stays the caller's.
    case descriptor(Int32)
}

/// A process that a test started: ended and waited for by the test alone, by its own number.
///
/// Its output and errors go to files in memory, which never make it wait and can be read while it runs.
package final class ChildProcess: Sendable {
    /// Its number.
    package let id: Int32
    /// The command line, for messages.
    package let command: String
    private let handle: RunningProcess
    /// Files in memory, or -1.
    private let output: Int32
    private let errors: Int32
    private let status = Mutex<Int32?>(nil)

    /// Starts `program` with no signal ignored and exactly this environment.
    ///
    /// - Parameters:
    ///   - terminal: The path of a terminal that becomes its three streams and its controlling terminal.
    ///   - log: A file for its errors, in place of one in memory.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String], input: ChildInput = .nothing,
        terminal: String? = nil, log: String? = nil
    ) throws {
        command = ([program] + arguments).joined(separator: " ")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var kept: [Int32] = []
        defer { for number in kept { close(number) } }
        if let terminal {
            // The first terminal a session's leader opens is the session's (tty(4)).
            posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
            output = -1
            errors = -1
        } else {
            switch input {
            case .nothing: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            case .bytes(let bytes): kept.append(try Self.file(holding: bytes))
            case .text(let text): kept.append(try Self.file(holding: Array(text.utf8)))
            case .descriptor(let number): kept.append(fcntl(number, F_DUPFD_CLOEXEC, 3))
            }
            if let number = kept.first { posix_spawn_file_actions_adddup2(&actions, number, 0) }
            output = lex_memfd("output")
            if let log {
                errors = try OwnedDescriptor.open(log, O_WRONLY | O_CREAT | O_APPEND).release()
            } else {
                errors = lex_memfd("errors")
            }
            posix_spawn_file_actions_adddup2(&actions, output, 1)
            posix_spawn_file_actions_adddup2(&actions, errors, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        // A session of its own: a Ctrl-C for the tests is not meant for it, and a terminal can be its.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | Self.setSession)
        var vector: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in vector + variables { free(text) } }
        var number: pid_t = 0
        let code = posix_spawnp(&number, program, &actions, &attributes, &vector, &variables)
        guard code == 0 else { throw SystemError("start", program, code: code) }
        id = number
        guard let handle = try RunningProcess(number) else { throw SystemError("watch", program, code: ESRCH) }
        self.handle = handle
    }

    deinit {
        if output >= 0 { close(output) }
        if errors >= 0 { close(errors) }
    }

    /// POSIX_SPAWN_SETSID, which <spawn.h> shows only to GNU programs.
    private static let setSession: Int16 = 0x80

    private static func file(holding bytes: [UInt8]) throws -> Int32 {
        let file = OwnedDescriptor(taking: lex_memfd("input"))
        try file.writeAll(bytes, to: "a file in memory")
        lseek(file.number, 0, SEEK_SET)
        return file.release()
    }

    /// What it has written to its output so far.
    package var outputBytes: [UInt8] { Self.content(output) }
    /// What it has written to its errors so far.
    package var errorBytes: [UInt8] { Self.content(errors) }
    /// Its output so far, as text.
    package var text: String { String(decoding: outputBytes, as: UTF8.self) }

    private static func content(_ number: Int32) -> [UInt8] {
        var status = stat()
        guard fstat(number, &status) == 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        // From its beginning, whatever the position the child writes at.
        let got = bytes.withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, 0) }
        return Array(bytes.prefix(max(0, got)))
    }

    /// Whether it has ended.
    package var hasEnded: Bool { handle.hasEnded }

    /// Sends it a signal.
    package func signal(_ number: Int32) throws { try handle.signal(number) }

    /// Waits for its end: its exit code, or 128 + signal. One that takes longer than `patience` is killed, and
    /// ``NotInTime`` thrown.
    @discardableResult
    package func end(within patience: Duration = .seconds(120)) async throws -> Int32 {
        do {
            try await LexTestKit.within(patience, "the end of \(command)") { try await self.handle.ended() }
        } catch {
            try handle.signal(SIGKILL)
            try await handle.ended()
            _ = collect()
            throw error
        }
        return collect()
    }

    private func collect() -> Int32 {
        status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            while waitpid(id, &raw, 0) < 0 && errno == EINTR {}
            let code = lex_exit_status(raw)
            status = code
            return code
        }
    }
}

/// What a process that has ended leaves.
package struct CommandOutput: Sendable, CustomStringConvertible {
    /// The command line.
    package let command: String
    /// Its exit code, or 128 + signal.
    package let status: Int32
    /// What it wrote to its output.
    package let bytes: [UInt8]
    /// What it wrote to its errors, as text.
    package let errors: String

    /// Its output as text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
    /// The lines of its output.
    package var lines: [String] { text.split(separator: "\n").map(String.init) }

    package var description: String {
        "`\(command)` ended with \(status)\noutput: \(text.prefix(2000))\nerrors: \(errors.prefix(2000))"
    }
}

/// A command that was to succeed and did not.
package struct CommandFailed: Error, CustomStringConvertible {
    /// How it ended.
    package let output: CommandOutput
    package var description: String { output.description }
}

/// A program as a test runs it.
package struct Program: Sendable {
    /// Its path, or its name on PATH.
    package let path: String
    /// Its environment, whole.
    package let environment: [String: String]

    package init(_ path: String, environment: [String: String] = [:]) {
        self.path = path
        self.environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
        ]
        .merging(environment) { $1 }
    }

    /// Starts it.
    package func start(_ arguments: String..., input: ChildInput = .nothing) throws -> ChildProcess {
        try ChildProcess(path, arguments, environment: environment, input: input)
    }

    /// Runs it to its end, however it ends.
    package func run(
        _ arguments: String..., input: ChildInput = .nothing, within patience: Duration = .seconds(120)
    ) async throws -> CommandOutput {
        try await run(arguments, input: input, within: patience)
    }

    /// The same with a list of arguments.
    package func run(
        _ arguments: [String], input: ChildInput = .nothing, within patience: Duration = .seconds(120)
    ) async throws -> CommandOutput {
        let child = try ChildProcess(path, arguments, environment: environment, input: input)
        let status = try await child.end(within: patience)
        return CommandOutput(
            command: child.command, status: status, bytes: child.outputBytes,
            errors: String(decoding: child.errorBytes, as: UTF8.self))
    }

    /// Runs it and throws ``CommandFailed`` unless it ends with 0; answers its output as text.
    @discardableResult
    package func callAsFunction(
        _ arguments: String..., input: ChildInput = .nothing, within patience: Duration = .seconds(120)
    ) async throws -> String {
        let output = try await run(arguments, input: input, within: patience)
        guard output.status == 0 else { throw CommandFailed(output: output) }
        return output.text
    }
}
