import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume create`
struct StorageVolumeCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a custom volume.")

    @Option(parsing: .unconditional, help: "What it holds: filesystem.")
    var type = "filesystem"
    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The name of the new volume.")
    var volume: String
    @Argument(help: ArgumentHelp("Its configuration.", valueName: "key=value"))
    var config: [String] = []
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            try await global.run(
                client, saying: "Creating the volume \(volume)", StorageVolumePath.create, path: ["pool": pool],
                body: .init(name: volume, contentType: type, config: try KeyValues.assignments(config)))
            if !global.quiet { try StandardOutput.line("Storage volume \(volume) created") }
        }
    }
}
