import LexAPI
import LexInstance
import LexStorage
import LexStore
import Logging

extension Instances {
    /// Begins to make an instance what a snapshot of it is, its files and its configuration. The stock client names the
    /// snapshot with its instance.
    func restore(
        _ record: InstanceRecord, _ wished: String, stateful: Bool, requestor: Event.Requestor?
    ) throws -> LexAPI.Operation {
        let prefix = record.name + "/"
        let name = wished.hasPrefix(prefix) ? String(wished.dropFirst(prefix.count)) : wished
        guard record.snapshot(name) != nil else {
            throw APIError.notFound("Snapshot \(record.name)/\(name.prefix(64)) does not exist")
        }
        guard !stateful else {
            throw APIError.badRequest(
                "Stateful snapshot restore requested but snapshot \(record.name)/\(name) is stateless: leave out stateful"
            )
        }
        return operations.start(
            OperationPlan(
                description: "Restoring snapshot", project: record.project,
                resources: Self.resources(record.name, legacy: true))
        ) { _ in
            try await self.restore(record.key, name, requestor: requestor)
        }
    }

    /// One that runs is stopped for it, and started again.
    private func restore(_ key: String, _ name: String, requestor: Event.Requestor?) async throws {
        try await settle(key)
        let isRunning = try await locks.with(key) {
            // What is wrong is said before anything is stopped.
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            _ = try await restored(stored.value, name)
            return liveInstance(key).run != nil
        }
        guard isRunning else { return try await restoreFiles(key, name, requestor: requestor) }
        // As the first half of a restart: an ephemeral one is not to be deleted by it.
        try await stop(key, force: true, timeout: nil, isRestart: true, requestor: requestor)
        do { try await restoreFiles(key, name, requestor: requestor) } catch {
            do { try await start(key, requestor: requestor) } catch let second {
                logger.error(
                    "cannot start an instance again that was not restored",
                    metadata: ["instance": "\(key)", "error": "\(second)"])
            }
            throw error
        }
        try await start(key, requestor: requestor)
    }

    /// The record is first, and says what the files are to be: a lexd that falls in the middle leaves it to the next one to
    /// finish.
    private func restoreFiles(_ key: String, _ name: String, requestor: Event.Requestor?) async throws {
        try await locks.with(key) {
            guard let old = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            guard liveInstance(key).run == nil, liveInstance(key).lifecycle.phase == .stopped else {
                throw APIError.conflict("The instance was started meanwhile: it is not restored while it runs")
            }
            var new = old
            // None of them may stand in what is taken away.
            await fileServers.end(of: key)
            new.value = try await restored(old.value, name)
            new.value.restoresFrom = name
            try await completeNICs(&new.value)
            let wanted = new
            var saved = try await profiles.holding(wanted.value.profiles, project: wanted.value.project) {
                let devices = try await expansion(of: wanted.value).check()
                return try await volumes.holding(devices, project: wanted.value.project) {
                    try await records.update(wanted)
                }
            }
            let volume = try Self.volume(saved.value)
            do {
                try await pools.driver(of: saved.value.pool).restore(volume, from: volume.snapshot(name))
            } catch {
                saved.value = old.value
                try await records.update(saved)
                throw error
            }
            saved.value.restoresFrom = nil
            saved = try await records.update(saved)
            try await writeBackup(saved.value)
            pools.sweepSoon()
            sizes.forget(key)
            lifecycle(
                "instance-restored", saved.value, context: ["snapshot": .string("\(saved.value.name)/\(name)")],
                requestor: requestor)
        }
    }

    /// What an instance becomes when it goes back to a snapshot; throws when that cannot be.
    private func restored(_ record: InstanceRecord, _ name: String) async throws -> InstanceRecord {
        guard let snapshot = record.snapshot(name) else {
            throw APIError.notFound("Snapshot \(record.name)/\(name) does not exist")
        }
        var restored = record
        restored.take(snapshot.contents)
        restored.config = Self.restoredConfig(from: record.config, to: snapshot.contents.config)
        let devices = try await expansion(of: restored).check()
        guard try Expansion.rootPool(devices) == record.pool else {
            throw APIError.badRequest(
                "Cannot restore snapshot \(record.name)/\(name): its root disk would be in another storage pool, by its "
                    + "profiles as they are now")
        }
        try await networks.check(devices, project: record.project, of: record.key)
        try await volumes.check(devices, project: record.project)
        return restored
    }

