import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexNetwork
import LexStorage
import LexStore
import Logging
import Synchronization

extension Instances {
    /// Brings store, pools, host and memory together at the daemon's start: finds the instances that run, finishes or
    /// takes back what a crash cut short, and removes what belongs to nothing.
    func recover() async throws {
        try await recoverFiles()
        let keys = Set(try await records.list().map(\.value.key))
        let ids = host.ids
        try await blocking { try ids.releaseAll(except: keys) }
        unsettled.withLock { $0 = keys }
        for key in keys.sorted() { await trySettling(key) }
        do { try await removeOrphans(keys) } catch {
            logger.error("cannot remove what belongs to no instance", metadata: ["error": "\(error)"])
        }
        do { try await removeUnusedMetadata() } catch {
            logger.error("cannot remove metadata that nobody has any more", metadata: ["error": "\(error)"])
        }
        // Volumes and layers were set aside meanwhile.
        pools.sweepSoon()
    }

    /// Brings store and pools together; or one pool, when it is opened later than the others.
    func recoverFiles(in pool: String? = nil) async throws {
        func wanted() async throws -> [Stored<InstanceRecord>] {
            try await records.list().filter { pool == nil || $0.value.pool == pool }
        }
        for stored in try await wanted() {
            do { try await takeBackRename(stored) } catch {
                logger.error(
                    "cannot take back a rename that was not finished",
                    metadata: ["instance": "\(stored.name)", "error": "\(error)"])
            }
        }
        try await recoverVolumes(in: pool)
        for stored in try await wanted() {
            do { _ = try await settleSnapshots(of: stored) } catch {
                logger.error(
                    "cannot bring the snapshots of an instance to order",
                    metadata: ["instance": "\(stored.name)", "error": "\(error)"])
            }
        }
    }

    /// Finds out whether an instance runs, if that was not to be found out so far, and does what follows from it. Until
    /// then nothing of it may be started, stopped or removed.
    func settle(_ key: String) async throws {
        guard unsettled.withLock({ $0.contains(key) }) else { return }
        let isOver = try await locks.with(key) {
            guard unsettled.withLock({ $0.contains(key) }) else { return false }
            let stored = try await records.find(key)
            let isOver = if let stored { try await recover(stored) } else { false }
            unsettled.withLock { _ = $0.remove(key) }
            return isOver
        }
        if isOver { try await delete(key, requestor: nil) }
    }

    /// One instance that is out of order keeps neither lexd nor the others from their work.
    func trySettling(_ key: String) async {
        do { try await settle(key) } catch {
            logger.error(
                "cannot bring an instance to order", metadata: ["instance": "\(key)", "error": "\(error)"])
        }
    }

    /// Pools and store: a volume without a record was never finished, or is about to be gone; a record without a
    /// volume was being made.
    private func recoverVolumes(in one: String?) async throws {
        let stored = try await records.list()
        var lost: [String: [String]] = [:]
        for (pool, driver) in pools.drivers where one == nil || pool == one {
            let known = Set(try stored.filter { $0.value.pool == pool }.map { try Self.volume($0.value) })
            let found = try await driver.volumes()
            for volume in found.subtracting(known) {
                await trying("cannot remove a volume that was not finished", volume, in: pool) {
                    if try await !removeUnfinished(volume, of: driver, pool) {
                        lost[pool, default: []].append(volume.text)
                    }
                }
            }
            for entry in stored where entry.value.pool == pool {
                let volume = try Self.volume(entry.value)
                guard found.contains(volume) else {
                    logger.error(
                        "the files of an instance are gone", metadata: ["instance": "\(entry.name)", "pool": "\(pool)"])
                    continue
                }
                await trying("cannot write the settings beside a volume", volume, in: pool) {
                    let isThere = try await driver.hasBackup(volume)
                    let isOutdated = try await driver.hasUnfinishedBackup(volume)
                    if !isThere || isOutdated { try await writeBackup(entry.value) }
                }
            }
        }
        // Of all pools or none: what is not named counts as right again.
        guard one == nil else { return }
        await warnings.set(
            .orphan,
            Dictionary(
                uniqueKeysWithValues: lost.map { pool, volumes in
                    (
                        "/1.0/storage-pools/\(pool)",
                        "These volumes belong to no instance and are left alone: "
                            + volumes.sorted().joined(separator: ", ")
                    )
                }))
    }

