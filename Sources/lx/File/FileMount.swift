import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx file mount`
struct FileMount: Command {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Mount a directory of an instance on this machine.",
        discussion: """
            It is mounted with sshfs, which must be installed, until Ctrl-C. For other tools the server speaks SFTP at \
            /1.0/instances/NAME/sftp; a listener for SSH is not built in.

              lx file mount web/srv site
            """)

    @Option(parsing: .unconditional, help: "Refused: lx has no SSH server of its own.")
    var listen: String = ""
    @Option(parsing: .unconditional, help: "Belongs to --listen.")
    var authUser: String = ""
    @Flag(help: "Belongs to --listen.")
    var noAuth = false
    @Argument(
        help: ArgumentHelp("The instance, and the path in it.", valueName: "instance/path"), completion: Names.instances
    )
    var path: String
    @Argument(help: ArgumentHelp("The local directory.", valueName: "target"))
    var target: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard listen.isEmpty, authUser.isEmpty, !noAuth, let target else {
            throw Failure(
                "lx has no SSH server of its own to listen with: name a directory to mount on, or use the stock client"
                    + " for that (lxc file mount --listen)")
        }
        let place = try FilePlace(path.contains("/") ? path : path + "/", kind: "instance path")
        guard Files.isDirectory(target) else { throw Failure("Target path must be a directory: \(target)") }
        try await global.withServer(place.remote) { client in
            let socket = try await client.sftpSocket(place.instance)
            defer { close(socket) }
            let signals = Signals([SIGINT, SIGTERM, SIGHUP]) { $0 }
            defer { signals.cancel() }
            let process = try Self.startSSHFS(socket, place, target)
            if !global.quiet {
                StandardError.line("sshfs mounting \"\(place.instance)\(place.path)\" on \"\(target)\"")
                StandardError.line("Press ctrl+c to finish")
            }
            // sshfs is in a process group of its own: signals, and those of the terminal, reach it from here alone.
            let passing = Task {
                var isAskedToEnd = false
                for await _ in signals.stream {
                    isAskedToEnd = true
                    kill(process, SIGTERM)
                }
                return isAskedToEnd
            }
            let status = try await Self.wait(for: process)
            signals.cancel()
            // Told to end by a signal it says 1, and has unmounted.
            let isAskedToEnd = await passing.value
            guard status == 0 || isAskedToEnd else {
                throw Failure("Cannot keep \(target) mounted: sshfs ended with \(status)")
            }
        }
    }

    /// sshfs with the connection as its input and output, in the foreground.
    private static func startSSHFS(_ socket: Int32, _ place: FilePlace, _ target: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, socket, 0)
        posix_spawn_file_actions_adddup2(&actions, socket, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var usual = sigset_t()
        sigemptyset(&usual)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&usual, signal) }
        posix_spawnattr_setsigdefault(&attributes, &usual)
        // The thread that starts it may hold back all signals; sshfs must not.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        let words = ["sshfs", "-f", "-o", "slave", "\(place.instance):\(place.path)", target]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let failure = posix_spawnp(&process, "sshfs", &actions, &attributes, &arguments, environ)
        if failure == ENOENT { throw Failure("sshfs is not installed; on Debian: apt install sshfs") }
        guard failure == 0 else { throw Failure("Cannot start sshfs: \(String(cString: strerror(failure)))") }
        return process
    }

    private static func wait(for process: pid_t) async throws -> Int32 {
        try await withCheckedThrowingContinuation { continuation in
            let thread = WaitingThread(process) { continuation.resume(returning: $0) }
            if let failure = thread.start() { continuation.resume(throwing: failure) }
        }
    }
}

/// Waits for a child on a thread of its own.
private final class WaitingThread {
    private let process: pid_t
    private let done: (Int32) -> Void

    init(_ process: pid_t, _ done: @escaping (Int32) -> Void) {
        self.process = process
        self.done = done
    }

    func start() -> Failure? {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let me = Unmanaged<WaitingThread>.fromOpaque(argument).takeRetainedValue()
                var status: Int32 = 0
                while waitpid(me.process, &status, 0) < 0 && errno == EINTR {}
                me.done(status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f)
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else { return Failure("Cannot wait for sshfs: \(String(cString: strerror(code)))") }
        pthread_detach(thread)
        return nil
    }
}
