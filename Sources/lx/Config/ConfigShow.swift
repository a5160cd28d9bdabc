import ArgumentParser
import LexAPI
import LexClient

/// `lx config show`
struct ConfigShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the configuration of an instance, a snapshot or the server.")

    @Flag(name: .shortAndLong, help: "What counts in the end, with what comes from profiles.")
    var expanded = false
    @Argument(
        help: ArgumentHelp("The instance, or a snapshot of it; the server when none is named.", valueName: "instance"),
        completion: Names.instances)
    var name: String = ""
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check(instance: name)
        try await global.withServer(of: name) { client, name in
            guard !name.isEmpty else {
                guard !expanded else { throw Failure("The server has no profiles: leave out --expanded") }
                return try StandardOutput.yaml(["config": try await client.call(API.server.get).config ?? [:]])
            }
            let path = try SnapshotPath(name)
            guard path.snapshot == nil else {
                return try StandardOutput.yaml(try await client.call(API.instances.getSnapshot, path: path.path))
            }
            var instance = try await client.call(API.instances.get, path: ["name": name])
            if expanded {
                instance.config = instance.expandedConfig
                instance.devices = instance.expandedDevices
            }
            try StandardOutput.yaml(InstanceView(of: instance))
        }
    }
}