    private func trying(
        _ complaint: Logger.Message, _ volume: VolumeName, in pool: String, _ work: () async throws -> Void
    ) async {
        do { try await work() } catch {
            logger.error(complaint, metadata: ["pool": "\(pool)", "volume": "\(volume)", "error": "\(error)"])
        }
    }

    /// Answers whether it was removed.
    private func removeUnfinished(
        _ volume: VolumeName, of driver: any StorageDriver, _ pool: String
    ) async throws -> Bool {
        if try await driver.hasBackup(volume) {
            // It was whole once: the store has lost it, not we.
            logger.warning(
                "a volume has no record: it is left alone", metadata: ["pool": "\(pool)", "volume": "\(volume)"])
            return false
        }
        logger.info("removing a volume that was not finished", metadata: ["pool": "\(pool)", "volume": "\(volume)"])
        try await driver.delete(volume)
        return true
    }

    /// Finds an instance running, or puts away what is left of its last run; answers whether it is to be deleted.
    private func recover(_ entry: Stored<InstanceRecord>) async throws -> Bool {
        let key = entry.value.key
        let paths = host.paths(of: key)
        try await awaitStart(paths)
        let process: RunningInstance?
        do { process = try await findProcess(paths) } catch {
            // Perhaps it runs: its ids stay its own.
            await reclaimIDs(entry.value, isInUse: true)
            throw error
        }
        await reclaimIDs(entry.value, isInUse: process != nil)
        if let process {
            try await adopt(process, entry, paths)
            return false
        }
        // It does not run. When its run directory is there, it ended while nobody looked: this boot knows it.
        let endedUnseen = try isThere(paths.run)
        if endedUnseen {
            // Its monitor may still be putting things away. One that has no run file comes of a start that was cut
            // short: nobody knows of it.
            let hasRun = try isThere(paths.runFile)
            try await host.runtime.endStart(paths.lockFile, within: hasRun ? .seconds(10) : .zero)
            try await endPayload(paths)
        }
        let left = try host.cgroups.allProcesses(in: paths.payloadGroup)
        guard left.isEmpty else {
            throw APIError.failed(
                "cannot tell whether instance \"\(entry.value.name)\" runs: nothing is known of a run, but processes are "
                    + "in its control group: \(left.sorted().prefix(10).map(String.init).joined(separator: ", "))")
        }
        let cards = try await leftCards(entry.value)
        guard endedUnseen else {
            await putAway(key, cards)
            // The daemon before us fell between the note of its end and what follows from that.
            return entry.value.ephemeral && entry.value.config["volatile.last_state.power"] == "STOPPED"
        }
        let restarts = try textIfThere(paths.stoppedFile)?.hasPrefix("reboot") == true
        // Noted first: without the run directory the next one could not know of the end.
        if restarts {
            dueToStart.withLock { _ = $0.insert(key) }
        } else {
            var ended = entry
            Self.note([:], in: &ended.value.config)
            ended.value.config["volatile.last_state.power"] = "STOPPED"
            ended.value.history = ended.value.history ?? InstanceHistory()
            ended.value.history?.stop = Instance.Explanation.Moment(
                at: .now, cause: "it ended while lexd was not there to see it")
            try await records.update(ended)
        }
        await putAway(key, cards)
        return !restarts && entry.value.ephemeral
    }

