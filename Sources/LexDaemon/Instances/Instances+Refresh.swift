import LexAPI
import LexInstance
import LexStorage
import LexStore
import Logging

extension Instances {
    /// Begins to bring an instance that is there up to another's state: its files, and its snapshots unless only the
    /// instance is meant. As in LXD its configuration stays; the client sends that after.
    func refresh(
        _ target: InstanceRecord, by wish: Instance.Creation, _ source: Instance.Source, requestor: Event.Requestor
    ) async throws -> LexAPI.Operation {
        let original = try await copied(wish, source, project: target.project)
        guard original.key != target.key else {
            throw APIError.badRequest("Cannot refresh \"\(target.name)\" from itself: name another instance to copy")
        }
        try checkRefreshable(target.key)
        let urls = { (kind: String) in
            [
                Projects.url("/1.0/\(kind)/\(target.name)", project: target.project),
                Projects.url("/1.0/\(kind)/\(original.name)", project: original.project),
            ]
        }
        return operations.start(
            OperationPlan(
                description: "Creating instance", project: target.project,
                resources: ["instances": urls("instances"), "containers": urls("containers")])
        ) { _ in
            try await self.settle(original.key)
            try await self.settle(target.key)
            try await self.locks.with(all: [original.key, target.key]) {
                try await self.refreshLocked(target.key, from: original.key, source, requestor)
            }
        }
    }

    private func checkRefreshable(_ key: String) throws {
        let instance = liveInstance(key)
        guard instance.run == nil, instance.lifecycle.phase == .stopped else {
            throw APIError.badRequest("Cannot refresh an instance that runs: stop it first")
        }
    }

    /// What the target is to have beside what stays.
    private struct Refreshment {
        /// The snapshot that its root is made from, which nobody sees.
        let root: String
        /// The snapshots to copy, as it is to have them.
        var missing: [InstanceSnapshotRecord] = []
        /// The snapshots that go, by name.
        var leaving: Set<String> = []
        /// The snapshots it has in the end, in their order.
        var names: [String] = []
    }

    /// Everything is laid ready as snapshots that are not finished, which a crash removes. Then the record says what is
    /// to be, and from there on it will be: as with ``restore(_:_:stateful:requestor:)``.
    private func refreshLocked(
        _ key: String, from source: String, _ wish: Instance.Source, _ requestor: Event.Requestor
    ) async throws {
        guard var original = try await records.find(source)?.value, let present = try await records.find(key) else {
            throw APIError.notFound("An instance of the copy was deleted meanwhile")
        }
        try checkRefreshable(key)
        await fileServers.end(of: key)
        // Each of its snapshots has its own name then.
        let old = try await settleSnapshots(of: present, isKnownStopped: true)
        let snapshot = wish.copied.snapshot
        let plan = try await refreshment(
            of: old.value, from: original,
            withSnapshots: snapshot == nil && !wish.instanceOnly && !wish.containerOnly)
        var prepared = old
        do {
            prepared = try await prepare(plan, old, from: original, snapshot)
        } catch {
            // In a task of its own: ours may have been cancelled.
            await Task { await self.takeBackRefresh(of: key) }.value
            throw error
        }
        if let snapshot { original.take(try Self.snapshot(snapshot, of: original).contents) }
        let saved = try await take(plan, over: prepared, from: original)
        // It is done. What stays of this here goes at the next start.
        do { _ = try await settleSnapshots(of: saved) } catch {
            logger.error(
                "cannot remove what a refreshed instance had before",
                metadata: ["instance": "\(key)", "error": "\(error)"])
        }
        sizes.forget(key)
        for name in plan.leaving.sorted() { snapshotEvent("deleted", name, of: saved.value, requestor: requestor) }
        for new in plan.missing { snapshotEvent("created", new.name, of: saved.value, requestor: requestor) }
        lifecycle("instance-updated", saved.value, requestor: requestor)
    }

    private func refreshment(
        of target: InstanceRecord, from original: InstanceRecord, withSnapshots: Bool
    ) async throws -> Refreshment {
        var plan = Refreshment(root: "refresh-" + UUIDText.random())
        let present = target.snapshots.filter(\.isFinished)
        let isSameImage = target.image == image(of: original, in: target.pool)
        guard withSnapshots else {
            guard isSameImage || present.isEmpty else {
                throw APIError.badRequest(
                    "Cannot refresh \"\(target.name)\" alone: its snapshots are of another image than "
                        + "\"\(original.name)\". Leave out instance_only, or delete them first")
            }
            plan.names = present.map(\.name)
            return plan
        }
        let wanted = try await snapshots(of: original, for: target, areCopies: true)
        plan.names = wanted.map(\.name)
        // As LXD tells them apart.
        plan.missing = wanted.filter { new in
            !isSameImage || !present.contains { $0.name == new.name && $0.createdAt == new.createdAt }
        }
        plan.leaving = Set(present.map(\.name)).subtracting(plan.names).union(
            present.map(\.name).filter { name in plan.missing.contains { $0.name == name } })
        return plan
    }

