import LexAPI
import LexHost
import LexInstance
import LexStorage
import LexStore
import Logging

extension Instances {
    // MARK: looking

    /// A snapshot of an instance; throws LXD's words when there is none.
    static func snapshot(_ name: String, of record: InstanceRecord) throws(APIError) -> InstanceSnapshotRecord {
        guard let snapshot = record.snapshot(name) else {
            throw .notFound(
                "Failed to fetch snapshot \"\(name.prefix(64))\" of instance \"\(record.name)\" in project "
                    + "\"\(record.project)\": InstanceSnapshot not found")
        }
        return snapshot
    }

    /// A snapshot as the wire shows it.
    func view(
        _ snapshot: InstanceSnapshotRecord, of record: InstanceRecord, isMeasured: Bool = false
    ) async throws -> Instance.Snapshot {
        let contents = snapshot.contents
        let expansion = Expansion(
            try await profiles.present(contents.profiles, project: record.project), config: contents.config,
            devices: contents.devices)
        return Instance.Snapshot(
            name: snapshot.name, expiresAt: snapshot.expiresAt ?? .never, architecture: contents.architecture,
            config: contents.config, createdAt: snapshot.createdAt, devices: contents.devices,
            ephemeral: contents.ephemeral, expandedConfig: expansion.config, expandedDevices: expansion.devices,
            lastUsedAt: snapshot.lastUsedAt <= .epoch ? .never : snapshot.lastUsedAt, profiles: contents.profiles,
            size: isMeasured ? size(of: snapshot, record) : -1)
    }

    /// All of an instance, in the order they were made.
    func snapshots(of record: InstanceRecord) async throws -> [Instance.Snapshot] {
        var result: [Instance.Snapshot] = []
        for snapshot in record.snapshots where snapshot.isFinished {
            result.append(try await view(snapshot, of: record))
        }
        return result
    }

    /// The bytes a snapshot takes, or -1 as long as they are not counted.
    private func size(of snapshot: InstanceSnapshotRecord, _ record: InstanceRecord) -> Int64 {
        guard let driver = try? pools.driver(of: record.pool),
            let volume = try? Self.volume(record).snapshot(snapshot.name)
        else { return -1 }
        return sizes.usage(
            of: Self.sizeKey(snapshot.name, record), measure: { try await driver.usage(of: volume).bytes })
            ?? -1
    }

    private static func sizeKey(_ name: String, _ record: InstanceRecord) -> String { "\(record.key)/\(name)" }

    /// What the ETag is made of.
    static func writable(_ snapshot: InstanceSnapshotRecord) -> Instance.Snapshot.Update {
        Instance.Snapshot.Update(expiresAt: snapshot.expiresAt)
    }

    func snapshotEvent(
        _ action: String, _ name: String, of record: InstanceRecord, context: [String: JSONValue]? = nil,
        requestor: Event.Requestor?
    ) {
        events.lifecycle(
            "instance-snapshot-\(action)", source: "/1.0/instances/\(record.name)/snapshots/\(name)",
            context: context, requestor: requestor, project: record.project)
    }

    private func plan(_ description: String, _ record: InstanceRecord) -> OperationPlan {
        OperationPlan(
            description: description, project: record.project, resources: Self.resources(record.name, legacy: true))
    }

    // MARK: making

    // By itself: see the note at the same in StorageVolumes+Snapshots.swift.
    @inline(never)
    private static func check(newSnapshot name: String, of record: InstanceRecord) throws {
        try ObjectName.validateSnapshot(name)
        guard !record.snapshots.contains(where: { $0.name == name }) else {
            throw APIError.conflict("Snapshot \"\(name)\" of instance \"\(record.name)\" already exists")
        }
    }

    /// Begins to make a snapshot.
    func createSnapshot(
        _ record: InstanceRecord, _ wish: Instance.Snapshot.Creation, requestor: Event.Requestor?
    ) throws -> LexAPI.Operation {
        guard !wish.stateful else {
            throw APIError.badRequest(
                liveInstance(record.key).run == nil
                    ? "Unable to create a stateful snapshot. The instance isn't running"
                    : "Unable to create a stateful snapshot: this version of lexd cannot save the memory of an instance. "
                        + "Leave out stateful")
        }
        if !wish.name.isEmpty { try Self.check(newSnapshot: wish.name, of: record) }
        return operations.start(plan("Snapshotting instance", record)) { _ in
            try await self.makeSnapshot(
                of: record.key, name: wish.name, expiresAt: wish.expiresAt, requestor: requestor)
        }
    }