    /// Takes up a run that an earlier daemon began.
    private func adopt(
        _ process: RunningInstance, _ entry: Stored<InstanceRecord>, _ paths: InstancePaths
    ) async throws {
        var entry = entry
        let nics = try await knownNICs(entry.value)
        for nic in nics.values { if let vlan = nic.vlan { networks.vlans.adopt(vlan, by: nic.owner) } }
        var isFrozen = InstanceStats.isFrozen(paths.payloadGroup, host.cgroups)
        if try isThere(paths.stillFile) {
            // The daemon before us fell while it copied the files.
            if isFrozen { try await setFrozen(false, entry.value) }
            isFrozen = false
            try removeFile(paths.stillFile)
        }
        let ids = try await ids(of: process)
        let instance = liveInstance(entry.value.key)
        var run = LiveInstance.Run(process: process, nics: nics, ids: ids)
        run.devices = await presentDevices(of: entry.value)
        run.deniesForeignCalls = await deniesForeignCalls(entry.value)
        let cards = await presentCards(of: entry.value)
        run.wantedNICs = cards.nics.filter { nics[$0.key] != nil }
        run.tunings = await presentTunings(of: entry.value, run.wantedNICs)
        instance.began(run, isFrozen: isFrozen)
        follows(instance, run)
        await adoptProxies(cards.proxies, of: entry.value.key, run)
        await reopenGuest(entry.value, ids)
        // The daemon before us may have fallen in the middle of a change.
        do { try await bringDevices(of: entry.value) } catch {
            logger.error(
                "cannot bring an instance that was found running its devices",
                metadata: ["instance": "\(entry.value.key)", "error": "\(error)"])
        }
        logger.info("instance found running", metadata: ["instance": "\(entry.value.name)"])
        guard entry.value.config["volatile.last_state.power"] != "RUNNING" else { return }
        // The daemon before us fell between the start and the note of it.
        entry.value.config["volatile.last_state.power"] = "RUNNING"
        entry.value.config["volatile.idmap.current"] = Self.idMapText(ids)
        Self.note(nics, in: &entry.value.config)
        do { try await records.update(entry) } catch {
            logger.error(
                "cannot note that an instance runs",
                metadata: ["instance": "\(entry.value.key)", "error": "\(error)"])
        }
    }

    /// The ids that an instance runs with: the kernel knows them.
    private func ids(of process: RunningInstance) async throws -> IDMap {
        let directory = "/proc/\(process.initProcess)"
        let map = try await blocking {
            IDMap(users: try readFile("\(directory)/uid_map"), groups: try readFile("\(directory)/gid_map"))
        }
        guard let map else { throw APIError.failed("cannot read the ids of process \(process.initProcess)") }
        return map
    }

    private func deniesForeignCalls(_ record: InstanceRecord) async -> Bool {
        guard let config = try? await expansion(of: record).config else { return false }
        return (try? ContainerConfig.deniesForeignCalls(Config(config))) == true
    }

