import LexAPI
import LexStorage
import LexStore
import Logging

extension StorageVolumes {
    /// The snapshots of a volume, as lists name them: `VOLUME/SNAPSHOT`.
    func snapshots(of key: Key) async throws -> [StorageVolumeRecord.Snapshot] {
        try await find(key).value.snapshots.filter(\.isFinished)
    }

    private static func snapshot(
        _ name: String, of stored: Stored<StorageVolumeRecord>
    ) throws -> StorageVolumeRecord.Snapshot {
        guard let found = stored.value.snapshots.first(where: { $0.name == name && $0.isFinished }) else {
            throw APIError.notFound("Storage pool volume not found")
        }
        return found
    }

    private static func checkName(_ name: String) throws(APIError) {
        // In LXD's words for volumes.
        guard !name.utf8.contains(UInt8(ascii: "/")) else {
            throw .badRequest("Storage name cannot contain \"/\"")
        }
        try ObjectName.validateSnapshot(name)
    }

    private static func checkFree(_ name: String, in stored: Stored<StorageVolumeRecord>) throws(APIError) {
        guard !stored.value.snapshots.contains(where: { $0.name == name }) else {
            throw .conflict("Snapshot \"\(name)\" already in use")
        }
    }

    /// Throws unless a new snapshot of the volume may have this name.
    // By itself and with plain errors: inlined into what is asynchronous, the typed ones make Swift 6.3.1 crash when it
    // splits that into coroutines (-O).
    @inline(never)
    private static func check(new name: String, in stored: Stored<StorageVolumeRecord>) throws {
        try checkName(name)
        try checkFree(name, in: stored)
    }

    /// Begins to make a snapshot.
    func createSnapshot(
        _ wish: StorageVolume.Snapshot.Creation, of key: Key, project: String, requestor: Event.Requestor?
    ) async throws -> LexAPI.Operation {
        let stored = try await find(key)
        if !wish.name.isEmpty { try Self.check(new: wish.name, in: stored) }
        return operations.start(
            OperationPlan(
                description: "Creating storage volume snapshot", project: project,
                resources: ["storage_volumes": ["/1.0/storage_volumes/\(key.name)"]])
        ) { _ in
            let name = try await self.makeSnapshot(wish, of: key)
            self.snapshotEvent("created", name, of: key, requestor: requestor)
        }
    }

    private func makeSnapshot(_ wish: StorageVolume.Snapshot.Creation, of key: Key) async throws -> String {
        let driver = try pools.driver(of: key.pool)
        return try await locks.with(key.text) {
            var stored = try await find(key)
            let config = Config<StorageVolumeKeys>(stored.value.config)
            let name =
                try wish.name.isEmpty
                ? SnapshotRules.nextName(
                    try config[\.snapshots.pattern], taken: stored.value.snapshots.map(\.name)) : wish.name
            try Self.check(new: name, in: stored)
            stored.value.snapshots.append(
                StorageVolumeRecord.Snapshot(
                    name: name, description: stored.value.description, config: stored.value.config, createdAt: .now,
                    expiresAt: SnapshotRules.expiry(wish.expiresAt, age: try config[\.snapshots.expiry]),
                    isFinished: false))
            stored = try await records.update(stored)
            do {
                try await driver.copy(key.volume, to: key.volume.snapshot(name))
                stored.value.snapshots[stored.value.snapshots.count - 1].isFinished = true
                stored = try await records.update(stored)
            } catch {
                let failed = stored
                await Task { await self.takeBack(name, failed, key, driver) }.value
                throw error
            }
            return name
        }
    }

    private func takeBack(
        _ name: String, _ stored: Stored<StorageVolumeRecord>, _ key: Key, _ driver: any StorageDriver
    ) async {
        var stored = stored
        do {
            try await driver.delete(key.volume.snapshot(name))
            stored.value.snapshots.removeAll { $0.name == name }
            try await records.update(stored)
        } catch {
            logger.error(
                "cannot remove a snapshot that was not finished",
                metadata: ["volume": "\(key.text)", "snapshot": "\(name)", "error": "\(error)"])
        }
        pools.sweepSoon()
    }

