import ArgumentParser
import LexAPI
import LexClient

/// `lx start`
struct Start: Command {
    static let configuration = CommandConfiguration(abstract: "Start instances, or thaw those that are paused.")

    @Flag(help: "Start every instance that does not run.")
    var all = false
    @Flag(help: "Begin anew, even where a memory state was kept.")
    var stateless = false
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"))
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to start, or say --all.") }
    }

    func run() async throws {
        let names = try await EachInstance.names(names, all: all, global) {
            $0.statusCode != StatusCode.running.rawValue
        }
        let (global, stateless) = (global, stateless)
        try await EachInstance.perform(names, "start", global) { client, name in
            let instance = try await client.call(API.instances.get, path: ["name": name])
            if instance.statusCode == StatusCode.frozen.rawValue {
                try await InstanceAction(
                    name: name, change: .init(action: "unfreeze", timeout: -1), doing: "Thawing", done: nil
                ).perform(on: client, global)
            } else {
                try await InstanceAction.starting(name, stateful: instance.stateful && !stateless)
                    .perform(on: client, global)
            }
        }
    }
}
