import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStore
import Logging

extension Instances {
    /// Replaces or, with `isPatch`, changes an instance's configuration. On a running one live keys take effect at
    /// once; when one cannot, nothing is changed.
    func update(
        _ key: String, _ change: Instance.Update, isPatch: Bool, check: ([String: JSONValue]) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        guard change.restore.isEmpty else {
            throw APIError.badRequest("This version of lexd has no snapshots to go back to")
        }
        try await locks.with(key) {
            guard let old = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            try check(Self.writable(old.value))
            var new = old
            if isPatch {
                new.value.config = Merge.config(old.value.config, change.config)
                new.value.devices = Merge.devices(old.value.devices, change.devices)
            } else {
                new.value.config = Merge.replacement(change.config)
                new.value.devices = change.devices ?? [:]
            }
            new.value.profiles = change.profiles ?? (isPatch ? old.value.profiles : [Project.defaultName])
            new.value.description = change.description ?? (isPatch ? old.value.description : "")
            new.value.ephemeral = change.ephemeral ?? (isPatch ? old.value.ephemeral : false)
            try Self.checkVolatile(from: old.value.config, to: new.value.config)

            let wanted = new
            let saved = try await profiles.holding(wanted.value.profiles) { try await save(wanted, over: old) }
            try await writeBackup(saved.value)
            lifecycle("instance-updated", saved.value.name, requestor: requestor)
        }
        await rebalanceCPUs(except: nil)
    }

    /// Judges a changed instance, brings the change to its run, and writes it down.
    private func save(
        _ wanted: Stored<InstanceRecord>, over old: Stored<InstanceRecord>
    ) async throws -> Stored<InstanceRecord> {
        var new = wanted
        let expansion = Expansion(
            try await profiles.resolve(new.value.profiles), config: new.value.config, devices: new.value.devices)
        let devices = try expansion.check()
        guard try Expansion.rootPool(devices) == new.value.pool else {
            throw APIError.badRequest("The storage pool of an instance's root disk cannot be changed")
        }
        try await networks.check(devices)
        try await completeNICs(&new.value)
        try await apply(from: old.value, to: new.value)
        do {
            return try await records.update(new)
        } catch {
            try? await apply(from: new.value, to: old.value)
            throw error
        }
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
        guard let run = liveInstance(new.key).run else { return }
        let before = try await limits(of: old, run)
        let after = try await limits(of: new, run)
        try await write(after.filter { !before.contains($0) }, undo: before, key: new.key)
    }

    private func limits(of record: InstanceRecord, _ run: LiveInstance.Run) async throws -> [LiveLimit] {
        let expansion = Expansion(
            try await profiles.resolve(record.profiles), config: record.config, devices: record.devices)
        return try LiveLimits.wanted(try await plan(record, expansion, firstID: run.firstID))
    }

    private func write(_ limits: [LiveLimit], undo: [LiveLimit], key: String) async throws {
        guard !limits.isEmpty else { return }
        let group = host.paths(of: key).payloadGroup
        let cgroups = host.cgroups
        try await blocking {
            let all = CPUList.online()
            do {
                try LiveLimits.apply(limits, group: group, layout: cgroups, allCPUs: all)
            } catch {
                let touched = Set(limits.map(\.key))
                try? LiveLimits.apply(
                    undo.filter { touched.contains($0.key) }, group: group, layout: cgroups, allCPUs: all)
                throw error
            }
        }
    }

    /// Brings a changed profile to the instances that run with it. Answers one error that names all who refused.
    func profileChanged(_ name: String) async throws {
        var refusals: [String] = []
        for stored in try await records.list() where stored.value.profiles.contains(name) {
            let key = stored.value.key
            do {
                try await locks.with(key) {
                    // As they are by now: another change, or its end, may have come first.
                    guard let record = try await records.find(key)?.value, let run = liveInstance(key).run else {
                        return
                    }
                    try await write(try await limits(of: record, run), undo: [], key: key)
                }
            } catch {
                refusals.append("\(stored.value.name): \(error)")
            }
        }
        await rebalanceCPUs(except: nil)
        guard refusals.isEmpty else {
            throw APIError.failed(
                "The profile is saved, but these instances could not take it at once: \(refusals.joined(separator: "; "))"
            )
        }
    }

    // MARK: CPUs

    /// The CPUs an instance is pinned to, all running ones considered; nil without a limit.
    func cpus(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws -> [Int]? {
        guard let limit = try config[\.limits.cpu] else { return nil }
        var limits = try await runningCPULimits()
        limits[record.key] = limit
        return CPUBalance.assign(limits, online: CPUList.online())[record.key]
    }

    private func runningCPULimits() async throws -> [String: CPULimit] {
        var limits: [String: CPULimit] = [:]
        for stored in try await records.list() where liveInstance(stored.value.key).run != nil {
            let expansion = Expansion(
                try await profiles.present(stored.value.profiles), config: stored.value.config,
                devices: stored.value.devices)
            limits[stored.value.key] = try Config<InstanceKeys>(expansion.config)[\.limits.cpu]
        }
        return limits
    }

    /// Spreads the running instances with a count of CPUs anew over all CPUs.
    func rebalanceCPUs(except: String?) async {
        do {
            let limits = try await runningCPULimits()
            guard !limits.isEmpty else { return }
            let assigned = CPUBalance.assign(limits, online: CPUList.online())
            for (key, cpus) in assigned where key != except {
                let text = CPUList.text(cpus)
                guard let directory = host.cgroups.directory("cpuset", host.paths(of: key).payloadGroup) else {
                    continue
                }
                try await blocking { try writeIfChanged("\(directory)/cpuset.cpus", text) }
            }
        } catch {
            logger.warning("cannot spread instances over the CPUs", metadata: ["error": "\(error)"])
        }
    }
}

private func writeIfChanged(_ path: String, _ text: String) throws {
    guard let present = try? readFile(path) else { return }
    if present.filter({ !$0.isWhitespace }) != text { try writeKernelFile(path, text) }
}
