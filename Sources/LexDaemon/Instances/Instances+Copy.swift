import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStorage
import LexStore
import Logging

extension Instances {
    /// Checks a wish for a copy of an instance and begins to make it.
    ///
    /// What a copy takes over is LXD's rule: configuration and devices with those asked for above them, of `volatile.*`
    /// only the image. It gets ids, hardware addresses and an identity of its own.
    func copy(
        _ wish: Instance.Creation, _ source: Instance.Source, name: InstanceName, project: String,
        requestor: Event.Requestor
    ) async throws -> LexAPI.Operation {
        var wish = wish
        if source.refresh {
            if let target = try await records.find(name.text, in: project)?.value {
                return try await refresh(target, by: wish, source, requestor: requestor)
            }
            // The stock client sends the original's own as it is.
            wish.config = wish.config.filter { !$0.key.hasPrefix("volatile.") }
        }
        let original = try await copied(wish, source, project: project)
        let record = try copy(of: original, by: wish, name: name, project: project)
        try await check(record)
        let urls = { (kind: String) in
            [
                Projects.url("/1.0/\(kind)/\(name)", project: project),
                Projects.url("/1.0/\(kind)/\(original.name)", project: original.project),
            ]
        }
        return operations.start(
            OperationPlan(
                description: "Creating instance", project: project,
                resources: ["instances": urls("instances"), "containers": urls("containers")])
        ) { _ in
            try await self.makeCopy(record, of: original.key, source, requestor)
        }
    }

    /// The instance that is to be copied; throws what is wrong with the wish itself.
    func copied(
        _ wish: Instance.Creation, _ source: Instance.Source, project: String
    ) async throws -> InstanceRecord {
        guard !source.source.isEmpty else { throw APIError.badRequest("Must specify a source instance") }
        guard !wish.stateful else {
            throw APIError.badRequest("This version of lexd cannot copy the memory of an instance: leave out stateful")
        }
        let sourceProject = source.project.isEmpty ? project : source.project
        let (name, snapshot) = source.copied
        guard var record = try await records.find(name, in: sourceProject)?.value else {
            throw APIError.notFound(
                "Failed to fetch instance \"\(name.prefix(64))\" in project \"\(sourceProject.prefix(64))\": "
                    + "Instance not found")
        }
        if let snapshot { record.take(try Self.snapshot(snapshot, of: record).contents) }
        return record
    }

    /// The record of a copy, without what is made for it alone.
    private func copy(
        of original: InstanceRecord, by wish: Instance.Creation, name: InstanceName, project: String
    ) throws -> InstanceRecord {
        var config = original.config.filter { !$0.key.hasPrefix("volatile.") }
        // What clients copy from the original's configuration is lexd's own to decide.
        let ignored: Set<String> = ["volatile.base_image", "volatile.last_state.idmap"]
        for (key, value) in Merge.replacement(wish.config) where !ignored.contains(key) {
            guard !key.hasPrefix("volatile.") || key.hasSuffix(".hwaddr") else {
                throw APIError.badRequest("The key \"\(key)\" is lexd's own and cannot be set at creation")
            }
            config[key] = value
        }
        config["volatile.base_image"] = original.config["volatile.base_image"]
        var record = original
        record.name = name.text
        record.project = project
        record.config = config
        record.devices = original.devices.merging(wish.devices) { $1 }
        // LXD takes no profiles as none, and then lacks a root disk; a copy has those of the original.
        record.profiles = wish.profiles ?? original.profiles
        record.description = wish.description
        record.ephemeral = wish.ephemeral
        record.createdAt = .now
        record.lastUsedAt = .epoch
        record.movesTo = nil
        record.restoresFrom = nil
        record.snapshots = []
        return record
    }

    /// Judges what an instance is to become, with its profiles, and finds its pool.
    private func check(_ record: InstanceRecord) async throws {
        let devices = try await expansion(of: record).check()
        _ = try pools.driver(of: try Expansion.rootPool(devices))
        try await networks.check(devices, project: record.project)
        try await volumes.check(devices, project: record.project)
        guard try await records.find(record.key) == nil else {
            throw APIError.conflict("Instance \"\(record.name)\" already exists")
        }
    }

