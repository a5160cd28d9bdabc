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
        for stored in try await records.list() {
            try await recover(stored)
        }
        try await removeOrphans(keys)
        // Volumes and layers were set aside meanwhile.
        pools.sweepSoon()
    }

    /// Pools and store: a volume without a record was never finished, or is about to be gone; a record without a
    /// volume was being made.
    private func recoverVolumes() async throws {
        let stored = try await records.list()
        for (pool, driver) in pools.drivers {
            let known = Set(try stored.filter { $0.value.pool == pool }.map { try Self.volume($0.value) })
            let found = try await driver.volumes()
            for volume in found.subtracting(known) {
                if try await driver.hasBackup(volume) {
                    // It was whole once: the store has lost it, not we.
                    logger.warning(
                        "a volume has no record: it is left alone",
                        metadata: ["pool": "\(pool)", "volume": "\(volume)"])
                    continue
                }
                logger.info(
                    "removing a volume that was not finished", metadata: ["pool": "\(pool)", "volume": "\(volume)"])
                try await driver.delete(volume)
            }
            for entry in stored where entry.value.pool == pool {
                let volume = try Self.volume(entry.value)
                if !found.contains(volume) {
                    logger.error(
                        "the files of an instance are gone", metadata: ["instance": "\(entry.name)", "pool": "\(pool)"])
                } else if try await !driver.hasBackup(volume) {
                    try await writeBackup(entry.value)
                }
            }
        }
    }

    private func recover(_ entry: Stored<InstanceRecord>) async throws {
        var entry = entry
        let key = entry.value.key
        let paths = host.paths(of: key)
        try await awaitStart(paths)
        let process = try await findProcess(paths)
        if let wanted = entry.value.config["volatile.idmap.base"].flatMap({ UInt32($0) }) {
            let ids = host.ids
            let isInUse = process != nil
            let base = try await blocking { try ids.claim(key, wanted: wanted, isInUse: isInUse) }
            if base != wanted {
                logger.warning("another daemon has the id range of an instance", metadata: ["instance": "\(key)"])
            }
        }
        if let process {
            let nics = try await knownNICs(entry.value)
            let isFrozen = InstanceStats.isFrozen(paths.payloadGroup, host.cgroups)
            let isPrivileged = entry.value.config["volatile.idmap.current"] == "[]"
            let firstID = isPrivileged ? nil : entry.value.config["volatile.idmap.base"].flatMap { UInt32($0) }
            let instance = liveInstance(key)
            instance.began(LiveInstance.Run(process: process, nics: nics, firstID: firstID), isFrozen: isFrozen)
            if entry.value.config["volatile.last_state.power"] != "RUNNING" {
                // The daemon before us fell between the start and the note of it.
                entry.value.config["volatile.last_state.power"] = "RUNNING"
                entry.value.config["volatile.idmap.current"] = Self.idMapText(firstID)
                for (device, nic) in nics { entry.value.config["volatile.\(device).host_name"] = nic.hostName }
                try await records.update(entry)
            }
            logger.info("instance found running", metadata: ["instance": "\(entry.value.name)"])
            follows(instance)
            return
        }
        // It does not run. When its run directory is there, it ended while nobody looked: this boot knows it.
        let endedUnseen = (try? directoryNames(paths.run)) != nil
        if endedUnseen {
            // Its monitor may still be putting things away. One that has no run file comes of a start that was cut
            // short: nobody knows of it.
            let hasRun = access(paths.runFile, F_OK) == 0
            try await host.runtime.endStart(paths.lockFile, within: hasRun ? .seconds(10) : .zero)
            await endPayload(paths)
        }
        let target = try? readFile(paths.stoppedFile)
        let nics = try await knownNICs(entry.value)
        await putAway(key, nics)
        guard endedUnseen else {
            // The daemon before us fell between the note of its end and what follows from that.
            if entry.value.ephemeral, entry.value.config["volatile.last_state.power"] == "STOPPED" {
                try await delete(key, requestor: nil)
            }
            return
        }
        if target?.hasPrefix("reboot") == true {
            dueToStart.withLock { _ = $0.insert(key) }
            return
        }
        for name in entry.value.config.keys where name.hasSuffix(".host_name") { entry.value.config[name] = nil }
        entry.value.config["volatile.last_state.power"] = "STOPPED"
        try await records.update(entry)
        if entry.value.ephemeral { try await delete(key, requestor: nil) }
    }

    /// A helper of the daemon before us may still be starting the instance: its lock is held until it is done. One that
    /// hangs is ended.
    private func awaitStart(_ paths: InstancePaths) async throws {
        guard access(paths.lockFile, F_OK) == 0 else { return }
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
        guard let text = try? readFile(paths.runFile) else { return nil }
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
            self.liveInstance("\(owner.project)/\(owner.instance)").run != nil
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
        let due = dueToStart.withLock { due in
            defer { due = [] }
            return due
        }
        for stored in (try? await records.list()) ?? [] {
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
