import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume list`
struct StorageVolumeList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the volumes of a storage pool.", aliases: ["ls"])

    @Flag(help: "List those of all projects.")
    var allProjects = false
    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditional,
        help: "The columns: e t n d c u U L.")
    var columns: String = StorageVolumeColumn.standard
    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("What to list, such as type=custom.", valueName: "filter"))
    var filters: [String] = []
    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: pool) { client, pool in
            let columns = try StorageVolumeColumn.parse(columns, withProject: allProjects)
            let filter = try StorageVolumeColumn.filter(filters)
            let volumes = try await client.call(
                API.storageVolumes.list, as: [StorageVolume].self, path: ["pool": pool],
                query: [
                    "recursion": "1", "all-projects": allProjects ? "true" : nil,
                    "filter": filter.isEmpty ? nil : filter,
                ])
            var rows: [[String]] = []
            for volume in volumes {
                var usage = ""
                if columns.contains(.usage) { usage = await self.usage(of: volume, in: pool, client) }
                rows.append(columns.map { $0.text(volume, usage: usage) })
            }
            let table = Table(
                headers: columns.map(\.title),
                rows: columns.count > 1 ? rows.sorted(by: StorageVolumeColumn.isInOrder) : rows)
            try format.print(table, values: volumes)
        }
    }

    /// Nothing for a volume that has none: a snapshot, an image.
    private func usage(of volume: StorageVolume, in pool: String, _ client: Client) async -> String {
        guard !volume.name.contains("/"), volume.type != "image",
            let state = try? await client.call(
                API.storageVolumes.state, path: ["pool": pool, "type": volume.type, "volume": volume.name]),
            let used = state.usage?.used
        else { return "" }
        return Quantities.binarySize(Int64(clamping: used))
    }
}