    private func makeCopy(
        _ wanted: InstanceRecord, of source: String, _ wish: Instance.Source, _ requestor: Event.Requestor
    ) async throws {
        try await settle(source)
        let snapshot = wish.copied.snapshot
        try await locks.with(all: [source, wanted.key]) {
            guard let original = try await records.find(source)?.value else {
                throw APIError.notFound("The instance to copy was deleted meanwhile")
            }
            guard try await records.find(wanted.key) == nil else {
                throw APIError.conflict("Instance \"\(wanted.name)\" already exists")
            }
            var record = wanted
            record.pool = try Expansion.rootPool(try await expansion(of: record).check())
            record.image = record.pool == original.pool ? original.image : nil
            if let snapshot {
                _ = try Self.snapshot(snapshot, of: original)
            } else if !wish.instanceOnly, !wish.containerOnly {
                record.snapshots = try await snapshots(of: original, for: record, areCopies: true)
            }
            let complete = record
            let driver = try pools.driver(of: complete.pool)
            try await make(complete, in: driver, template: "copy") { volume in
                if let snapshot {
                    return try await copyFiles(of: original, snapshot: snapshot, to: volume, in: complete.pool)
                }
                try await whileStill(original) {
                    try await copyFiles(of: original, to: volume, in: complete.pool)
                }
                do { try await copySnapshots(of: original, to: complete) } catch {
                    try? await driver.delete(volume)
                    throw error
                }
            }
            lifecycle(
                "instance-created", complete, context: ["type": "container", "storage-pool": .string(complete.pool)],
                requestor: requestor)
            for snapshot in complete.snapshots {
                snapshotEvent("created", snapshot.name, of: complete, requestor: requestor)
            }
        }
    }

    /// Copies the files of an instance or of a snapshot of it: over the same layer in the same pool, whole into another.
    func copyFiles(
        of original: InstanceRecord, snapshot: String? = nil, to volume: VolumeName, in pool: String
    ) async throws {
        let source = try pools.driver(of: original.pool)
        let root = try Self.volume(original)
        let from = snapshot.map { root.snapshot($0) } ?? root
        if pool == original.pool { return try await source.copy(from, to: volume) }
        let tree = try await source.tree(of: from, from: original.image.flatMap { Fingerprint($0) })
        try await pools.driver(of: pool).create(volume, holding: tree)
    }

    /// Keeps an instance that runs from writing meanwhile, so that its files are of one moment. Its lock is held.
    func whileStill(_ record: InstanceRecord, _ body: () async throws -> Void) async throws {
        let instance = liveInstance(record.key)
        guard instance.run != nil, instance.lifecycle.phase != .frozen else { return try await body() }
        let note = host.paths(of: record.key).stillFile
        // Noted first: the next lexd thaws what it finds frozen with this.
        try await blocking { try replaceFile(note, []) }
        do {
            try await setFrozen(true, record)
            try await body()
        } catch {
            await thaw(record, instance, note)
            throw error
        }
        await thaw(record, instance, note)
    }

    private func thaw(_ record: InstanceRecord, _ instance: LiveInstance, _ note: String) async {
        do {
            try await setFrozen(false, record)
            try await blocking { try removeFile(note) }
        } catch {
            // Its processes may have ended meanwhile, and their group with them.
            guard instance.run?.process.hasEnded == false else { return }
            instance.happened(.thawFailed)
            logger.error(
                "an instance stands still after it was copied: start it again with lx start",
                metadata: ["instance": "\(record.key)", "error": "\(error)"])
        }
    }
}

extension Instance.Source {
    /// The instance to copy, and the snapshot of it that is meant: `INSTANCE/SNAPSHOT`.
    var copied: (instance: String, snapshot: String?) {
        let parts = source.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : nil)
    }
}
