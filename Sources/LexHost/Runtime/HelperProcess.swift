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

    package init(runtime: String, archive: String) {
        self.runtime = runtime
        self.archive = archive
    }

    /// The helpers in one directory.
    package init(directory: String) {
        runtime = directory + "/lexd-runtime"
        archive = directory + "/lexd-archive"
    }
}

/// A running lexd-runtime and our end of the socket to it.
package final class HelperProcess: Sendable {
    private let socket: JobSocket
    private let ended: Task<TerminationStatus?, Never>

    /// Starts the helper with one end of a new socket as its descriptor 0 and sends it the job.
    ///
    /// `title` shows in ps(1). Nothing of lexd's descriptors but 0...2 crosses; its errors go to `errors` when given.
    package init(
        _ program: String, title: String, job: RuntimeJob, descriptors: [Int32] = [], errors: Int32? = nil
    ) async throws {
        let pair = try OwnedDescriptor.socketPair()
        let ours = JobSocket(OwnedDescriptor(taking: pair.ours))
        let theirs = pair.theirs
        var options = PlatformOptions()
        options.createSession = true
        let finalOptions = options
        let (started, starting) = AsyncStream<Bool>.makeStream()
        // A task of its own: the helper's work is never cut short because who asked for it went away.
        ended = Task {
            defer { starting.finish() }
            do {
                let input = FileDescriptorInput.fileDescriptor(
                    FileDescriptor(rawValue: theirs), closeAfterSpawningProcess: true)
                let errorDescriptor = FileDescriptor(rawValue: errors ?? 2)
                let result = try await Subprocess.run(
                    .path(FilePath(program)), arguments: [title], environment: .custom(Self.environment),
                    platformOptions: finalOptions, input: input, output: .discarded,
                    error: .fileDescriptor(errorDescriptor, closeAfterSpawningProcess: false)
                ) { _ in starting.yield(true) }
                return result.terminationStatus
            } catch {
                return nil
            }
        }
        var didStart = false
        for await value in started { didStart = value; break }
        guard didStart else { throw SystemError("start", program, code: ENOENT) }
        socket = ours
        try socket.send(job, descriptors: descriptors)
    }

    private static let environment: [Environment.Key: String] = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
    ]

    /// The next reply; nil when the helper has ended without one.
    package func reply<Reply: Message>(_: Reply.Type = Reply.self) async throws -> Received<Reply>? {
        try await Readiness.shared.readable(socket.number)
        return try socket.receive(Reply.self)
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
