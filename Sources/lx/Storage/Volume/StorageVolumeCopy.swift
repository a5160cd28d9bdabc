import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume copy`
struct StorageVolumeCopy: Command {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy a custom volume or a snapshot of one.", aliases: ["cp"])

    @Flag(help: "Leave its snapshots behind.")
    var volumeOnly = false
    @Option(parsing: .unconditional, help: "The project of the copy.", completion: Names.projects)
    var targetProject: String?
    @OptionGroup var transfer: VolumeTransferOptions
    @Argument(help: ArgumentHelp("What to copy.", valueName: "pool/volume[/snapshot]"))
    var source: String
    @Argument(help: ArgumentHelp("The copy.", valueName: "pool/volume"))
    var target: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try transfer.check()
        let reference = try Reference(target)
        var options = global
        options.project = targetProject ?? global.project
        try await options.withServer(reference.remote) { client in
            let from = try StorageVolumePath.withPool(Reference(source).name)
            let to = try StorageVolumePath.withPool(reference.name)
            try await global.run(
                client, saying: "Copying the volume \(from.volume)", StorageVolumePath.create,
                path: ["pool": to.pool],
                body: .init(
                    name: to.volume,
                    source: .init(
                        name: from.volume + (from.snapshot.map { "/\($0)" } ?? ""), pool: from.pool,
                        project: global.project ?? "", volumeOnly: volumeOnly)))
            if !global.quiet { try StandardOutput.line("Storage volume copied successfully!") }
        }
    }
}
