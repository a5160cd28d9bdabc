import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStore
import Logging

extension Instances {
    /// Replaces or, with `isPatch`, changes an instance's configuration. On a running one live keys take effect at
    /// once; when one cannot, nothing is changed.
    ///
    /// - Returns: What it takes only at its next start, see ``waiting(_:from:to:)``.
    @discardableResult
    func update(
        _ key: String, _ change: Instance.Update, isPatch: Bool, check: ([String: JSONValue]) throws -> Void,
        requestor: Event.Requestor?
    ) async throws -> String? {
        guard change.restore.isEmpty else {
            throw APIError.badRequest("To go back to a snapshot takes a while: send restore with PUT, not with PATCH")
        }
        let waiting = try await locks.with(key) {
            guard let old = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            try check(Self.writable(old.value))
            var new = old
            if isPatch {
                new.value.config = Merge.config(old.value.config, change.config)
                new.value.devices = Merge.devices(old.value.devices, change.devices)
            } else {
                new.value.config = try await withoutForeign(
                    Merge.replacement(change.config), over: old.value.config)
                new.value.devices = change.devices ?? [:]
            }
            new.value.profiles = change.profiles ?? (isPatch ? old.value.profiles : [])
            new.value.description = change.description ?? (isPatch ? old.value.description : "")
            new.value.ephemeral = change.ephemeral ?? (isPatch ? old.value.ephemeral : false)
            try Self.checkVolatile(from: old.value.config, to: new.value.config)

            let wanted = new
            let before = try? await expansion(of: old.value)
            let saved = try await profiles.holding(wanted.value.profiles, project: wanted.value.project) {
                try await save(wanted, over: old)
            }
            try await writeBackup(saved.value)
            lifecycle("instance-updated", saved.value, requestor: requestor)
            guard let before else { return nil as String? }
            let after = try await expansion(of: saved.value)
            tellGuest(key, from: before, to: after)
            warnOfUnknownCalls(of: key, after.config, before: before.config)
            return await self.waiting(key, from: before, to: after)
        }
        await rebalanceCPUs(except: nil)
        return waiting
    }

    /// Judges a changed instance, brings the change to its run, and writes it down.
    private func save(
        _ wanted: Stored<InstanceRecord>, over old: Stored<InstanceRecord>
    ) async throws -> Stored<InstanceRecord> {
        var new = wanted
        let expansion = try await expansion(of: new.value)
        let devices = try expansion.check()
        guard try Expansion.rootPool(devices) == new.value.pool else {
            throw APIError.badRequest("The storage pool of an instance's root disk cannot be changed")
        }
        try await networks.check(devices, project: new.value.project, of: new.value.key)
        if old.value.devices != new.value.devices || old.value.profiles != new.value.profiles {
            try await checkSources(
                devices, expansion.devices, before: (try? await self.expansion(of: old.value).devices) ?? [:])
        }
        try await completeNICs(&new.value)
        if let before = try? await self.expansion(of: old.value),
            CloudSeed(before, old.value) != CloudSeed(expansion, new.value)
        {
            new.value.config["volatile.cloud-init.instance-id"] = UUIDText.random()
        }
        let complete = new
        return try await volumes.holding(devices, project: complete.value.project) {
            try await withRollback(logger) { rollback in
                try await apply(from: old.value, to: complete.value)
                await rollback.add("bring back limits and disks") {
                    try await self.apply(from: complete.value, to: old.value)
                }
                try await bringModules(of: complete.value.key, Config(expansion.config))
                try await bringGuest(of: complete.value, Config(expansion.config))
                await rollback.add("bring back /dev/lxd") {
                    try await self.bringGuest(of: old.value, Config(try await self.expansion(of: old.value).config))
                }
                try await bringSize(of: complete.value, over: old.value)
                await rollback.add("bring back the size of the root disk") {
                    try await self.bringSize(of: old.value, over: complete.value)
                }
                try await bringMountable(of: complete.value, Config(expansion.config))
                await rollback.add("bring back what may be mounted") {
                    try await self.bringMountable(
                        of: old.value, Config(try await self.expansion(of: old.value).config))
                }
                var noted = complete
                try await bringCards(of: complete.value, over: old.value)
                if let nics = liveInstance(complete.value.key).run?.nics {
                    Self.note(nics, in: &noted.value.config)
                }
                await rollback.add("bring back interfaces") {
                    try await self.bringCards(of: old.value, over: complete.value)
                }
                return try await records.update(noted)
            }
        }
    }

