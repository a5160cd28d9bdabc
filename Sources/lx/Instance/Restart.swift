import ArgumentParser
import LexAPI

/// `lx restart`
struct Restart: Command {
    static let configuration = CommandConfiguration(abstract: "Restart instances.")

    @Flag(help: "Restart every instance that runs.")
    var all = false
    @Flag(name: .shortAndLong, help: "Do not ask the instance: end its processes at once.")
    var force = false
    @Option(
        parsing: .unconditional,
        help: "Seconds an instance may take to shut down by itself; -1 for as long as it takes.")
    var timeout: Int64 = -1
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"))
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to restart, or say --all.") }
    }

    func run() async throws {
        let names = try await EachInstance.names(names, all: all, global) {
            $0.statusCode != StatusCode.stopped.rawValue
        }
        let global = global
        let change = Instance.StateChange(action: "restart", timeout: timeout, force: force)
        try await EachInstance.perform(names, "restart", global) { client, name in
            try await InstanceAction(name: name, change: change, doing: "Restarting", done: "Restarted")
                .perform(on: client, global)
        }
    }
}