    /// The image whose layer a copy in a pool stands on.
    private func image(of original: InstanceRecord, in pool: String) -> String? {
        pool == original.pool ? original.image : nil
    }

    /// Makes room for the new snapshots, and copies what is missing.
    private func prepare(
        _ plan: Refreshment, _ old: Stored<InstanceRecord>, from original: InstanceRecord, _ snapshot: String?
    ) async throws -> Stored<InstanceRecord> {
        var stored = old
        let driver = try pools.driver(of: stored.value.pool)
        let volume = try Self.volume(stored.value)
        for index in stored.value.snapshots.indices
        where plan.missing.contains(where: { $0.name == stored.value.snapshots[index].name }) {
            stored.value.snapshots[index].movesTo = "refresh-" + UUIDText.random()
        }
        stored = try await records.update(stored)
        for snapshot in stored.value.snapshots {
            guard let new = snapshot.movesTo else { continue }
            try await driver.rename(volume.snapshot(snapshot.name), to: volume.snapshot(new))
        }
        for var new in plan.missing + [InstanceSnapshotRecord(of: stored.value, name: plan.root, expiresAt: nil)] {
            new.isFinished = false
            stored.value.snapshots.append(new)
        }
        stored = try await records.update(stored)
        let root = volume.snapshot(plan.root)
        if let snapshot {
            _ = try Self.snapshot(snapshot, of: original)
            try await copyFiles(of: original, snapshot: snapshot, to: root, in: stored.value.pool)
        } else {
            let pool = stored.value.pool
            try await whileStill(original) { try await copyFiles(of: original, to: root, in: pool) }
        }
        for new in plan.missing {
            try await copyFiles(
                of: original, snapshot: new.name, to: volume.snapshot(new.name), in: stored.value.pool)
        }
        return stored
    }

    /// Notes what the target is from here on, and gives it its files.
    private func take(
        _ plan: Refreshment, over prepared: Stored<InstanceRecord>, from original: InstanceRecord
    ) async throws -> Stored<InstanceRecord> {
        var stored = prepared
        var remaining: [InstanceSnapshotRecord] = []
        var finished: [InstanceSnapshotRecord] = []
        for var snapshot in prepared.value.snapshots {
            let isNew = !snapshot.isFinished && snapshot.name != plan.root
            if isNew || snapshot.isFinished && !plan.leaving.contains(snapshot.name) {
                snapshot.isFinished = true
                finished.append(snapshot)
            } else {
                snapshot.name = snapshot.movesTo ?? snapshot.name
                snapshot.movesTo = nil
                snapshot.isFinished = false
                remaining.append(snapshot)
            }
        }
        let order = Dictionary(plan.names.enumerated().map { ($1, $0) }) { first, _ in first }
        finished.sort { order[$0.name, default: 0] < order[$1.name, default: 0] }
        stored.value.snapshots = finished + remaining
        stored.value.restoresFrom = plan.root
        stored.value.image = image(of: original, in: stored.value.pool)
        stored.value.metadata = original.metadata
        stored.value.architecture = original.architecture
        stored.value.config["volatile.base_image"] = original.config["volatile.base_image"]
        stored.value.config["volatile.apply_template"] = "copy"
        do { stored = try await records.update(stored) } catch {
            await Task { await self.takeBackRefresh(of: prepared.value.key) }.value
            throw error
        }
        do { return try await bringRoot(stored, from: plan.root, before: prepared.value) } catch {
            let key = prepared.value.key
            await Task {
                // Where it is not taken back it goes forward, before the next start.
                guard let left = try? await self.records.find(key), left.value.restoresFrom == nil else { return }
                await self.takeBackRefresh(of: key)
            }.value
            throw error
        }
    }

    private func takeBackRefresh(of key: String) async {
        do {
            guard let stored = try await records.find(key) else { return }
            _ = try await settleSnapshots(of: stored)
        } catch {
            logger.error(
                "cannot take back what was prepared to refresh an instance",
                metadata: ["instance": "\(key)", "error": "\(error)"])
        }
    }

    /// A wish for a configuration without what is another instance's own: the stock client's `copy --refresh` sends the
    /// original's as it is.
    func withoutForeign(
        _ config: [String: String], over old: [String: String]
    ) async throws -> [String: String] {
        guard let uuid = config["volatile.uuid"], uuid != old["volatile.uuid"],
            try await records.list().contains(where: { $0.value.config["volatile.uuid"] == uuid })
        else { return config }
        return config.filter { !$0.key.hasPrefix("volatile.") }
            .merging(old.filter { $0.key.hasPrefix("volatile.") }) { $1 }
    }
}
