import LexAPI
import LexStorage
import LexStore
import Logging

extension StorageVolumes {
    /// Begins to make a volume as a copy of another, or of a snapshot.
    func copy(
        _ wish: StorageVolume.Creation, _ source: StorageVolume.Source, _ key: Key, project: String,
        requestor: Event.Requestor?
    ) async throws -> LexAPI.Operation {
        guard source.type == "copy" else {
            let isKnown = source.type == "migration"
            throw APIError.badRequest(
                isKnown
                    ? "This version of lexd copies volumes on this server only, not from another one"
                    : "Unknown source type \"\(source.type.prefix(64))\"")
        }
        guard !source.refresh else {
            throw APIError.badRequest(
                "This version of lexd cannot refresh a copy that is there already: delete it and copy anew")
        }
        try await checkNew(key)
        // A snapshot by the name LXD gives it: VOLUME/SNAPSHOT.
        let parts = source.name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let from = try await self.key(
            parts.first ?? "", pool: source.pool.isEmpty ? key.pool : source.pool,
            project: source.project.isEmpty ? project : source.project)
        _ = try await find(from)
        return operations.start(OperationPlan(description: "Copying storage volume", project: project)) { _ in
            try await self.copy(
                from, snapshot: parts.count > 1 ? parts[1] : nil, to: key, config: wish.config,
                description: wish.description, withSnapshots: !source.volumeOnly)
            self.lifecycle("storage-volume-created", key, context: ["type": "custom"], requestor: requestor)
        }
    }

    /// Copies a volume. The new one has the old one's configuration, unless it is given one.
    private func copy(
        _ from: Key, snapshot: String?, to key: Key, config: [String: String]?, description: String,
        withSnapshots: Bool
    ) async throws {
        try await locks.with(all: [from.text, key.text]) {
            try await copyLocked(
                from, snapshot: snapshot, to: key, config: config, description: description,
                withSnapshots: withSnapshots)
        }
    }

    private func copyLocked(
        _ from: Key, snapshot: String?, to key: Key, config: [String: String]?, description: String,
        withSnapshots: Bool
    ) async throws {
        let source = try await find(from).value
        let taken = try snapshot.map { name in
            guard let found = source.snapshots.first(where: { $0.name == name && $0.isFinished }) else {
                throw APIError.notFound("Snapshot not found")
            }
            return found
        }
        var record = try newRecord(
            key, description: description.isEmpty ? taken?.description ?? source.description : description,
            config: config ?? taken?.config ?? source.config)
        if withSnapshots, taken == nil { record.snapshots = source.snapshots.filter(\.isFinished) }
        let names = record.snapshots.map(\.name)
        try await make(record, key) { driver in
            let volume = taken.map { from.volume.snapshot($0.name) } ?? from.volume
            try await files(of: volume, in: from.pool, to: key.volume, driver, isSamePool: from.pool == key.pool)
            for name in names {
                try await files(
                    of: from.volume.snapshot(name), in: from.pool, to: key.volume.snapshot(name), driver,
                    isSamePool: from.pool == key.pool)
            }
        }
    }

    private func files(
        of volume: VolumeName, in pool: String, to new: VolumeName, _ driver: any StorageDriver, isSamePool: Bool
    ) async throws {
        if isSamePool {
            try await driver.copy(volume, to: new)
        } else {
            let tree = try await pools.driver(of: pool).tree(of: volume, from: nil)
            try await driver.create(new, holding: tree)
        }
    }

    /// Begins to move a volume to another pool or project. Its users follow it to another pool; to another project they
    /// could not.
    func move(_ key: Key, to new: Key, project: String, requestor: Event.Requestor?) async throws -> LexAPI.Operation {
        _ = try await find(key)
        try await checkNew(new)
        try await checkMovable(key, to: new)
        return operations.start(OperationPlan(description: "Moving storage volume", project: project)) { _ in
            try await self.locks.with(all: [key.text, new.text]) {
                try await self.checkMovable(key, to: new)
                let source = try await self.find(key).value
                try await self.copyLocked(
                    key, snapshot: nil, to: new, config: source.config, description: source.description,
                    withSnapshots: true)
                let old: Stored<StorageVolumeRecord>
                do {
                    old = try await self.retire(
                        try await self.find(key), with: try await self.references.changes(from: key, to: new))
                } catch {
                    if let made = try? await self.find(new) { try? await self.remove(made, new) }
                    throw Self.explained(error, "move", key)
                }
                // The volume is the new one now. What stays of the old one here goes at the next start.
                do { try await self.clear(old, key) } catch {
                    self.logger.error(
                        "cannot remove a volume that was moved",
                        metadata: ["volume": "\(key.text)", "error": "\(error)"])
                }
            }
            self.lifecycle(
                "storage-volume-renamed", new, context: ["old_name": .string(key.name)], requestor: requestor)
        }
    }

    private func checkMovable(_ key: Key, to new: Key) async throws {
        if new.project == key.project {
            try await checkNotRunning(key, "move")
        } else {
            try await checkUnused(key, "move")
        }
    }
}
