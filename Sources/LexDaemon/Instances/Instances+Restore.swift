import Glibc
import LexAPI
import LexIPC
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
            guard let present = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            guard liveInstance(key).run == nil, liveInstance(key).lifecycle.phase == .stopped else {
                throw APIError.conflict("The instance was started meanwhile: it is not restored while it runs")
            }
            // None of them may stand in what is taken away.
            await fileServers.end(of: key)
            // Each snapshot has its own name then. What is to be restored already is given up for this: where it cannot
            // be, this is the way out.
            let old =
                try await present.value.restoresFrom == nil
                ? settleSnapshots(of: present, isKnownStopped: true) : present
            var new = old
            new.value = try await restored(old.value, name)
            new.value.restoresFrom = name
            try await completeNICs(&new.value)
            let wanted = new
            let noted = try await profiles.holding(wanted.value.profiles, project: wanted.value.project) {
                let devices = try await expansion(of: wanted.value).check()
                return try await volumes.holding(devices, project: wanted.value.project) {
                    try await records.update(wanted)
                }
            }
            let saved = try await bringRoot(noted, from: name, before: old.value)
            try await writeBackup(saved.value)
            pools.sweepSoon()
            sizes.forget(key)
            lifecycle(
                "instance-restored", saved.value, context: ["snapshot": .string("\(saved.value.name)/\(name)")],
                requestor: requestor)
        }
    }

    /// Gives an instance the files of the snapshot that its record names. Where that fails its record is again what it was
    /// before, but only when its files certainly are too: else it is to be finished, now or before the next start.
    func bringRoot(
        _ noted: Stored<InstanceRecord>, from snapshot: String, before: InstanceRecord
    ) async throws -> Stored<InstanceRecord> {
        do {
            let volume = try Self.volume(noted.value)
            try await pools.driver(of: noted.value.pool).restore(volume, from: volume.snapshot(snapshot))
        } catch {
            // In tasks of their own: ours may have been cancelled.
            guard Self.leavesRoot(error) else {
                logger.warning(
                    "cannot restore a snapshot; trying again",
                    metadata: ["instance": "\(noted.name)", "snapshot": "\(snapshot)", "error": "\(error)"])
                return try await restoreAgain(noted)
            }
            var former = noted
            former.value = before
            let reverted = former
            await Task {
                do { _ = try await self.records.update(reverted) } catch {
                    self.logger.error(
                        "cannot note that a snapshot was not restored",
                        metadata: ["instance": "\(reverted.name)", "error": "\(error)"])
                }
            }.value
            throw error
        }
        return try await noteRestored(noted)
    }

    private func restoreAgain(_ noted: Stored<InstanceRecord>) async throws -> Stored<InstanceRecord> {
        do {
            return try await Task { try await self.settleSnapshots(of: noted, isKnownStopped: true) }.value
        } catch {
            throw APIError.failed(
                "Cannot finish giving instance \"\(noted.value.name)\" the files of a snapshot: "
                    + "\(ErrorAnswers.apiError(error).message). lexd tries again before it starts it next, and does not "
                    + "start it until then")
        }
    }

    /// Notes that the files are what they were to be. Left out, the next lexd would put them over what was written since.
    private func noteRestored(_ noted: Stored<InstanceRecord>) async throws -> Stored<InstanceRecord> {
        var changed = noted
        changed.value.restoresFrom = nil
        let done = changed
        do { return try await records.update(done) } catch {
            // In a task of its own: ours may have been cancelled.
            return try await Task { try await self.records.update(done) }.value
        }
    }

    /// Whether the files of an instance are certainly what they were, where restoring a snapshot failed so: it was given up,
    /// never begun, or there was no room to lay ready what was to take their place.
    static func leavesRoot(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError, is APIError: true
        case let error as SystemError:
            (error.code == ENOSPC || error.code == EDQUOT)
                && ["copy", "link", "make", "set", "write"].contains { error.call.hasPrefix($0) }
        default: false
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

    /// Finishes or takes back what was begun with the snapshots of an instance; answers its record as it is then. What is
    /// cut short here can be begun anew. The root of one that may be running stays as it is, and its record with it.
    ///
    /// - Parameter isKnownStopped: Whether it was found out what runs, and this instance does not.
    func settleSnapshots(
        of stored: Stored<InstanceRecord>, isKnownStopped: Bool = false
    ) async throws -> Stored<InstanceRecord> {
        let record = stored.value
        guard record.hasUnsettledSnapshots else { return stored }
        var settled = stored
        let driver = try pools.driver(of: record.pool)
        let volume = try Self.volume(record)
        // First: the one it is restored from may be among those that go.
        if let name = record.restoresFrom {
            // As long as nobody has looked for its processes, the run directory tells of a run.
            guard liveInstance(record.key).run == nil, isKnownStopped || !isFile(host.paths(of: record.key).run) else {
                logger.warning(
                    "not restoring a snapshot of an instance that runs, or may be running",
                    metadata: ["instance": "\(record.key)", "snapshot": "\(name)"])
                return stored
            }
            logger.info("restoring a snapshot", metadata: ["instance": "\(record.key)", "snapshot": "\(name)"])
            await fileServers.end(of: record.key)
            try await driver.restore(volume, from: volume.snapshot(name))
            settled = try await noteRestored(settled)
            sizes.forget(record.key)
        }
        let unfinished = record.snapshots.filter { !$0.isFinished }
        for snapshot in unfinished {
            logger.info(
                "removing a snapshot that was not finished",
                metadata: ["instance": "\(record.key)", "snapshot": "\(snapshot.name)"])
            try await driver.delete(volume.snapshot(snapshot.name))
        }
        if !unfinished.isEmpty {
            // Noted before others get these names back: who begins anew would remove those.
            settled.value.snapshots.removeAll { !$0.isFinished }
            settled = try await records.update(settled)
        }
        for index in settled.value.snapshots.indices {
            let snapshot = settled.value.snapshots[index]
            guard let new = snapshot.movesTo else { continue }
            do { try await driver.rename(volume.snapshot(new), to: volume.snapshot(snapshot.name)) } catch {
                // It has its old name still.
                _ = try await driver.usage(of: volume.snapshot(snapshot.name))
            }
            settled.value.snapshots[index].movesTo = nil
            settled = try await records.update(settled)
        }
        // Everything is in order without it, and a start is not to fail for it.
        do { try await writeBackup(settled.value) } catch {
            logger.error(
                "cannot write the settings beside a volume",
                metadata: ["instance": "\(record.key)", "error": "\(error)"])
        }
        pools.sweepSoon()
        return settled
    }
}

extension InstanceRecord {
    /// Whether something that was begun with its snapshots is neither finished nor taken back.
    var hasUnsettledSnapshots: Bool {
        restoresFrom != nil || snapshots.contains { !$0.isFinished || $0.movesTo != nil }
    }

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
