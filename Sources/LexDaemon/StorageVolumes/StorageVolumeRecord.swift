import LexAPI

/// A custom volume as the store keeps it, its snapshots with it. Its name in the store is `PROJECT/POOL/NAME`.
struct StorageVolumeRecord: Record, Equatable {
    static let keyPrefix = "/storage-volumes/"

    var project: String
    var pool: String
    var name: String
    var description: String
    var config: [String: String]
    var createdAt: Timestamp
    /// False while its files are being made or removed: what a crash leaves so is removed.
    var isFinished: Bool
    var snapshots: [Snapshot] = []

    /// A snapshot, in the order they were made.
    struct Snapshot: Codable, Sendable, Equatable {
        var name: String
        var description: String
        var config: [String: String]
        var createdAt: Timestamp
        var expiresAt: Timestamp?
        /// False while its files are being made or removed.
        var isFinished: Bool
    }

    /// The name of its entry.
    var key: String { Self.key(name, pool: pool, project: project) }

    /// The name of the entry of a volume.
    static func key(_ name: String, pool: String, project: String) -> String { "\(project)/\(pool)/\(name)" }
}
