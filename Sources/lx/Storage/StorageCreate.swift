import ArgumentParser
import LexAPI
import LexClient

/// `lx storage create`
struct StorageCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a storage pool.")

    @Argument(help: "The name of the new pool.")
    var pool: String
    @Argument(help: "How its data are kept.")
    var driver: String
    @Argument(help: ArgumentHelp("Its configuration.", valueName: "key=value"))
    var config: [String] = []
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, name in
            let config = try config.isEmpty ? [:] : KeyValues.assignments(config)
            try await global.run(
                client, saying: "Creating the storage pool \(name)", API.storagePools.create,
                body: .init(name: name, driver: driver, config: config))
            if !global.quiet { try StandardOutput.line("Storage pool \(name) created") }
        }
    }
}
