import ArgumentParser
import LexAPI

/// `lx pause`
struct Pause: Command {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Let the processes of instances stand still; lx start lets them go on.")

    @Flag(help: "Pause every instance that runs.")
    var all = false
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"), completion: Names.instances)
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to pause, or say --all.") }
    }

    func run() async throws {
        let global = global
        let change = Instance.StateChange(action: "freeze", timeout: -1)
        if all { return try await EachInstance.performOnAll(names, change, doing: "Pausing", global) }
        try await EachInstance.perform(names, "pause", global) { client, name in
            try await InstanceAction(
                name: name, change: change, doing: "Pausing", done: "Paused"
            ).perform(on: client, global)
        }
    }
}
