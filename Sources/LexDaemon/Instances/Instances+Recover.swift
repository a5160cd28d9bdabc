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
        try await recoverVolumes()
        let keys = Set(try await records.list().map(\.value.key))
        let ids = host.ids
        try await blocking { try ids.releaseAll(except: keys) }
        unsettled.withLock { $0 = keys }
        for key in keys.sorted() { await trySettling(key) }
        do { try await removeOrphans(keys) } catch {
            logger.error("cannot remove what belongs to no instance", metadata: ["error": "\(error)"])
        }
        // Volumes and layers were set aside meanwhile.
        pools.sweepSoon()
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
    private func recoverVolumes() async throws {
        let stored = try await records.list()
        for (pool, driver) in pools.drivers {
            let known = Set(try stored.filter { $0.value.pool == pool }.map { try Self.volume($0.value) })
            let found = try await driver.volumes()
            for volume in found.subtracting(known) {
                await trying("cannot remove a volume that was not finished", volume, in: pool) {
                    try await removeUnfinished(volume, of: driver, pool)
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
                    if try await !driver.hasBackup(volume) { try await writeBackup(entry.value) }
                }
            }
        }
    }

    private func trying(
        _ complaint: Logger.Message, _ volume: VolumeName, in pool: String, _ work: () async throws -> Void
    ) async {
        do { try await work() } catch {
            logger.error(complaint, metadata: ["pool": "\(pool)", "volume": "\(volume)", "error": "\(error)"])
        }
    }

    private func removeUnfinished(_ volume: VolumeName, of driver: any StorageDriver, _ pool: String) async throws {
        if try await driver.hasBackup(volume) {
            // It was whole once: the store has lost it, not we.
            logger.warning(
                "a volume has no record: it is left alone", metadata: ["pool": "\(pool)", "volume": "\(volume)"])
            return
        }
        logger.info("removing a volume that was not finished", metadata: ["pool": "\(pool)", "volume": "\(volume)"])
        try await driver.delete(volume)
    }

    /// Finds an instance running, or puts away what is left of its last run; answers whether it is to be deleted.
    private func recover(_ entry: Stored<InstanceRecord>) async throws -> Bool {
        let key = entry.value.key
        let paths = host.paths(of: key)
        try await awaitStart(paths)
        let process = try await findProcess(paths)
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
        let nics = try await knownNICs(entry.value)
        guard endedUnseen else {
            await putAway(key, nics)
            // The daemon before us fell between the note of its end and what follows from that.
            return entry.value.ephemeral && entry.value.config["volatile.last_state.power"] == "STOPPED"
        }
        let restarts = try textIfThere(paths.stoppedFile)?.hasPrefix("reboot") == true
        // Noted first: without the run directory the next one could not know of the end.
        if restarts {
            dueToStart.withLock { _ = $0.insert(key) }
        } else {
            var ended = entry
            for name in ended.value.config.keys where name.hasSuffix(".host_name") { ended.value.config[name] = nil }
            ended.value.config["volatile.last_state.power"] = "STOPPED"
            try await records.update(ended)
        }
        await putAway(key, nics)
        return !restarts && entry.value.ephemeral
    }

    /// Takes up a run that an earlier daemon began.
    private func adopt(
        _ process: RunningInstance, _ entry: Stored<InstanceRecord>, _ paths: InstancePaths
    ) async throws {
        var entry = entry
        let nics = try await knownNICs(entry.value)
        let isFrozen = InstanceStats.isFrozen(paths.payloadGroup, host.cgroups)
        let isPrivileged = entry.value.config["volatile.idmap.current"] == "[]"
        let firstID = isPrivileged ? nil : entry.value.config["volatile.idmap.base"].flatMap { UInt32($0) }
        let instance = liveInstance(entry.value.key)
        let run = LiveInstance.Run(process: process, nics: nics, firstID: firstID)
        instance.began(run, isFrozen: isFrozen)
        follows(instance, run)
        logger.info("instance found running", metadata: ["instance": "\(entry.value.name)"])
        guard entry.value.config["volatile.last_state.power"] != "RUNNING" else { return }
        // The daemon before us fell between the start and the note of it.
        entry.value.config["volatile.last_state.power"] = "RUNNING"
        entry.value.config["volatile.idmap.current"] = Self.idMapText(firstID)
        for (device, nic) in nics { entry.value.config["volatile.\(device).host_name"] = nic.hostName }
        do { try await records.update(entry) } catch {
            logger.error(
                "cannot note that an instance runs",
                metadata: ["instance": "\(entry.value.key)", "error": "\(error)"])
        }
    }

    /// Takes the id range an instance had. Without it the next start takes another one.
    private func reclaimIDs(_ record: InstanceRecord, isInUse: Bool) async {
        guard let wanted = record.config["volatile.idmap.base"].flatMap({ UInt32($0) }) else { return }
        let ids = host.ids
        let key = record.key
        do {
            let base = try await blocking { try ids.claim(key, wanted: wanted, isInUse: isInUse) }
            if base != wanted {
                logger.warning("another daemon has the id range of an instance", metadata: ["instance": "\(key)"])
            }
        } catch {
            logger.error(
                "cannot take the id range of an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
        }
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

    /// The interfaces of an instance that are on the host at this moment.
    private func knownNICs(_ record: InstanceRecord) async throws -> [String: AttachedNIC] {
        var nics: [String: AttachedNIC] = [:]
        for nic in try await networks.attachedNICs()
        where nic.owner.project == record.project && nic.owner.instance == record.name {
            let options = try await view(record).expandedDevices[nic.owner.device] ?? [:]
            let address = options["hwaddr"] ?? record.config["volatile.\(nic.owner.device).hwaddr"] ?? ""
            guard let hardwareAddress = MACAddress(configText: address) else { continue }
            nics[nic.owner.device] = AttachedNIC(
                owner: nic.owner, hostName: nic.hostName, hardwareAddress: hardwareAddress)
        }
        return nics
    }

    /// Removes run directories, control groups and logs that belong to no instance.
    private func removeOrphans(_ keys: Set<String>) async throws {
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
    /// ran when lexd was last shut down.
    func autostart() async {
        // What failed for lack of something may be there by now.
        for key in unsettled.withLock({ $0.sorted() }) { await trySettling(key) }
        let due = dueToStart.withLock { due in
            defer { due = [] }
            return due
        }
        for stored in (try? await records.list()) ?? [] {
            if isShuttingDown { return }
            let record = stored.value
            guard liveInstance(record.key).run == nil, let view = try? await view(record) else { continue }
            let wish = (try? Config<InstanceKeys>(view.expandedConfig)[\.boot.autostart]) ?? nil
            let ranBefore = record.config["volatile.last_state.power"] == "RUNNING"
            guard due.contains(record.key) || wish == true || (wish == nil && ranBefore) else { continue }
            do {
                try await start(record.key, requestor: nil)
            } catch {
                logger.error("cannot start an instance", metadata: ["instance": "\(record.name)", "error": "\(error)"])
            }
        }
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
