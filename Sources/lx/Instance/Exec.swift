import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx exec`
struct Exec: Command {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a command in an instance.",
        discussion: """
            The command is run as it is, without a shell. It gets a terminal when both standard input and standard \
            output are one. lx ends with the exit code of the command.

            Options stand before or right behind the instance; everything after that belongs to the command.

              lx exec web -- bash
              lx exec web --user 1000 --cwd /srv -- ls -l
              lx exec web -- sh -c "cd /tmp && pwd"
            """)

    /// The options that are followed by a value, for `Arguments`.
    static let optionsWithValue: Set<String> = ["--env", "--cwd", "--user", "--group", "--mode", "--project"]

    /// Whether the command runs on a terminal.
    enum Mode: String, ExpressibleByArgument, CaseIterable {
        case auto, interactive
        case nonInteractive = "non-interactive"
    }

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An environment variable for the command.", valueName: "name=value"))
    var env: [String] = []
    @Option(parsing: .unconditional, help: "The directory to run it in, instead of the user's own.")
    var cwd: String = ""
    @Option(parsing: .unconditional, help: "The user id to run it as.")
    var user: UInt32 = 0
    @Option(parsing: .unconditional, help: "The group id to run it as.")
    var group: UInt32 = 0
    @Flag(name: [.customShort("t"), .long], help: "Give it a terminal in any case.")
    var forceInteractive = false
    @Flag(name: [.customShort("T"), .long], help: "Do not give it a terminal in any case.")
    var forceNoninteractive = false
    @Flag(name: [.customShort("n"), .long], help: "Give it no input.")
    var disableStdin = false
    @Option(parsing: .unconditional, help: "Whether it gets a terminal: auto, interactive or non-interactive.")
    var mode: Mode = .auto
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: ArgumentHelp("The command and its arguments.", valueName: "command"))
    var command: [String]
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if forceInteractive && forceNoninteractive { throw ValidationError("Give either -t or -T, not both.") }
        if (forceInteractive || forceNoninteractive) && mode != .auto {
            throw ValidationError("Give either --mode or one of -t and -T, not both.")
        }
    }

    func run() async throws {
        let interactive = isInteractive
        let size = interactive ? Terminal.size(1) ?? Terminal.size(0) : nil
        let request = Instance.Exec(
            command: command, waitForWebsocket: true, interactive: interactive, environment: environment,
            width: size?.width ?? 0, height: size?.height ?? 0, user: Int64(user), group: Int64(group), cwd: cwd)
        // The descriptors 0 to 2 go through as they are; whatever they are, the command sees the same.
        let control = Signals.forExec(interactive: interactive)
        let streams = ExecStreams(
            input: disableStdin ? .nothing : .descriptor(0), output: .descriptor(1), errors: .descriptor(2),
            control: control.stream)
        let settings = interactive && !disableStdin ? Terminal.makeRaw(0) : nil
        let result: ExecResult
        do {
            defer {
                if let settings { Terminal.restore(0, settings) }
                control.cancel()
            }
            result = try await global.withServer(of: instance) { client, name in
                try await client.exec(name, request, streams: streams)
            }
        }
        if let failure = result.failure { StandardError.line("Error: \(failure)") }
        throw ExitCode(Int32(truncatingIfNeeded: result.exitCode))
    }

    private var isInteractive: Bool {
        if forceInteractive || mode == .interactive { return true }
        if forceNoninteractive || mode == .nonInteractive || disableStdin { return false }
        return Terminal.isTerminal(0) && Terminal.isTerminal(1)
    }

    private var environment: [String: String] {
        var result: [String: String] = [:]
        if let term = Environment.value("TERM"), !term.isEmpty { result["TERM"] = term }
        for word in env {
            // A name alone means an empty variable, as with the stock client.
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if let name = parts.first { result[name] = parts.count == 2 ? parts[1] : "" }
        }
        return result
    }
}
