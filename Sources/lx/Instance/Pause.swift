import ArgumentParser
import LexAPI

/// `lx pause`
struct Pause: Command {
    static let configuration = CommandConfiguration(
        abstract: "Let the processes of instances stand still; lx start lets them go on.")

    @Flag(help: "Pause every instance that runs.")
    var all = false
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"))
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to pause, or say --all.") }
    }

    func run() async throws {
        let names = try await EachInstance.names(names, all: all, global) {
            $0.statusCode == StatusCode.running.rawValue
        }
        let global = global
        try await EachInstance.perform(names, "pause", global) { client, name in
            try await InstanceAction(
                name: name, change: .init(action: "freeze", timeout: -1), doing: "Pausing", done: "Paused"
            ).perform(on: client, global)
        }
    }
}
