import ArgumentParser
import LexAPI
import LexClient

/// `lx monitor`
struct Monitor: Command {
    static let configuration = CommandConfiguration(
        abstract: "Show what happens on the server, as it happens.",
        discussion: """
              lx monitor --type lifecycle
              lx monitor --pretty --loglevel info
            """)

    /// How events are shown.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, pretty, yaml
    }

    @Option(
        name: [.customShort("f", allowingJoined: true), .long], parsing: .unconditional,
        help: "How to show the events: json, pretty or yaml.")
    var format: Format = .yaml
    @Flag(help: "The same as --format=pretty.")
    var pretty = false
    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: "The kind of events: operation, lifecycle or logging; all when none is named.")
    var type: [String] = []
    @Option(parsing: .unconditional, help: "The lowest level of log lines; only with --pretty.")
    var loglevel: LogLevel?
    @Flag(help: "The events of all projects.")
    var allProjects = false
    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let format = pretty ? .pretty : format
        guard loglevel == nil || format == .pretty else {
            throw Failure("--loglevel works with --pretty only; the other formats show everything")
        }
        // Several kinds may also stand in one word.
        let types = type.flatMap { $0.split(separator: ",").map(String.init) }
        try await global.withServer(of: remote) { client, _ in
            for try await event in try await client.events(types: types, allProjects: allProjects) {
                switch format {
                case .json: try StandardOutput.write(JSONText.compact(Tree(event)) + "\n\n")
                case .yaml: try StandardOutput.write(YAMLText.document(Tree(event)) + "\n\n")
                case .pretty:
                    if let line = EventLine.text(event, lowest: loglevel ?? .debug) { try StandardOutput.line(line) }
                }
            }
            throw Failure("The server closed the connection; it was stopped or restarted")
        }
    }
}
