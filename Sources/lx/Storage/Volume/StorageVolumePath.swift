import LexAPI
import LexClient

/// A volume as a person names it: `data`, `data/snap0` for a snapshot, `container/web` for an instance's root.
struct StorageVolumePath: Equatable {
    let pool: String
    let type: String
    let volume: String
    let snapshot: String?

    private static let types = ["custom", "container", "virtual-machine", "image"]

    init(_ text: String, pool: String) throws {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        type = parts.count > 1 && Self.types.contains(parts[0]) ? parts.removeFirst() : StorageVolume.customType
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let volume = parts.first else {
            throw Failure("\"\(text)\" is no volume; write it as VOLUME or VOLUME/SNAPSHOT")
        }
        self.pool = pool
        self.volume = volume
        snapshot = parts.count > 1 ? parts[1] : nil
    }

    /// The parts of its address.
    var path: [String: String] {
        var path = ["pool": pool, "type": type, "volume": volume]
        path["snapshot"] = snapshot
        return path
    }

    /// The same, for what can only be done with a volume.
    func volumePath() throws -> [String: String] {
        guard snapshot == nil else {
            throw Failure("\"\(volume)/\(snapshot ?? "")\" is a snapshot; name the volume \"\(volume)\" itself")
        }
        return path
    }

    /// A volume with its pool before it, `default/data` or `default/data/snap0`, as copy and move take it.
    static func withPool(_ text: String) throws -> StorageVolumePath {
        guard let slash = text.firstIndex(of: "/") else {
            throw Failure("No storage pool for the volume \"\(text)\" is named; write it as POOL/VOLUME")
        }
        return try StorageVolumePath(String(text[text.index(after: slash)...]), pool: String(text[..<slash]))
    }

    /// The request that makes a volume, which may be answered with an operation or not.
    static let create = Endpoint<StorageVolume.Creation, Empty>(
        .post, "/1.0/storage-pools/{pool}/volumes/custom", API.storageVolumes.createOfType.summary)
    /// The request that renames or moves a volume, which may be answered with an operation or not.
    static let move = Endpoint<StorageVolume.Move, Empty>(
        .post, API.storageVolumes.move.path, API.storageVolumes.move.summary)
}
