import CLexLinux
import Glibc
package import LexIPC
import Subprocess
import SystemPackage

/// Where lexd's helper programs lie.
package struct HelperPrograms: Sendable {
    /// `lexd-runtime`
    package let runtime: String
    /// `lexd-archive`
    package let archive: String
    /// How long a helper that has to answer soon may take before it counts as hanging. A start takes a tenth of a
    /// second, and on a host where hundreds start at once many of them.
    package let patience: Duration

    package init(runtime: String, archive: String, patience: Duration = .seconds(120)) {
        self.runtime = runtime
        self.archive = archive
        self.patience = patience
    }

    /// The helpers in one directory.
    package init(directory: String, patience: Duration = .seconds(120)) {
        self.init(
            runtime: directory + "/lexd-runtime", archive: directory + "/lexd-archive", patience: patience)
    }
}

/// A running lexd-runtime and our end of the socket to it.
package final class HelperProcess: Sendable {
    private let socket: JobSocket
    private let process: RunningProcess
    private let ended: Task<TerminationStatus?, Never>

    /// Starts the helper with one end of a new socket as its descriptor 0 and sends it the job.
    ///
    /// `title` shows in ps(1). Nothing of lexd's descriptors but 0...2 crosses; its errors go to `errors` when given.
    ///
    /// - Parameter mark: A variable of its environment, by which what it forks is found again.
    package convenience init(
        _ program: String, title: String, job: RuntimeJob, descriptors: [Int32] = [], errors: Int32? = nil,
        mark: HelperMark? = nil
    ) async throws {
        try await self.init(program, title, errors, mark)
        try give(job, descriptors)
    }

    /// Starts the helper without a job: it waits for one, and ends when lexd does.
    package convenience init(waiting program: String) async throws {
        // With room for the title that its job will give it.
        try await self.init(program, "spare" + String(repeating: " ", count: 80), nil, nil)
    }

    private init(_ program: String, _ title: String, _ errors: Int32?, _ mark: HelperMark?) async throws {
        let pair = try OwnedDescriptor.socketPair()
        let ours = JobSocket(OwnedDescriptor(taking: pair.ours))
        var environment = Self.environment
        if let mark { environment[Environment.Key(stringLiteral: HelperMark.variable)] = mark.value }
        let (started, starting) = AsyncStream<RunningProcess>.makeStream()
        ended = Self.run(program, title, environment, input: pair.theirs, errors: errors ?? 2, starting)
        process = try await Self.first(of: started, program)
        socket = ours
    }

    /// Runs a helper in a task of its own: its work is never cut short because who asked for it went away.
    private static func run(
        _ program: String, _ title: String, _ environment: [Environment.Key: String], input: Int32, errors: Int32,
        _ starting: AsyncStream<RunningProcess>.Continuation
    ) -> Task<TerminationStatus?, Never> {
        var options = PlatformOptions()
        options.createSession = true
        let finalOptions = options
        return Task {
            defer { starting.finish() }
            do {
                let input = FileDescriptorInput.fileDescriptor(
                    FileDescriptor(rawValue: input), closeAfterSpawningProcess: true)
                let result = try await Subprocess.run(
                    .path(FilePath(program)), arguments: [title], environment: .custom(environment),
                    platformOptions: finalOptions, input: input, output: .discarded,
                    error: .fileDescriptor(FileDescriptor(rawValue: errors), closeAfterSpawningProcess: false)
                ) { execution in
                    // Here it is not waited for yet: the number is still its own, even when it has ended.
                    if let process = try RunningProcess(execution.processIdentifier.value) { starting.yield(process) }
                }
                return result.terminationStatus
            } catch {
                return nil
            }
        }
    }

    private static func first(
        of started: AsyncStream<RunningProcess>, _ program: String
    ) async throws -> RunningProcess {
        for await process in started { return process }
        throw SystemError("start", program, code: ENOENT)
    }

    /// Sends it its job; it takes one.
    func give(_ job: RuntimeJob, _ descriptors: [Int32]) throws {
        do {
            try socket.send(job, descriptors: descriptors)
        } catch {
            // It was killed: whoever waits for its reply hears of its end.
            guard [EPIPE, ECONNRESET].contains(error.code) else { throw error }
        }
    }

    private static let environment: [Environment.Key: String] = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
    ]

    /// The next reply; nil when the helper has ended without one.
    package func reply<Reply: Message>(_: Reply.Type = Reply.self) async throws -> Received<Reply>? {
        try await Readiness.shared.readable(socket.number)
        do {
            return try socket.receive(Reply.self)
        } catch let error as SystemError where error.code == ECONNRESET {
            // It ended before it had read all of its job (unix(7)).
            return nil
        }
    }

    /// Whether there is a reply already, or the helper has ended without one.
    var isHeard: Bool {
        var watched = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) != 0
    }

    /// Whether there is a reply, or the helper has ended without one, before so much time is over.
    package func isHeard(within patience: Duration) async throws -> Bool {
        try await Readiness.shared.readable(socket.number, within: patience)
    }

    /// Ends a helper that hangs, and waits for that.
    package func kill() async throws {
        try process.signal(SIGKILL)
        await end()
    }

    /// Closes the socket for both sides; a helper that watches it, as the one that confines a program does, ends.
    package func hangUp() { shutdown(socket.number, Int32(SHUT_RDWR)) }

    /// Waits for the helper's end: its exit code, 128 + signal, or -1 when it could not be started.
    @discardableResult
    package func end() async -> Int32 {
        switch await ended.value {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        case nil: -1
        }
    }
}
