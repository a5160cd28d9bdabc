import ArgumentParser
import LexAPI

/// `lx stop`
struct Stop: Command {
    static let configuration = CommandConfiguration(abstract: "Stop instances.")

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
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"))
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to stop, or say --all.") }
    }

    func run() async throws {
        let names = try await EachInstance.names(names, all: all, global) {
            $0.statusCode != StatusCode.stopped.rawValue
        }
        let global = global
        let change = Instance.StateChange(action: "stop", timeout: timeout, force: force, stateful: stateful)
        try await EachInstance.perform(names, "stop", global) { client, name in
            try await InstanceAction(name: name, change: change, doing: "Stopping", done: "Stopped")
                .perform(on: client, global)
        }
    }
}
