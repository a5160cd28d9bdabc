import LexAPI
import LexClient

/// Changes a custom volume by a function, unless somebody else changes it at the same time.
enum StorageVolumeChange {
    static func perform(
        _ volume: String, pool: String, _ global: GlobalOptions, _ body: (inout StorageVolume) throws -> Void
    ) async throws {
        try await global.withServer(of: pool) { client, pool in
            let place = try StorageVolumePath(volume, pool: pool)
            let answer = try await client.answer(API.storageVolumes.get, path: try place.volumePath())
            var changed = answer.reply
            try body(&changed)
            try await global.run(
                client, saying: "Configuring the volume \(volume)", API.storageVolumes.update,
                path: place.path, body: .init(description: changed.description, config: changed.config),
                ifMatch: answer.etag)
        }
    }
}
