import ArgumentParser
import LexAPI
import LexClient

/// `lx start`
struct Start: Command {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start instances, or thaw those that are paused.")

    @Flag(help: "Start every instance that does not run.")
    var all = false
    @Flag(help: "Begin anew, even where a memory state was kept.")
    var stateless = false
    @Option(
        defaultAsFlag: "console",
        help: ArgumentHelp(
            "Sit at its console at once; another kind of it would be named as --console=TYPE.", valueName: "type"))
    var console: String?
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"), completion: Names.instances)
    var names: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if names.isEmpty && !all { throw ValidationError("Name the instances to start, or say --all.") }
        if console != nil && (all || names.count > 1) {
            throw ValidationError("--console only works with a single instance")
        }
    }

    func run() async throws {
        if all {
            try await EachInstance.performOnAll(
                names, .init(action: "start", timeout: -1), doing: "Starting", global)
            // To start one that is paused is to let it go on.
            return try await EachInstance.performOnAll(
                names, .init(action: "unfreeze", timeout: -1), doing: "Thawing", global)
        }
        let (global, stateless, console) = (global, stateless, console)
        try await EachInstance.perform(names, "start", global) { client, name in
            let instance = try await client.call(API.instances.get, path: ["name": name])
            if instance.statusCode == StatusCode.frozen.rawValue {
                try await InstanceAction(
                    name: name, change: .init(action: "unfreeze", timeout: -1), doing: "Thawing", done: nil
                ).perform(on: client, global)
            } else {
                try await InstanceAction.starting(name, stateful: instance.stateful && !stateless)
                    .perform(on: client, global, hint: instance.statusCode != StatusCode.running.rawValue)
            }
            if let console { try await ConsoleSession.run(client, name, type: console) }
        }
    }
}