    /// Replaces or, with `isPatch`, changes what can be changed of a snapshot.
    func updateSnapshot(
        _ name: String, of key: Key, _ change: StorageVolume.Snapshot.Update, isPatch: Bool,
        check: (StorageVolume.Snapshot.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        try await locks.with(key.text) {
            var stored = try await find(key)
            let old = try Self.snapshot(name, of: stored)
            try check(Self.writable(old))
            var new = old
            new.description = change.description ?? (isPatch ? old.description : "")
            if !isPatch || change.expiresAt != nil {
                new.expiresAt = SnapshotRules.kept(change.expiresAt)
            }
            guard let index = stored.value.snapshots.firstIndex(of: old) else { return }
            stored.value.snapshots[index] = new
            try await records.update(stored)
        }
        snapshotEvent("updated", name, of: key, requestor: requestor)
    }

    /// What the ETag is made of.
    static func writable(_ snapshot: StorageVolumeRecord.Snapshot) -> StorageVolume.Snapshot.Update {
        StorageVolume.Snapshot.Update(description: snapshot.description, expiresAt: snapshot.expiresAt)
    }

    /// Begins to give a snapshot another name.
    func renameSnapshot(
        _ name: String, of key: Key, to new: String, project: String, requestor: Event.Requestor?
    ) async throws -> LexAPI.Operation {
        _ = try Self.snapshot(name, of: try await find(key))
        guard !new.isEmpty else { throw APIError.badRequest("No name provided") }
        try Self.checkName(new)
        return operations.start(snapshotPlan("Renaming storage volume snapshot", key, project)) { _ in
            let driver = try self.pools.driver(of: key.pool)
            try await self.locks.with(key.text) {
                var stored = try await self.find(key)
                let old = try Self.snapshot(name, of: stored)
                try Self.checkFree(new, in: stored)
                guard let index = stored.value.snapshots.firstIndex(of: old) else { return }
                stored.value.snapshots[index].name = new
                try await driver.rename(key.volume.snapshot(name), to: key.volume.snapshot(new))
                do { try await self.records.update(stored) } catch {
                    try? await driver.rename(key.volume.snapshot(new), to: key.volume.snapshot(name))
                    throw error
                }
            }
            self.snapshotEvent("renamed", new, of: key, requestor: requestor)
        }
    }

    /// Begins to remove a snapshot.
    func deleteSnapshot(
        _ name: String, of key: Key, project: String, requestor: Event.Requestor?
    ) async throws -> LexAPI.Operation {
        _ = try Self.snapshot(name, of: try await find(key))
        return operations.start(snapshotPlan("Deleting storage volume snapshot", key, project)) { _ in
            try await self.removeSnapshot(name, of: key)
            self.snapshotEvent("deleted", name, of: key, requestor: requestor)
        }
    }

    private func removeSnapshot(_ name: String, of key: Key) async throws {
        let driver = try pools.driver(of: key.pool)
        try await locks.with(key.text) {
            var stored = try await find(key)
            let old = try Self.snapshot(name, of: stored)
            guard let index = stored.value.snapshots.firstIndex(of: old) else { return }
            stored.value.snapshots[index].isFinished = false
            stored = try await records.update(stored)
            try await driver.delete(key.volume.snapshot(name))
            stored.value.snapshots.remove(at: index)
            try await records.update(stored)
        }
        pools.sweepSoon()
    }

    /// Removes the snapshots whose time is over.
    func removeExpired() async throws {
        let now = Timestamp.now
        for stored in try await records.list() where stored.value.isFinished {
            let record = stored.value
            let key = Key(pool: record.pool, project: record.project, name: record.name)
            for snapshot in record.snapshots
            where snapshot.isFinished && SnapshotRules.isOver(snapshot.expiresAt, at: now) {
                do {
                    try await removeSnapshot(snapshot.name, of: key)
                    snapshotEvent("deleted", snapshot.name, of: key, requestor: nil)
                } catch {
                    logger.error(
                        "cannot remove an expired snapshot",
                        metadata: ["volume": "\(key.text)", "snapshot": "\(snapshot.name)", "error": "\(error)"])
                }
            }
        }
    }

    /// Makes the snapshots that the schedules of volumes ask for in these minutes.
    func takeScheduled(_ minutes: [CalendarTime]) async throws {
        for stored in try await records.list() where stored.value.isFinished {
            let record = stored.value
            guard let schedule = try? Config<StorageVolumeKeys>(record.config)[\.snapshots.schedule],
                minutes.contains(where: { schedule.isDue(at: $0, seed: SnapshotRules.seed(record.key)) })
            else { continue }
            let key = Key(pool: record.pool, project: record.project, name: record.name)
            do {
                let name = try await makeSnapshot(.init(name: ""), of: key)
                snapshotEvent("created", name, of: key, requestor: nil)
            } catch {
                logger.error(
                    "cannot make a scheduled snapshot", metadata: ["volume": "\(key.text)", "error": "\(error)"])
            }
        }
    }

    private func snapshotPlan(_ description: String, _ key: Key, _ project: String) -> OperationPlan {
        OperationPlan(
            description: description, project: project,
            resources: ["storage_volume_snapshots": ["/1.0/storage_volume_snapshots/\(key.name)"]])
    }

    private func snapshotEvent(_ action: String, _ name: String, of key: Key, requestor: Event.Requestor?) {
        events.lifecycle(
            "storage-volume-snapshot-\(action)",
            source: "/1.0/storage-pools/\(key.pool)/volumes/custom/\(key.name)/snapshots/\(name)",
            requestor: requestor, project: key.project)
    }
}
