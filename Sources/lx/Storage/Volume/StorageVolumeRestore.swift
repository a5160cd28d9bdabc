import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume restore`
struct StorageVolumeRestore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring back the files of a snapshot of a custom volume.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: "The volume.")
    var volume: String
    @Argument(help: "The snapshot.")
    var snapshot: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let path = try StorageVolumePath(volume, pool: pool).volumePath()
            let answer = try await client.answer(API.storageVolumes.get, path: path)
            try await global.run(
                client, saying: "Restoring the volume \(volume)", API.storageVolumes.update, path: path,
                body: .init(restore: snapshot), ifMatch: answer.etag)
        }
    }
}
