import LexAPI

/// A snapshot of an instance as the store keeps it, with the instance.
struct InstanceSnapshotRecord: Sendable, Equatable {
    var name: String
    var createdAt: Timestamp
    var expiresAt: Timestamp?
    /// When the instance was last started.
    var lastUsedAt: Timestamp
    /// False while its files are being made or removed: what a crash leaves so is removed.
    var isFinished: Bool
    /// While it is renamed: the name it is to have.
    var movesTo: String?
    /// What the instance was.
    var contents: Contents

    /// What a snapshot keeps of an instance beside its files.
    struct Contents: Codable, Sendable, Hashable {
        var architecture: String
        var description: String
        var ephemeral: Bool
        var profiles: [String]
        var config: [String: String]
        var devices: [String: [String: String]]
        var metadata: String?
    }

    /// A snapshot of an instance that is made now.
    init(of record: InstanceRecord, name: String, expiresAt: Timestamp?) {
        self.name = name
        createdAt = .now
        self.expiresAt = expiresAt
        lastUsedAt = record.lastUsedAt
        isFinished = false
        contents = Contents(
            architecture: record.architecture, description: record.description, ephemeral: record.ephemeral,
            profiles: record.profiles, config: record.config, devices: record.devices, metadata: record.metadata)
    }
}

/// The snapshots of an instance, in the order they were made.
///
/// What many of them have the same is written once: an entry of the store has a limit, and a schedule makes hundreds of
/// an instance that is never configured anew.
struct InstanceSnapshotList: Codable, Sendable, Equatable {
    var items: [InstanceSnapshotRecord] = []

    fileprivate struct Written: Codable {
        struct Item: Codable {
            var name: String
            var createdAt: Timestamp
            var expiresAt: Timestamp?
            var lastUsedAt: Timestamp
            var isFinished: Bool
            var movesTo: String?
            /// Which of the contents.
            var contents: Int
        }
        var items: [Item] = []
        var contents: [InstanceSnapshotRecord.Contents] = []
    }

    init(_ items: [InstanceSnapshotRecord]) { self.items = items }

    init(from decoder: any Decoder) throws {
        let written = try Written(from: decoder)
        items = try written.items.map { item in
            guard written.contents.indices.contains(item.contents) else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "the snapshot \(item.name) has no contents"))
            }
            return InstanceSnapshotRecord(item, contents: written.contents[item.contents])
        }
    }

    func encode(to encoder: any Encoder) throws {
        var written = Written()
        var places: [InstanceSnapshotRecord.Contents: Int] = [:]
        for item in items {
            let place = places[item.contents] ?? written.contents.count
            if place == written.contents.count {
                written.contents.append(item.contents)
                places[item.contents] = place
            }
            written.items.append(
                Written.Item(
                    name: item.name, createdAt: item.createdAt, expiresAt: item.expiresAt,
                    lastUsedAt: item.lastUsedAt, isFinished: item.isFinished, movesTo: item.movesTo, contents: place))
        }
        try written.encode(to: encoder)
    }
}

extension InstanceSnapshotRecord {
    fileprivate init(_ item: InstanceSnapshotList.WrittenItem, contents: Contents) {
        name = item.name
        createdAt = item.createdAt
        expiresAt = item.expiresAt
        lastUsedAt = item.lastUsedAt
        isFinished = item.isFinished
        movesTo = item.movesTo
        self.contents = contents
    }
}

extension InstanceSnapshotList {
    fileprivate typealias WrittenItem = Written.Item
}
