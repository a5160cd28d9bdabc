import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx console`
struct Console: Command {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Sit at the console of an instance.",
        discussion: """
            Ctrl-a q leaves it; Ctrl-a Ctrl-a is one Ctrl-a for the instance. Several people may sit at one console: \
            all see what the instance says, and all may type.

              lx console web
              lx console web --show-log
            """)

    @Flag(help: "Show what the instance has said on its console lately, and end.")
    var showLog = false
    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: "The kind of console: containers have the kind console only.")
    var type = "console"
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard ["console", "vga"].contains(type) else { throw Failure("Unknown output type \"\(type)\"") }
        if showLog && type != "console" {
            throw Failure("The --show-log flag is only supported for by 'console' output type")
        }
        try await global.withServer(of: instance) { client, name in
            if showLog {
                let log = try await client.download(API.instances.consoleLog, path: ["name": name])
                try StandardOutput.write("\nConsole log:\n\n")
                try await log.write(to: 1)
                try StandardOutput.write("\n")
            } else {
                try await ConsoleSession.run(client, name, type: type)
            }
        }
    }
}

/// Somebody at a console, with the terminal this process runs on.
enum ConsoleSession {
    static func run(_ client: Client, _ name: String, type: String = "console") async throws {
        let size = Terminal.size(1) ?? Terminal.size(0)
        let signals = Signals<ConsoleEvent>([SIGWINCH, SIGHUP, SIGINT, SIGTERM]) { number in
            guard number == SIGWINCH else { return .leave }
            return (Terminal.size(1) ?? Terminal.size(0)).map { .resize(width: $0.width, height: $0.height) }
        }
        if Terminal.isTerminal(0) { try StandardOutput.write("To detach from the console, press: <ctrl>+a q\n") }
        let settings = Terminal.isTerminal(0) ? Terminal.makeRaw(0) : nil
        defer {
            if let settings { Terminal.restore(0, settings) }
            signals.cancel()
        }
        try await client.console(
            name, Instance.Console(width: size?.width ?? 0, height: size?.height ?? 0, type: type),
            input: 0, output: .descriptor(1), events: signals.stream)
    }
}
