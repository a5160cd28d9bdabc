import ArgumentParser
import LexAPI

/// `lx restart`
struct Restart: Command {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Restart instances.")

    @Flag(help: "Restart every instance that runs.")
    var all = false
    @Flag(name: .shortAndLong, help: "Do not ask the instance: end its processes at once.")
    var force = false
    @Option(
        parsing: .unconditional,
        help: "Seconds an instance may take to shut down by itself; -1 for as long as it takes.")
    var timeout: Int64 = -1
    @Option(
        defaultAsFlag: "console",
        help: ArgumentHelp(
            "Sit at its console at once; another kind of it would be named as --console=TYPE.", valueName: "type"))
    var console: String?
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"), completion: Names.instances)
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to restart, or say --all.") }
        if console != nil && (all || names.count > 1) {
            throw ValidationError("--console only works with a single instance")
        }
    }

    func run() async throws {
        let (global, console) = (global, console)
        let change = Instance.StateChange(action: "restart", timeout: timeout, force: force)
        if all { return try await EachInstance.performOnAll(names, change, doing: "Restarting", global) }
        try await EachInstance.perform(names, "restart", global) { client, name in
            try await InstanceAction(name: name, change: change, doing: "Restarting", done: "Restarted")
                .perform(on: client, global)
            if let console { try await ConsoleSession.run(client, name, type: console) }
        }
    }
}