    /// Logs the system calls that liblxc will pass over.
    func warnOfUnknownCalls(of key: String, _ config: [String: String], before: [String: String] = [:]) {
        let calls = Self.unknownCalls(config, before: before)
        guard !calls.isEmpty else { return }
        logger.warning(
            "this host knows no such system calls, and passes over the lines with them",
            metadata: ["instance": "\(key)", "calls": "\(calls.prefix(32).joined(separator: ", "))"])
    }

    /// The system calls in lists that are new of which this host's libseccomp has not heard. Lists are made for newer
    /// kernels as well, and LXD takes them.
    static func unknownCalls(_ config: [String: String], before: [String: String] = [:]) -> [String] {
        var unknown: [String] = []
        for word in ["allow", "deny", "whitelist", "blacklist"] {
            let key = "security.syscalls.\(word)"
            guard let text = config[key], text != before[key], let list = SyscallList(configText: text) else {
                continue
            }
            for name in list.names where SystemCalls.isKnown(name) == false && !unknown.contains(name) {
                unknown.append(name)
            }
        }
        return unknown
    }

    /// What lexd keeps for itself can be sent back as it is, but neither removed nor changed.
    private static func checkVolatile(from old: [String: String], to new: [String: String]) throws(APIError) {
        for name in [
            "volatile.idmap.base", "volatile.idmap.next", "volatile.idmap.current", "volatile.last_state.idmap",
        ] {
            if old[name] != nil, new[name] == nil {
                throw .badRequest("Volatile idmap keys can't be deleted by the user")
            }
            guard old[name] == new[name] else {
                throw .badRequest("The key \"\(name)\" is lexd's own and cannot be changed")
            }
        }
        for name in ["volatile.uuid", "volatile.base_image", "volatile.last_state.power"] where old[name] != new[name] {
            throw .badRequest("The key \"\(name)\" is lexd's own and cannot be changed")
        }
    }

    /// Brings the live keys of a change to a running instance; what was brought is taken back when one is refused.
    private func apply(from old: InstanceRecord, to new: InstanceRecord) async throws {
        guard liveInstance(new.key).run != nil else { return }
        let before = try await limits(of: old)
        let after = try await limits(of: new)
        try await bring(
            LiveLimit.changes(from: before, to: after), try await devices(of: new),
            undo: LiveLimit.changes(from: after, to: before), to: new.key)
    }

    /// The disks and device nodes a running instance is to have by its record.
    private func devices(of record: InstanceRecord) async throws -> InstanceDevices {
        let devices = try Device.readAll(try await expansion(of: record).devices)
        return try await wanted(
            devices, project: record.project, present: liveInstance(record.key).run?.devices ?? HeldDevices())
    }

    /// Brings a running instance everything that its record says by now.
    func bringAll(of record: InstanceRecord) async throws {
        try await write(try await limits(of: record), to: record.key)
        try await bringSize(of: record)
        try await bringDevices(of: record)
        var noted = record
        try await completeNICs(&noted)
        try await bringCards(try await wantedCards(of: noted), of: noted)
        try await noteCards(of: record.key)
    }

    /// Brings a running instance the disks and device nodes that its record says.
    func bringDevices(of record: InstanceRecord) async throws {
        try await bringDevices(try await devices(of: record), to: liveInstance(record.key))
    }

    /// Brings limits and devices to a running instance; when one is refused, of `undo` those that were touched are
    /// written again.
    func bring(
        _ limits: [LiveLimit], _ devices: InstanceDevices, undo: [LiveLimit], to key: String
    ) async throws {
        let touched = Set(limits.map(\.key))
        let undo = undo.filter { touched.contains($0.key) }
        do {
            try await write(limits, to: key)
            try await bringDevices(devices, to: liveInstance(key))
        } catch {
            try? await write(undo, to: key)
            throw error
        }
    }

