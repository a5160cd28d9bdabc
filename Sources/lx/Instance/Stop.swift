import ArgumentParser
import LexAPI

/// `lx stop`
struct Stop: Command {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop instances.")

    @Flag(help: "Stop every instance that runs.")
    var all = false
    @Flag(name: .shortAndLong, help: "Do not ask the instance: end its processes at once.")
    var force = false
    @Flag(help: "Keep the memory state, to go on from there at the next start.")
    var stateful = false
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
        if names.isEmpty && !all { throw ValidationError("Name the instances to stop, or say --all.") }
        if console != nil && (all || names.count > 1) {
            throw ValidationError("--console only works with a single instance")
        }
    }

    func run() async throws {
        let global = global
        let change = Instance.StateChange(action: "stop", timeout: timeout, force: force, stateful: stateful)
        if all { return try await EachInstance.performOnAll(names, change, doing: "Stopping", global) }
        let console = console
        try await EachInstance.perform(names, "stop", global) { client, name in
            if let console {
                // It says its last words there, and its end is the end of the console.
                async let stopped: Void = InstanceAction(name: name, change: change, doing: "Stopping", done: nil)
                    .perform(on: client, global)
                try? await ConsoleSession.run(client, name, type: console)
                try await stopped
                return
            }
            try await InstanceAction(name: name, change: change, doing: "Stopping", done: "Stopped")
                .perform(on: client, global)
        }
    }
}
