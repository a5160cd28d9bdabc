import ArgumentParser
import LexAPI
import LexClient
import Logging
import Synchronization

/// The options that every command takes.
struct GlobalOptions: ParsableArguments {
    @Flag(help: "Say on standard error everything that is asked of the server.")
    var debug = false
    @Flag(name: .shortAndLong, help: "Say more on standard error.")
    var verbose = false
    @Flag(name: .shortAndLong, help: "Do not show progress or say what was done.")
    var quiet = false
    @Option(
        parsing: .unconditional, help: "The project to work in, instead of the default one.", completion: Names.projects
    )
    var project: String?
    @Flag(help: "Use the server on this machine, whatever else is set.")
    var forceLocal = false
    /// Counts beside `--help`, which is read before; by itself it says nothing, as with the stock client.
    @Flag(help: .hidden)
    var subCommands = false

    /// Connects to the server of a remote and does something with it. The connection ends with the process: every answer
    /// has come, and to take threads and loops apart in good order costs a short command a fifth of its time.
    @discardableResult
    func withServer<Result>(
        _ remote: Remote, _ body: (Client) async throws -> Result
    ) async throws -> Result {
        guard remote == .local else {
            throw Failure(
                "The remote \"\(remote.rawValue)\" is a set of recipes and not a server; it only serves to make"
                    + " instances and images: lx launch \(remote.rawValue):debian/12 NAME")
        }
        let client = try Self.client(of: remote, project: project, logger: StandardErrorLog.logger(self))
        return try await body(client)
    }

    /// A client for the server of a remote, which is kept until the process ends.
    static func client(
        of remote: Remote, project: String?,
        logger: Logger = Logger(label: "lx", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws -> Client {
        let client = Client(
            .local(environment: Environment.variables),
            project: try project ?? ClientConfiguration.load().project(of: remote), logger: logger)
        kept.withLock { $0.append(client) }
        return client
    }

    /// The clients in use: one that is not closed must not go away.
    private static let kept = Mutex<[Client]>([])

    /// Does something with a thing on a server, named as a person writes it.
    @discardableResult
    func withServer<Result>(
        of reference: String, _ body: (Client, _ name: String) async throws -> Result
    ) async throws -> Result {
        let reference = try Reference(reference)
        return try await withServer(reference.remote) { try await body($0, reference.name) }
    }

    /// Says what was done to something that cannot be undone, where only a person sees it: the stock client is silent
    /// there, and so is this one towards scripts.
    func say(_ text: String) {
        if !quiet && Terminal.isTerminal(1) && Terminal.isTerminal(2) { StandardError.line(text) }
    }
}

/// A command that takes the options of all commands.
protocol Command: AsyncParsableCommand {
    var global: GlobalOptions { get }
}