    /// Brings the interfaces and proxies of a running instance to what a changed record says.
    private func bringCards(of record: InstanceRecord, over old: InstanceRecord) async throws {
        guard liveInstance(record.key).run != nil else { return }
        // As most changes do, this one may leave all devices alone.
        let priority = "limits.network.priority"
        if old.devices == record.devices, old.profiles == record.profiles,
            old.config[priority] == record.config[priority]
        {
            return
        }
        try await bringCards(try await wantedCards(of: record), of: record)
    }

    private func limits(of record: InstanceRecord) async throws -> [LiveLimit] {
        let expansion = try await expansion(of: record)
        return try await limits(of: record, expansion, cpus: try await cpus(of: record, Config(expansion.config)))
    }

    /// Every limit of an instance, also those that are not set.
    func limits(of record: InstanceRecord, _ expansion: Expansion, cpus: [Int]?) async throws -> [LiveLimit] {
        let wanted = try LiveLimits.wanted(Config(expansion.config), cpus: cpus, hostMemory: host.facts.memory)
        // Most have none of a disk.
        let limitsDisks = expansion.devices.values.contains { options in
            options["type"] == "disk" && options.keys.contains { $0.hasPrefix("limits.") }
        }
        if !limitsDisks { return wanted }
        return wanted + (try await diskLimits(try Device.readAll(expansion.devices), of: record))
    }

    private func write(_ limits: [LiveLimit], to key: String) async throws {
        guard !limits.isEmpty else { return }
        let group = host.paths(of: key).payloadGroup
        let cgroups = host.cgroups
        try await blocking {
            try LiveLimits.apply(limits, group: group, layout: cgroups, allCPUs: CPUList.online())
        }
    }

    // MARK: CPUs

    /// The CPUs an instance is pinned to, all running ones considered; nil without a limit.
    func cpus(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws -> [Int]? {
        guard let wish = try CPUWish(config) else { return nil }
        var limits = try await runningCPULimits()
        limits[record.key] = wish
        return CPUBalance.assign(limits, online: CPUList.online())[record.key]
    }

    /// The limits of CPUs of the instances that run.
    func runningCPULimits() async throws -> [String: CPUWish] {
        var limits: [String: CPUWish] = [:]
        for stored in try await records.list() where liveInstance(stored.value.key).run != nil {
            let expansion = Expansion(
                try await presentProfiles(of: stored.value), config: stored.value.config,
                devices: stored.value.devices)
            limits[stored.value.key] = try CPUWish(Config(expansion.config))
        }
        return limits
    }

    /// Spreads the running instances with a count of CPUs anew over all CPUs.
    ///
    /// - Parameter freesOthers: Whether those without a limit get all CPUs: with control groups v1 a CPU that was off is
    ///   in no group when it is on again (cpuset(7)).
    func rebalanceCPUs(except: String?, freesOthers: Bool = false) async {
        let online = CPUList.online()
        var assigned: [String: [Int]] = [:]
        do {
            assigned = CPUBalance.assign(try await runningCPULimits(), online: online)
        } catch {
            logger.warning("cannot spread instances over the CPUs", metadata: ["error": "\(error)"])
            return
        }
        if freesOthers, !host.cgroups.isUnified {
            for key in activeKeys where assigned[key] == nil { assigned[key] = online }
        }
        for (key, cpus) in assigned where key != except {
            do { try await pin(key, to: cpus) } catch {
                // One that ends meanwhile has no group any more.
                guard liveInstance(key).run != nil else { continue }
                logger.warning(
                    "cannot give an instance its CPUs", metadata: ["instance": "\(key)", "error": "\(error)"])
            }
        }
    }

    private func pin(_ key: String, to cpus: [Int]) async throws {
        let cgroups = host.cgroups
        guard let directory = cgroups.directory("cpuset", host.paths(of: key).payloadGroup) else { return }
        try await blocking {
            guard let present = try? readFile("\(directory)/cpuset.cpus") else { return }
            if present.filter({ !$0.isWhitespace }) == CPUList.text(cpus) { return }
            try CPUSet.bring(directory, to: cpus, layout: cgroups)
        }
    }
}