    /// Makes a snapshot of an instance, which stands still meanwhile when it runs.
    func makeSnapshot(
        of key: String, name: String, expiresAt: Timestamp?, requestor: Event.Requestor?
    ) async throws {
        try await settle(key)
        try await locks.with(key) {
            try await takeSnapshot(of: key, name: name, expiresAt: expiresAt, requestor: requestor)
        }
    }

    /// The same when the lock of the instance is held. Its record is there before the files, and finished after them.
    private func takeSnapshot(
        of key: String, name wished: String, expiresAt: Timestamp?, requestor: Event.Requestor?
    ) async throws {
        guard var stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
        let record = stored.value
        let config = Config<InstanceKeys>(
            Expansion(try await presentProfiles(of: record), config: record.config, devices: [:]).config)
        let name =
            try wished.isEmpty
            ? SnapshotRules.nextName(try config[\.snapshots.pattern], taken: record.snapshots.map(\.name)) : wished
        try Self.check(newSnapshot: name, of: record)
        let expiry = SnapshotRules.expiry(expiresAt, age: try config[\.snapshots.expiry])
        stored.value.snapshots.append(InstanceSnapshotRecord(of: record, name: name, expiresAt: expiry))
        stored = try await records.update(stored)
        do {
            try await takeFiles(of: stored.value, as: name)
            stored.value.snapshots[stored.value.snapshots.count - 1].isFinished = true
            stored = try await records.update(stored)
            try await writeBackup(stored.value)
        } catch {
            // In a task of its own: ours may have been cancelled.
            let failed = stored
            await Task { await self.takeBackSnapshot(name, failed) }.value
            throw error
        }
        snapshotEvent("created", name, of: record, requestor: requestor)
    }

    private func takeFiles(of record: InstanceRecord, as name: String) async throws {
        let driver = try pools.driver(of: record.pool)
        let volume = try Self.volume(record)
        // What runs has its root mounted: only a copy of its files is of one moment then.
        if liveInstance(record.key).run == nil {
            try await driver.takeSnapshot(
                volume.snapshot(name), of: volume, from: record.image.flatMap { Fingerprint($0) })
            // Its changes are the snapshot's now.
            sizes.forget(record.key)
        } else {
            try await whileStill(record) { try await driver.copy(volume, to: volume.snapshot(name)) }
        }
    }

    private func takeBackSnapshot(_ name: String, _ stored: Stored<InstanceRecord>) async {
        do { try await removeSnapshot(name, stored) } catch {
            logger.error(
                "cannot remove a snapshot that was not finished",
                metadata: ["instance": "\(stored.name)", "snapshot": "\(name)", "error": "\(error)"])
        }
    }

    /// Makes the snapshot of an instance that is about to start, where its schedule has `@startup`; its lock is held.
    /// Answers its record as it is then.
    func takeStartSnapshot(_ stored: Stored<InstanceRecord>) async throws -> Stored<InstanceRecord> {
        let record = stored.value
        let expansion = Expansion(try await presentProfiles(of: record), config: record.config, devices: [:])
        guard expansion.config["snapshots.schedule"] != nil, liveInstance(record.key).lifecycle.phase == .stopped,
            try Config<InstanceKeys>(expansion.config)[\.snapshots.schedule]?.isAtStart == true
        else { return stored }
        try await takeSnapshot(of: record.key, name: "", expiresAt: nil, requestor: nil)
        return try await records.find(record.key) ?? stored
    }

    // MARK: removing

    /// Begins to delete a snapshot.
    func deleteSnapshot(
        _ record: InstanceRecord, _ name: String, requestor: Event.Requestor?
    ) throws -> LexAPI.Operation {
        _ = try Self.snapshot(name, of: record)
        return operations.start(plan("Deleting snapshot", record)) { _ in
            try await self.deleteSnapshot(of: record.key, name, requestor: requestor)
        }
    }

