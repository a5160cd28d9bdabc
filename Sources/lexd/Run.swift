import ArgumentParser
import CLexLinux
import Glibc
import LexDaemon
import Logging
import ServiceLifecycle
import UnixSignals

/// `lexd`: the daemon itself.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the daemon in the foreground (the default).")

    @Option(help: "The group whose members may use the socket. Whoever is in it is in effect root on this host.")
    var group = "root"
    @Flag(help: "Log everything, also what only helps to find faults.")
    var debug = false
    @Flag(name: .shortAndLong, help: "Log what the daemon does, not only what is out of the ordinary.")
    var verbose = false
    @Flag(help: "Make no storage pool, network or default profile at the first start.")
    var bare = false

    func run() async throws {
        guard geteuid() == 0 else {
            throw ValidationError("lexd must be run as root: it makes namespaces, mounts and links")
        }
        // A peer or a command that is gone is an error of the write, not the end of the daemon.
        signal(SIGPIPE, SIG_IGN)
        // Two threads do the work of two cores; more arenas than that only hold memory.
        lex_malloc_arenas(2)
        let events = DaemonEvents()
        let level: Logger.Level = debug ? .debug : verbose ? .info : .notice
        LoggingSystem.bootstrap { label in events.handler(over: LogfmtHandler(label: label, logLevel: level)) }
        let logger = Logger(label: "lexd")
        let daemon = Daemon(
            try await Wiring.parts(DaemonSettings(), group: try groupID(), isBare: bare), events: events, logger: logger
        )
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: DaemonService(daemon: daemon), successTerminationBehavior: .gracefullyShutdownGroup)
                ], gracefulShutdownSignals: [.sigterm, .sigint, .sigquit], logger: logger))
        try await group.run()
    }

    private func groupID() throws -> UInt32 {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 65536)
        guard getgrnam_r(group, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            throw ValidationError(
                "There is no group \"\(group)\" on this host: make it with groupadd --system \(group)")
        }
        return entry.gr_gid
    }
}

private struct DaemonService: Service, CustomStringConvertible {
    let daemon: Daemon
    var description: String { "lexd" }
    func run() async throws { try await daemon.run() }
}
