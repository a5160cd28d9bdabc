import LexAPI
import LexHost
import LexInstance
import LexStorage
import Logging
import NIOCore
import Synchronization

extension Instances {
    /// Stops an instance and waits until everything of it is put away.
    ///
    /// - Parameters:
    ///   - timeout: How long a clean end may take; nil for as long as it takes. With `force` it is killed.
    ///   - isRestart: Whether it is started again then, which the event of its end tells.
    func stop(
        _ key: String, force: Bool, timeout: TimeAmount?, isRestart: Bool = false, requestor: Event.Requestor?
    ) async throws {
        try await settle(key)
        let (instance, run) = try await locks.with(key) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            let instance = liveInstance(key)
            var before = instance.lifecycle
            let action = try instance.wish(.stop(force: force))
            guard let run = instance.run else { throw APIError.badRequest("The instance is already stopped") }
            instance.willEnd(run, force ? .killed : .asked, isRestart: isRestart, requestor: requestor)
            do {
                if action == .thawFirst {
                    // A frozen process takes no signal, not even SIGKILL on v1.
                    try await setFrozen(false, stored.value)
                    before = Lifecycle(.running)
                }
                if force { try run.process.kill() } else { try run.process.askToStop() }
            } catch {
                instance.willNotEnd(run, before)
                throw error
            }
            return (instance, run)
        }
        if force {
            if await run.ended.wait(.seconds(30)) { return }
            logger.warning("killing the monitor of an instance", metadata: ["instance": "\(key)"])
            run.process.killMonitor()
            guard await run.ended.wait(.seconds(30)) else {
                instance.stopTimedOut(run)
                throw APIError.failed(
                    "cannot stop the instance: the kernel has not ended its processes within a minute. See which are "
                        + "stuck: ps -eo pid,stat,cmd")
            }
            return
        }
        guard await run.ended.wait(timeout) else {
            instance.willEnd(run, .fromInside)
            instance.stopTimedOut(run)
            throw APIError.failed(
                "Failed shutting down instance, status is \"Running\": context deadline exceeded. It did not go down in "
                    + "time; to kill it: lx stop --force")
        }
    }

    /// Stops and starts it again.
    func restart(_ key: String, force: Bool, timeout: TimeAmount?, requestor: Event.Requestor?) async throws {
        try await stop(key, force: force, timeout: timeout, isRestart: true, requestor: requestor)
        try await start(key, because: .restart, requestor: requestor)
    }

    /// Freezes or thaws it.
    func freeze(_ key: String, _ frozen: Bool, requestor: Event.Requestor?) async throws {
        try await settle(key)
        try await locks.with(key) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            let instance = liveInstance(key)
            _ = try instance.wish(frozen ? .freeze : .unfreeze)
            do {
                try await setFrozen(frozen, stored.value)
            } catch {
                instance.happened(frozen ? .freezeFailed : .thawFailed)
                throw error
            }
            lifecycle(frozen ? "instance-paused" : "instance-resumed", stored.value, requestor: requestor)
        }
    }

    func setFrozen(_ frozen: Bool, _ record: InstanceRecord) async throws {
        let group = host.paths(of: record.key).payloadGroup
        let cgroups = host.cgroups
        try await blocking { try InstanceStats.setFrozen(frozen, group, cgroups) }
    }

    /// Deletes an instance that does not run: first its settings beside its files, then its record, then its files. A
    /// crash between is finished, or taken back, at the next start.
    func delete(_ key: String, requestor: Event.Requestor?) async throws {
        try await settle(key)
        try await locks.with(key) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            try await checkDeletable(stored.value, requestor)
            _ = try liveInstance(key).wish(.delete)
            await fileServers.end(of: key)
            let driver = try pools.driver(of: stored.value.pool)
            let volume = try Self.volume(stored.value)
            try await driver.removeBackup(of: volume)
            try await records.delete(stored)
            try await driver.delete(volume)
            pools.sweepSoon()
            let ids = host.ids
            let logs = host.paths(of: key).logs
            try await blocking {
                try ids.release(key)
                try removeTree(logs)
            }
            forget(key)
            sizes.forget(key)
            if let image = stored.value.image { try await images.removeUnusedLayers(of: image) }
            await warnings.forget(entity: stored.value.url)
            for snapshot in stored.value.snapshots.reversed() where snapshot.isFinished {
                snapshotEvent("deleted", snapshot.name, of: stored.value, requestor: requestor)
            }
            lifecycle("instance-deleted", stored.value, requestor: requestor)
        }
    }

    /// An ephemeral one that has ended goes all the same: nobody asked.
    private func checkDeletable(_ record: InstanceRecord, _ requestor: Event.Requestor?) async throws {
        let config = Config<InstanceKeys>(try await expansion(of: record).config)
        guard requestor != nil, try config[\.security.protectionDelete] == true else { return }
        throw APIError.forbidden(
            "Instance is protected from deletion: take the key security.protection.delete of \"\(record.name)\" away first"
        )
    }

    /// Stops all instances, at the host's or lexd's shutdown; each as cleanly as its `boot.host_shutdown_timeout`
    /// allows, those with the highest `boot.stop.priority` first. They are remembered as running, and start again with
    /// lexd. From here on nothing is started.
    func stopAll() async {
        setShuttingDown()
        for key in unsettled.withLock({ $0.sorted() }) { await trySettling(key) }
        var givenUp: Set<String> = []
        // Again until there is none: a start that had begun before may be done by now.
        while true {
            let busy = activeKeys.subtracting(givenUp)
            var byPriority: [Int64: [String]] = [:]
            for key in busy { byPriority[await stopPriority(key), default: []].append(key) }
            guard let first = byPriority.max(by: { $0.key < $1.key })?.value else { return }
            givenUp.formUnion(
                await withTaskGroup(of: String?.self) { group in
                    for key in first { group.addTask { await self.stopForShutdown(key) ? nil : key } }
                    return await group.compactMap(\.self).reduce(into: Set<String>()) { $0.insert($1) }
                })
        }
    }

    private func stopPriority(_ key: String) async -> Int64 {
        guard let record = try? await records.find(key)?.value, let view = try? await view(record),
            let priority = try? Config<InstanceKeys>(view.expandedConfig)[\.boot.stopPriority]
        else { return 0 }
        return priority
    }

    /// Stops one at the shutdown, by force if need be; false when even that did not do it.
    private func stopForShutdown(_ key: String) async -> Bool {
        // A start, or the end of a run, holds the lock until it is done.
        guard await locks.with(key, { liveInstance(key).run != nil }) else { return true }
        do {
            var seconds: Int64 = 30
            if let record = try await records.find(key)?.value {
                seconds = try Config<InstanceKeys>(await view(record).expandedConfig)[\.boot.hostShutdownTimeout] ?? 30
            }
            try await stop(key, force: false, timeout: .seconds(seconds), requestor: nil)
            return true
        } catch {
            do {
                try await stop(key, force: true, timeout: nil, requestor: nil)
            } catch {
                // It may have ended between the two.
                guard liveInstance(key).run != nil else { return true }
                logger.error(
                    "cannot stop an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
                return false
            }
            return true
        }
    }
}