    /// The configuration of a snapshot. Of what lexd remembers it has the devices' and what is due at the next start; who
    /// the instance is and what ids it has does not change.
    static func restoredConfig(from present: [String: String], to past: [String: String]) -> [String: String] {
        func isOfPast(_ key: String) -> Bool {
            if key == "volatile.apply_template" { return true }
            guard let (_, field) = InstanceKeys.Volatile.device(of: key) else { return false }
            return field == "hwaddr" || field == "name"
        }
        var config = past.filter { !$0.key.hasPrefix("volatile.") || isOfPast($0.key) }
        for (key, value) in present where key.hasPrefix("volatile.") && config[key] == nil {
            if key != "volatile.apply_template" { config[key] = value }
        }
        return config
    }

    // MARK: copies and moves

    /// The snapshots of an instance as those of a copy, or of one in another place: their roots are where its own is, and
    /// of what lexd remembers they have what is true of both.
    func snapshots(
        of original: InstanceRecord, for record: InstanceRecord, areCopies: Bool
    ) async throws -> [InstanceSnapshotRecord] {
        var result: [InstanceSnapshotRecord] = []
        for var snapshot in original.snapshots where snapshot.isFinished {
            if areCopies {
                let kept: Set<String> = ["volatile.base_image", "volatile.apply_template"]
                snapshot.contents.config = snapshot.contents.config.filter {
                    !$0.key.hasPrefix("volatile.") || kept.contains($0.key)
                }
            }
            let devices = Expansion(
                try await profiles.present(snapshot.contents.profiles, project: record.project), config: [:],
                devices: snapshot.contents.devices
            ).devices
            if var root = devices.first(where: { $0.value["type"] == "disk" && $0.value["path"] == "/" }),
                root.value["pool"] != record.pool
            {
                root.value["pool"] = record.pool
                snapshot.contents.devices[root.key] = root.value
            }
            result.append(snapshot)
        }
        return result
    }

    /// Copies the files of the snapshots that a new place of an instance is to have. What was made goes with the volume.
    func copySnapshots(of original: InstanceRecord, to new: InstanceRecord) async throws {
        let volume = try Self.volume(new)
        for snapshot in new.snapshots {
            try await copyFiles(
                of: original, snapshot: snapshot.name, to: volume.snapshot(snapshot.name), in: new.pool)
        }
    }

    // MARK: after a crash

    /// Finishes or takes back what was begun with the snapshots of an instance; answers its record as it is then.
    func settleSnapshots(of stored: Stored<InstanceRecord>) async throws -> Stored<InstanceRecord> {
        let record = stored.value
        guard record.restoresFrom != nil || record.snapshots.contains(where: { !$0.isFinished || $0.movesTo != nil })
        else { return stored }
        var settled = stored
        let driver = try pools.driver(of: record.pool)
        let volume = try Self.volume(record)
        // First: the one it is restored from may be among those that go.
        if let name = record.restoresFrom {
            logger.info("restoring a snapshot", metadata: ["instance": "\(record.key)", "snapshot": "\(name)"])
            try await driver.restore(volume, from: volume.snapshot(name))
            settled.value.restoresFrom = nil
            settled = try await records.update(settled)
        }
        for snapshot in record.snapshots where !snapshot.isFinished {
            logger.info(
                "removing a snapshot that was not finished",
                metadata: ["instance": "\(record.key)", "snapshot": "\(snapshot.name)"])
            try await driver.delete(volume.snapshot(snapshot.name))
        }
        // After those that were to have their names.
        for (index, snapshot) in record.snapshots.enumerated() {
            guard let new = snapshot.movesTo else { continue }
            do { try await driver.rename(volume.snapshot(new), to: volume.snapshot(snapshot.name)) } catch {
                // It has its old name still.
                _ = try await driver.usage(of: volume.snapshot(snapshot.name))
            }
            settled.value.snapshots[index].movesTo = nil
        }
        settled.value.snapshots.removeAll { !$0.isFinished }
        settled = try await records.update(settled)
        try await writeBackup(settled.value)
        pools.sweepSoon()
        return settled
    }
}

extension InstanceRecord {
    /// Becomes what a snapshot was.
    mutating func take(_ contents: InstanceSnapshotRecord.Contents) {
        architecture = contents.architecture
        description = contents.description
        ephemeral = contents.ephemeral
        profiles = contents.profiles
        config = contents.config
        devices = contents.devices
        metadata = contents.metadata
    }
}
