import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStorage
import LexStore
import Logging

extension Instances {
    /// Checks a wish for another name, pool or project of an instance, and begins to carry it out.
    func move(_ record: InstanceRecord, _ wish: Instance.Move, requestor: Event.Requestor) async throws
        -> LexAPI.Operation
    {
        guard wish.target == nil, !wish.migration || !wish.pool.isEmpty || !wish.project.isEmpty else {
            throw APIError.badRequest(
                "This version of lexd cannot move instances to other servers: name a pool or a project of this one")
        }
        let name = try wish.name.isEmpty ? record.name : InstanceName(wish.name).text
        var place = record
        place.name = name
        // As in LXD, without `migration` it is a rename and nothing else.
        if wish.migration {
            if !wish.project.isEmpty { place.project = wish.project }
            if !wish.pool.isEmpty { place.pool = wish.pool }
        }
        _ = try pools.driver(of: place.pool)
        if place.key != record.key || !wish.migration {
            guard try await records.find(place.key) == nil else {
                throw APIError.conflict("Name \"\(name)\" already in use")
            }
        }
        if place.project != record.project {
            _ = try await profiles.projects.get(place.project)
        }
        let target = place
        return operations.start(
            OperationPlan(
                description: wish.migration ? "Migrating instance" : "Renaming instance", project: record.project,
                resources: Self.resources(record.name, legacy: !wish.migration))
        ) { _ in
            try await self.move(
                record.key, to: target, instanceOnly: wish.migration && wish.instanceOnly, requestor: requestor)
        }
    }