    /// A helper of the daemon before us may still be starting the instance: its lock is held until it is done. One that
    /// hangs is ended.
    private func awaitStart(_ paths: InstancePaths) async throws {
        guard try isThere(paths.lockFile) else { return }
        let deadline = ContinuousClock.now + host.patience
        while try await isLocked(paths.lockFile) {
            guard ContinuousClock.now < deadline else {
                logger.warning("ending a start that hangs", metadata: ["lock": "\(paths.lockFile)"])
                return try await host.runtime.endStart(paths.lockFile, within: .zero)
            }
            // Nothing tells of the end of a lock but the wait for it, which has no limit (flock(2)).
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func isLocked(_ path: String) async throws -> Bool {
        try await blocking {
            let lock = try OwnedDescriptor.open(path, O_RDWR)
            if lex_lock_exclusive(lock.number, 0) == 0 { return false }
            guard errno == EWOULDBLOCK else { throw SystemError("lock", path) }
            return true
        }
    }

    private func findProcess(_ paths: InstancePaths) async throws -> RunningInstance? {
        guard let text = try textIfThere(paths.runFile) else { return nil }
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        guard numbers.count == 2 else { return nil }
        return try await host.runtime.adopt(monitor: numbers[0], initProcess: numbers[1])
    }

    /// Removes run directories, control groups and logs that belong to no instance.
    private func removeOrphans(_ keys: Set<String>) async throws {
        try await adoptRules()
        try await networks.removeOrphans { owner in
            let key = "\(owner.project)/\(owner.instance)"
            return self.liveInstance(key).run != nil || self.unsettled.withLock { $0.contains(key) }
        }
        let host = host
        let known = Set(keys.map(InstanceHost.flatName))
        try await blocking {
            for directory in ["\(host.runDirectory)/instances", host.logDirectory] {
                for name in (try? directoryNames(directory)) ?? [] where !known.contains(name) {
                    try removeTree("\(directory)/\(name)")
                }
            }
            for group in host.cgroups.groups(withPrefix: host.cgroupPrefix + ".") { host.cgroups.removeEmpty(group) }
        }
    }

    /// Starts what is to run: instances that restarted while lexd was away, those with `boot.autostart`, and those that
    /// ran when lexd was last shut down. The highest `boot.autostart.priority` comes first, and the next one waits as
    /// long as `boot.autostart.delay` of the one before says.
    ///
    /// - Parameter pool: Only those whose root lies in this; nil for all.
    func autostart(in pool: String? = nil) async {
        // What failed for lack of something may be there by now.
        for key in unsettled.withLock({ $0.sorted() }) { await trySettling(key) }
        let due = dueToStart.withLock { due in
            defer { due = [] }
            return due
        }
        for start in await dueStarts(due) where pool == nil || start.record.pool == pool {
            if isShuttingDown { return }
            // Somebody may have started or deleted it meanwhile.
            guard (try? await records.find(start.key)) != nil, liveInstance(start.key).run == nil else { continue }
            do {
                try await self.start(start.key, because: start.cause, requestor: nil)
                if start.delay > 0 { try await Task.sleep(for: .seconds(start.delay)) }
            } catch is CancellationError {
                return
            } catch {
                logger.error("cannot start an instance", metadata: ["instance": "\(start.key)", "error": "\(error)"])
                await warnings.record(
                    .instanceAutostartFailure, "\(error)", entity: start.record.url,
                    project: start.record.project)
            }
        }
    }

    private struct DueStart {
        let record: InstanceRecord
        let priority: Int64
        let delay: Int64
        let cause: StartCause
        var key: String { record.key }
    }

    /// What is to be started, in order.
    private func dueStarts(_ due: Set<String>) async -> [DueStart] {
        var starts: [DueStart] = []
        for stored in (try? await records.list()) ?? [] {
            let record = stored.value
            guard liveInstance(record.key).run == nil, let view = try? await view(record) else { continue }
            let config = Config<InstanceKeys>(view.expandedConfig)
            let wish = (try? config[\.boot.autostart]) ?? nil
            let ranBefore = record.config["volatile.last_state.power"] == "RUNNING"
            guard due.contains(record.key) || wish == true || (wish == nil && ranBefore) else { continue }
            starts.append(
                DueStart(
                    record: record, priority: (try? config[\.boot.autostartPriority]) ?? 0,
                    delay: (try? config[\.boot.autostartDelay]) ?? 0,
                    cause: due.contains(record.key) ? .reboot : wish == true ? .autostart : .ranBefore))
        }
        // Of the same priority in the order of their names, as they are listed.
        return starts.enumerated().sorted { left, right in
            left.element.priority != right.element.priority
                ? left.element.priority > right.element.priority : left.offset < right.offset
        }.map(\.element)
    }
}

/// Whether a path is there; throws when that cannot be told.
private func isThere(_ path: String) throws(SystemError) -> Bool {
    if access(path, F_OK) == 0 { return true }
    if errno == ENOENT { return false }
    throw SystemError("look for", path)
}

/// The content of a small file; nil when there is none, and only then.
private func textIfThere(_ path: String) throws(SystemError) -> String? {
    do throws(SystemError) { return try readFile(path) } catch {
        if error.code == ENOENT { return nil }
        throw error
    }
}
