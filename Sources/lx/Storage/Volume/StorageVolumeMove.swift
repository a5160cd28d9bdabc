import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume move`
struct StorageVolumeMove: Command {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move a custom volume to another pool, project or name.", aliases: ["mv"])

    @Option(parsing: .unconditional, help: "The project it goes to.", completion: Names.projects)
    var targetProject: String?
    @OptionGroup var transfer: VolumeTransferOptions
    @Argument(help: ArgumentHelp("What to move.", valueName: "pool/volume"))
    var source: String
    @Argument(help: ArgumentHelp("Where to.", valueName: "pool/volume"))
    var target: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try transfer.check()
        try await global.withServer(of: source) { client, source in
            let from = try StorageVolumePath.withPool(source)
            let to = try StorageVolumePath.withPool(Reference(target).name)
            try await global.run(
                client, saying: "Moving the volume \(from.volume)", StorageVolumePath.move,
                path: try from.volumePath(),
                body: .init(name: to.volume, pool: to.pool, project: targetProject ?? ""))
            if !global.quiet { try StandardOutput.line("Storage volume moved successfully!") }
        }
    }
}