    /// Gives an instance that does not run another place; `place` tells its name, project and pool. With `instanceOnly`
    /// its snapshots do not come with it, and there are none of it any more.
    private func move(
        _ key: String, to place: InstanceRecord, instanceOnly: Bool, requestor: Event.Requestor
    ) async throws {
        try await settle(key)
        let left: [String] = try await locks.with(all: [key, place.key]) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            _ = try liveInstance(key).wish(.rename)
            await fileServers.end(of: key)
            if key != place.key, try await records.find(place.key) != nil {
                throw APIError.conflict("Name \"\(place.name)\" already in use")
            }
            var moved = try await changed(stored.value, to: place)
            if key == place.key, stored.value.pool == place.pool { return [] }
            try await completeNICs(&moved)
            if instanceOnly, stored.value.pool != place.pool { moved.snapshots = [] }
            let result =
                stored.value.pool == place.pool
                ? try await rename(stored, to: moved) : try await copyOver(stored, to: moved)
            if key != place.key { forget(key) }
            sizes.forget(key)
            await warnings.forget(entity: stored.value.url)
            lifecycle(
                "instance-renamed", result, context: ["old_name": .string(stored.value.name)], requestor: requestor)
            return instanceOnly ? result.snapshots.map(\.name) : []
        }
        // In the same pool they have come along with the files.
        for name in left { try await deleteSnapshot(of: place.key, name, requestor: requestor) }
    }

    /// What an instance's record becomes in another place.
    private func changed(_ record: InstanceRecord, to place: InstanceRecord) async throws -> InstanceRecord {
        var moved = record
        moved.name = place.name
        moved.project = place.project
        if place.key != record.key {
            // Another name is another machine to cloud-init.
            moved.config["volatile.cloud-init.instance-id"] = UUIDText.random()
            if moved.config["volatile.apply_template"] == nil { moved.config["volatile.apply_template"] = "rename" }
        }
        if place.pool != record.pool {
            let devices = try await expansion(of: record).devices
            guard var root = devices.first(where: { $0.value["type"] == "disk" && $0.value["path"] == "/" }) else {
                throw APIError.badRequest("No root device could be found")
            }
            root.value["pool"] = place.pool
            moved.devices[root.key] = root.value
            moved.pool = place.pool
            moved.image = nil
        }
        moved.snapshots = try await snapshots(of: record, for: moved, areCopies: false)
        // The profiles of that name may be others there.
        let devices = try await expansion(of: moved).check()
        guard try Expansion.rootPool(devices) == moved.pool else {
            throw APIError.badRequest(
                "Cannot move instance \"\(record.name)\" to project \"\(place.project)\": by its profiles there its "
                    + "root disk would be in another storage pool. Name the pool as well")
        }
        try await networks.check(devices, project: moved.project, of: record.key)
        try await volumes.check(devices, project: moved.project)
        return moved
    }

    /// Another name in the same pool: the volume is renamed, and nothing is copied. What was begun is noted before, for
    /// a lexd that falls between the volume's new name and the record's.
    private func rename(_ old: Stored<InstanceRecord>, to moved: InstanceRecord) async throws -> InstanceRecord {
        let driver = try pools.driver(of: moved.pool)
        let (volume, newVolume) = (try Self.volume(old.value), try Self.volume(moved))
        return try await withRollback(logger) { rollback in
            var noted = old
            noted.value.movesTo = moved.key
            noted = try await records.update(noted)
            let note = noted
            await rollback.add("forget the rename") {
                var stored = note
                stored.value.movesTo = nil
                try await self.records.update(stored)
            }
            try await driver.rename(volume, to: newVolume)
            await rollback.add("rename the volume back") { try await driver.rename(newVolume, to: volume) }
            try await moveIDs(old.value.key, moved.key, rollback)
            try await moveLogs(old.value.key, moved.key, rollback)
            // What needs space comes before the record: on a full disk that could not be taken back.
            try await prepareBackup(moved)
            try await commit(noted, as: moved)
            await finishBackup(moved, driver, newVolume)
            return moved
        }
    }

    /// Another pool: the files are copied, the record says where they are, and the old ones go.
    private func copyOver(_ old: Stored<InstanceRecord>, to moved: InstanceRecord) async throws -> InstanceRecord {
        let (source, target) = (try pools.driver(of: old.value.pool), try pools.driver(of: moved.pool))
        let (volume, newVolume) = (try Self.volume(old.value), try Self.volume(moved))
        try await withRollback(logger) { rollback in
            try await copyFiles(of: old.value, to: newVolume, in: moved.pool)
            await rollback.add("remove the new volume") {
                try await target.delete(newVolume)
                self.pools.sweepSoon()
            }
            try await copySnapshots(of: old.value, to: moved)
            if old.value.key != moved.key {
                try await moveIDs(old.value.key, moved.key, rollback)
                try await moveLogs(old.value.key, moved.key, rollback)
            }
            try await prepareBackup(moved)
            // Without it the old volume is one that is about to go, whenever lexd falls.
            try await source.removeBackup(of: volume)
            await rollback.add("write the old settings again") { try await self.writeBackup(old.value) }
            try await commit(old, as: moved)
            await finishBackup(moved, target, newVolume)
        }
        do {
            try await source.delete(volume)
            pools.sweepSoon()
            if let image = old.value.image { try await images.removeUnusedLayers(of: image) }
        } catch {
            logger.error(
                "cannot remove the files of an instance from the pool it has left",
                metadata: ["instance": "\(moved.key)", "pool": "\(old.value.pool)", "error": "\(error)"])
        }
        return moved
    }

    /// Writes a moved record under its new name, while its project and profiles stay what they are.
    private func commit(_ stored: Stored<InstanceRecord>, as moved: InstanceRecord) async throws {
        // It holds the project as well.
        try await profiles.holding(moved.profiles, project: moved.project) {
            // Again: one may have been changed since.
            guard try Expansion.rootPool(try await expansion(of: moved).check()) == moved.pool else {
                throw APIError.conflict(
                    "A profile of the instance was changed meanwhile: its root disk would be in another pool")
            }
            if stored.name == moved.key {
                var changed = stored
                changed.value = moved
                try await records.update(changed)
            } else {
                try await records.rename(stored, to: moved.key, as: moved)
            }
        }
    }

    private func finishBackup(_ moved: InstanceRecord, _ driver: any StorageDriver, _ volume: VolumeName) async {
        do { try await driver.finishBackup(of: volume) } catch {
            logger.error(
                "cannot write the settings beside a volume",
                metadata: ["instance": "\(moved.key)", "error": "\(error)"])
        }
    }

    private func moveIDs(_ old: String, _ new: String, _ rollback: Rollback) async throws {
        let ids = host.ids
        try await blocking { try ids.rename(old, to: new) }
        await rollback.add("give the id range back its owner") { try await blocking { try ids.rename(new, to: old) } }
    }

    private func moveLogs(_ old: String, _ new: String, _ rollback: Rollback) async throws {
        let (from, to) = (host.paths(of: old).logs, host.paths(of: new).logs)
        try await blocking {
            // Of an instance there is no more.
            try removeTree(to)
            if Glibc.rename(from, to) != 0, errno != ENOENT { throw SystemError("rename", from) }
        }
        await rollback.add("rename the logs back") { try await blocking { _ = Glibc.rename(to, from) } }
    }

    /// Takes back a rename that a crash cut short: the record still has its old name, the volume may have the new one.
    func takeBackRename(_ stored: Stored<InstanceRecord>) async throws {
        guard let target = stored.value.movesTo else { return }
        let driver = try pools.driver(of: stored.value.pool)
        let parts = target.split(separator: "/", maxSplits: 1).map(String.init)
        if parts.count == 2, try await records.find(target) == nil {
            let new = VolumeName(project: parts[0], instance: try InstanceName(parts[1]))
            let old = try Self.volume(stored.value)
            let there = try await driver.volumes()
            if there.contains(new), !there.contains(old) {
                logger.info("taking back a rename that was not finished", metadata: ["instance": "\(stored.name)"])
                try await driver.rename(new, to: old)
            }
            let (from, to) = (host.paths(of: target).logs, host.paths(of: stored.name).logs)
            try await blocking {
                if access(to, F_OK) != 0, Glibc.rename(from, to) != 0, errno != ENOENT {
                    throw SystemError("rename", from)
                }
            }
        }
        var settled = stored
        settled.value.movesTo = nil
        try await records.update(settled)
        // In place of those that were prepared for the new name.
        try await writeBackup(settled.value)
    }
}
