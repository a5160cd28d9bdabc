import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume snapshot`
struct StorageVolumeSnapshot: Command {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Make a snapshot of a custom volume.")

    @Flag(help: "Keep it for ever, whatever the volume's configuration says.")
    var noExpiry = false
    @Flag(help: "When there is a snapshot of that name, delete it first.")
    var reuse = false
    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The name of the snapshot; one after the volume's pattern when not given.")
    var snapshot: String = ""
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            let path = try place.volumePath()
            if reuse, !snapshot.isEmpty { try await deleteOld(client, path) }
            try await global.run(
                client, saying: "Making a snapshot of the volume \(volume)", API.storageVolumes.createSnapshot,
                path: path, body: .init(name: snapshot, expiresAt: noExpiry ? .never : nil))
        }
    }

    private func deleteOld(_ client: Client, _ path: [String: String]) async throws {
        do {
            try await global.run(
                client, saying: "Deleting the snapshot \(snapshot)", API.storageVolumes.deleteSnapshot,
                path: path.merging(["snapshot": snapshot]) { $1 })
        } catch let error as APIError where error.status == 404 {
            // There was none.
        }
    }
}