    /// Deletes a snapshot.
    func deleteSnapshot(of key: String, _ name: String, requestor: Event.Requestor?) async throws {
        try await settle(key)
        try await locks.with(key) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            _ = try Self.snapshot(name, of: stored.value)
            let left = try await removeSnapshot(name, stored)
            try await writeBackup(left.value)
            snapshotEvent("deleted", name, of: stored.value, requestor: requestor)
        }
    }

    /// Removes a snapshot, finished or not; the lock of its instance is held.
    @discardableResult
    private func removeSnapshot(
        _ name: String, _ stored: Stored<InstanceRecord>
    ) async throws -> Stored<InstanceRecord> {
        var stored = stored
        let driver = try pools.driver(of: stored.value.pool)
        let volume = try Self.volume(stored.value).snapshot(name)
        if let index = stored.value.snapshots.firstIndex(where: { $0.name == name && $0.isFinished }) {
            stored.value.snapshots[index].isFinished = false
            stored = try await records.update(stored)
        }
        try await driver.delete(volume)
        stored.value.snapshots.removeAll { $0.name == name }
        stored = try await records.update(stored)
        sizes.forget(Self.sizeKey(name, stored.value))
        pools.sweepSoon()
        return stored
    }

    // MARK: changing

    /// Begins to give a snapshot another name.
    func renameSnapshot(
        _ record: InstanceRecord, _ name: String, _ wish: Instance.Snapshot.Rename, requestor: Event.Requestor?
    ) throws -> LexAPI.Operation {
        _ = try Self.snapshot(name, of: record)
        guard !wish.migration else {
            throw APIError.badRequest(
                "This version of lexd cannot send snapshots to other servers: leave out migration to rename one")
        }
        let new = wish.name
        try ObjectName.validateSnapshot(new)
        try Self.checkFree(new, in: record)
        return operations.start(plan("Renaming snapshot", record)) { _ in
            try await self.settle(record.key)
            try await self.locks.with(record.key) { try await self.renameSnapshot(name, of: record.key, to: new) }
            self.snapshotEvent(
                "renamed", new, of: record, context: ["old_name": .string("\(record.name)/\(name)")],
                requestor: requestor)
        }
    }

    @inline(never)
    private static func checkFree(_ name: String, in record: InstanceRecord) throws {
        guard !record.snapshots.contains(where: { $0.name == name }) else {
            throw APIError.conflict("Name '\(record.name)/\(name)' already in use")
        }
    }

    /// What was begun is noted before, for a lexd that falls between the files' new name and the record's.
    private func renameSnapshot(_ name: String, of key: String, to new: String) async throws {
        guard var stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
        _ = try Self.snapshot(name, of: stored.value)
        try Self.checkFree(new, in: stored.value)
        guard let index = stored.value.snapshots.firstIndex(where: { $0.name == name }) else { return }
        let driver = try pools.driver(of: stored.value.pool)
        let volume = try Self.volume(stored.value)
        stored.value.snapshots[index].movesTo = new
        stored = try await records.update(stored)
        do {
            try await driver.rename(volume.snapshot(name), to: volume.snapshot(new))
            var renamed = stored
            renamed.value.snapshots[index].name = new
            renamed.value.snapshots[index].movesTo = nil
            let saved = try await records.update(renamed)
            sizes.forget(Self.sizeKey(name, saved.value))
            try await writeBackup(saved.value)
        } catch {
            let failed = stored
            await Task { await self.takeBackRename(of: failed, driver) }.value
            throw error
        }
    }

    private func takeBackRename(of stored: Stored<InstanceRecord>, _ driver: any StorageDriver) async {
        do { _ = try await settleSnapshots(of: stored) } catch {
            logger.error(
                "cannot take back the new name of a snapshot",
                metadata: ["instance": "\(stored.name)", "error": "\(error)"])
        }
    }

    /// Begins to replace or, with `isPatch`, to change when a snapshot goes.
    func updateSnapshot(
        _ record: InstanceRecord, _ name: String, _ change: Instance.Snapshot.Update, isPatch: Bool,
        check: @escaping @Sendable (Instance.Snapshot.Update) throws -> Void, requestor: Event.Requestor?
    ) throws -> LexAPI.Operation {
        try check(Self.writable(try Self.snapshot(name, of: record)))
        return operations.start(plan("Updating snapshot", record)) { _ in
            try await self.settle(record.key)
            try await self.locks.with(record.key) {
                guard var stored = try await self.records.find(record.key) else {
                    throw APIError.notFound("Instance not found")
                }
                let old = try Self.snapshot(name, of: stored.value)
                try check(Self.writable(old))
                guard let index = stored.value.snapshots.firstIndex(of: old) else { return }
                if !isPatch || change.expiresAt != nil {
                    stored.value.snapshots[index].expiresAt = SnapshotRules.kept(change.expiresAt)
                }
                let saved = try await self.records.update(stored)
                try await self.writeBackup(saved.value)
            }
            self.snapshotEvent("updated", name, of: record, requestor: requestor)
        }
    }
}
