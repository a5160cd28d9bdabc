import ArgumentParser
import LexAPI
import LexClient

/// `lx storage volume edit`
struct StorageVolumeEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Change a custom volume or a snapshot in an editor.")

    @Argument(help: "The storage pool.", completion: Names.pools)
    var pool: String
    @Argument(help: ArgumentHelp("The volume, or a snapshot of it.", valueName: "volume[/snapshot]"))
    var volume: String
    @OptionGroup var member: TargetOption<MemberRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            if place.snapshot == nil {
                try await editVolume(client, place)
            } else {
                try await editSnapshot(client, place)
            }
        }
    }

    private func editVolume(_ client: Client, _ place: StorageVolumePath) async throws {
        let answer = try await client.answer(API.storageVolumes.get, path: place.path)
        try await Editor.edit(EditorText.volume + YAMLText.document(try Tree(answer.reply))) { text in
            let update = try YAMLInput.decode(StorageVolume.Update.self, from: text)
            try await global.run(
                client, saying: "Configuring the volume \(volume)", API.storageVolumes.update, path: place.path,
                body: update, ifMatch: answer.etag)
        }
    }

    private func editSnapshot(_ client: Client, _ place: StorageVolumePath) async throws {
        let answer = try await client.answer(API.storageVolumes.getSnapshot, path: place.path)
        try await Editor.edit(EditorText.volume + YAMLText.document(try Tree(answer.reply))) { text in
            let update = try YAMLInput.decode(StorageVolume.Snapshot.Update.self, from: text)
            try await global.run(
                client, saying: "Configuring the snapshot \(volume)", API.storageVolumes.updateSnapshot,
                path: place.path, body: update, ifMatch: answer.etag)
        }
    }
}
