import LexAPI
import LexHost
import LexInstance
import LexStore
import Logging

extension Instances {
    // MARK: a changed profile

    /// Changes a profile and brings the change to every instance that runs with it: all of them, or none. Judged are
    /// also those that do not run, which would not start with it.
    ///
    /// The locks of those that run are held before the profile's, as by every change of an instance.
    ///
    /// - Returns: What those that run take only at their next start, by their URLs; nil when there is nothing.
    func updateProfile(
        _ key: ProjectKey, _ change: Profile.Update, isPatch: Bool, check: (Profile.Update) throws -> Void,
        requestor: Event.Requestor?
    ) async throws -> [String: String]? {
        let before = try await expansions(withProfile: key)
        // What begins to run between the look and the locks makes us look again.
        for _ in 0..<8 {
            let active = Set(try await activeInstances(withProfile: key).map(\.value.key))
            do {
                try await locks.with(all: active) {
                    try await profiles.update(
                        key, change, isPatch: isPatch, check: check,
                        apply: { try await bring($0, locked: active, save: $1) }, requestor: requestor)
                }
            } catch is BeganToRun {
                continue
            }
            try await bringLate(key, except: active)
            await followProfile(before)
            await rebalanceCPUs(except: nil)
            return await waiting(withProfile: key, from: before)
        }
        throw APIError.conflict(
            "cannot change profile \"\(key.name)\": instances with it are being started all the time. Try again")
    }

    /// An instance that began to run with a profile while that was about to be changed.
    private struct BeganToRun: Error {}

    private func activeInstances(withProfile key: ProjectKey) async throws -> [Stored<InstanceRecord>] {
        let active = activeKeys
        return try await profiles.references.instances(withProfile: key).filter { active.contains($0.value.key) }
    }

    /// What a change of a profile means for one instance that runs.
    private struct LiveChange: Sendable {
        let record: InstanceRecord
        let new: [LiveLimit]
        let old: [LiveLimit]
        let newDevices: InstanceDevices
        let oldDevices: InstanceDevices
        let newCards: WantedCards
        let oldCards: WantedCards
    }

    /// Judges a changed profile for all instances with it, writes it to those that run, and saves it; takes back what was
    /// written when it cannot be saved.
    private func bring(
        _ changed: Stored<ProfileRecord>, locked: Set<String>, save: () async throws -> Void
    ) async throws {
        try await networks.checkKnown(changed.value.devices, project: changed.owned.project)
        let users = try await profiles.references.instances(withProfile: changed.owned)
        guard activeKeys.intersection(users.map(\.value.key)).isSubset(of: locked) else { throw BeganToRun() }
        var expansions: [String: Expansion] = [:]
        var refusals: [Refusal] = []
        for user in users {
            do { expansions[user.value.key] = try await judge(user.value, with: changed) } catch {
                refusals.append(Refusal(user.value, error))
            }
        }
        try Refusal.report(refusals, changed.owned)
        let devices = try Device.readAll(changed.value.devices)
        try await volumes.holding(devices, projects: Set(users.map(\.value.project))) {
            try await writeAndSave(changed, users.map(\.value), expansions, save)
        }
    }

    private func writeAndSave(
        _ changed: Stored<ProfileRecord>, _ users: [InstanceRecord], _ expansions: [String: Expansion],
        _ save: () async throws -> Void
    ) async throws {
        let changes = try await liveChanges(users, expansions)
        let refusals = await write(changes)
        let refused = Set(refusals.map(\.key))
        let done = changes.filter { !refused.contains($0.record.key) }
        if !refusals.isEmpty {
            await takeBack(done)
            try Refusal.report(refusals, changed.owned)
        }
        do {
            try await save()
        } catch {
            await takeBack(done)
            throw error
        }
        for change in done where change.newCards != change.oldCards {
            do { try await noteCards(of: change.record.key) } catch {
                logger.error(
                    "cannot note the interfaces that a profile gave an instance",
                    metadata: ["instance": "\(change.record.key)", "error": "\(error)"])
            }
        }
    }

    /// What an instance becomes by a changed profile; throws when that cannot be.
    private func judge(_ record: InstanceRecord, with changed: Stored<ProfileRecord>) async throws -> Expansion {
        var all: [ProfileRecord] = []
        for name in record.profiles {
            let own = name == changed.owned.name
            all += own ? [changed.value] : try await profiles.resolve([name], project: record.project)
        }
        let expansion = Expansion(all, config: record.config, devices: record.devices)
        let devices = try expansion.check()
        guard try Expansion.rootPool(devices) == record.pool else {
            throw APIError.badRequest("its root disk would be in another storage pool")
        }
        try await networks.check(devices, project: record.project, of: record.key)
        return expansion
    }

    /// The limits of those that run, as far as they become others.
    private func liveChanges(
        _ records: [InstanceRecord], _ expansions: [String: Expansion]
    ) async throws -> [LiveChange] {
        let before = try await runningCPULimits()
        var after = before
        for (key, expansion) in expansions where liveInstance(key).run != nil {
            after[key] = try CPUWish(Config(expansion.config))
            try await bringModules(of: key, Config(expansion.config))
        }
        let online = CPUList.online()
        let cpusBefore = CPUBalance.assign(before, online: online)
        let cpusAfter = CPUBalance.assign(after, online: online)
        var changes: [LiveChange] = []
        for record in records {
            guard let run = liveInstance(record.key).run, let expansion = expansions[record.key] else { continue }
            let present = try await self.expansion(of: record)
            let old = try await limits(of: record, present, cpus: cpusBefore[record.key])
            let new = try await limits(of: record, expansion, cpus: cpusAfter[record.key])
            let changed = LiveLimit.changes(from: old, to: new)
            let oldDevices = run.devices.asWanted
            let devices = try Device.readAll(expansion.devices)
            let newDevices = try await wanted(devices, project: record.project, present: run.devices)
            // With what lexd chooses for interfaces that are new.
            var complete = record
            try await completeNICs(&complete, devices)
            let newCards = try await wantedCards(devices, expansion.config, complete)
            guard !changed.isEmpty || newDevices != oldDevices || newCards != run.wantedCards else { continue }
            changes.append(
                LiveChange(
                    record: record, new: changed, old: LiveLimit.changes(from: new, to: old), newDevices: newDevices,
                    oldDevices: oldDevices, newCards: newCards, oldCards: run.wantedCards))
        }
        return changes
    }

    /// Writes changes side by side: to lower a limit of memory can take the kernel a while. One that is refused in the
    /// middle is taken back at once.
    private func write(_ changes: [LiveChange]) async -> [Refusal] {
        await withTaskGroup(of: Refusal?.self) { group in
            for change in changes {
                group.addTask {
                    do {
                        try await self.bring(change.new, change.newDevices, undo: change.old, to: change.record.key)
                        do { try await self.bringCards(change.newCards, of: change.record) } catch {
                            try? await self.bring(change.old, change.oldDevices, undo: [], to: change.record.key)
                            throw error
                        }
                        return nil
                    } catch {
                        return Refusal(change.record, error)
                    }
                }
            }
            return await group.compactMap(\.self).reduce(into: []) { $0.append($1) }
        }
    }

    private func takeBack(_ changes: [LiveChange]) async {
        let old = changes.map {
            LiveChange(
                record: $0.record, new: $0.old, old: [], newDevices: $0.oldDevices, oldDevices: InstanceDevices(),
                newCards: $0.oldCards, oldCards: WantedCards())
        }
        for refusal in await write(old) {
            logger.error(
                "cannot take back what a profile changed",
                metadata: ["instance": "\(refusal.key)", "error": "\(refusal.reason)"])
        }
    }

    /// Brings a saved profile to those that began to run meanwhile: they may have read it before.
    private func bringLate(_ key: ProjectKey, except done: Set<String>) async throws {
        for stored in try await activeInstances(withProfile: key) where !done.contains(stored.value.key) {
            let instance = stored.value.key
            do {
                try await locks.with(instance) {
                    guard let record = try await records.find(instance)?.value, liveInstance(instance).run != nil else {
                        return
                    }
                    try await bringAll(of: record)
                }
            } catch {
                logger.error(
                    "cannot bring a changed profile to an instance that has just been started",
                    metadata: ["instance": "\(instance)", "profile": "\(key)", "error": "\(error)"])
            }
        }
    }

    /// An instance that cannot take a change of its profile, and why.
    private struct Refusal: Sendable {
        let key: String
        let name: String
        let reason: APIError

        init(_ record: InstanceRecord, _ error: any Error) {
            key = record.key
            name =
                record.project == Project.defaultName
                ? "instance \"\(record.name)\"" : "instance \"\(record.name)\" of project \"\(record.project)\""
            reason = ErrorAnswers.apiError(error)
        }

        /// Throws one error that names all of them.
        static func report(_ refusals: [Refusal], _ profile: ProjectKey) throws(APIError) {
            guard let worst = refusals.map(\.reason.status).max() else { return }
            let reasons = refusals.sorted { $0.key < $1.key }.map { "\($0.name): \($0.reason)" }
            throw APIError(
                status: worst,
                "cannot change profile \"\(profile.name)\", and nothing was changed. Who cannot take it: "
                    + reasons.joined(separator: "; "))
        }
    }

    // MARK: a renamed profile

    /// Gives a profile another name, and that name to all instances with it.
    func renameProfile(_ key: ProjectKey, to new: String, requestor: Event.Requestor?) async throws {
        let users = Set(try await profiles.references.instances(withProfile: key).map(\.value.key))
        try await locks.with(all: users) {
            try await profiles.rename(
                key, to: new,
                move: {
                    try await withRollback(logger) { rollback in
                        for stored in try await profiles.references.instances(withProfile: key) {
                            guard users.contains(stored.value.key) else {
                                throw APIError.conflict(
                                    "cannot rename profile \"\(key.name)\": instance \"\(stored.value.name)\" was given "
                                        + "it meanwhile. Try again")
                            }
                            var changed = stored
                            changed.value.profiles = stored.value.profiles.map { $0 == key.name ? new : $0 }
                            let saved = try await records.update(changed)
                            await rollback.add("give \(saved.name) its profiles again") {
                                var back = saved
                                back.value.profiles = stored.value.profiles
                                try await self.records.update(back)
                            }
                        }
                        try await renameInImages(key, to: new, rollback)
                    }
                }, requestor: requestor)
        }
        // Beside their files they are told of by name, too.
        for key in users {
            guard let record = try await records.find(key)?.value else { continue }
            try? await writeBackup(record)
        }
    }

    /// Gives the new name to the images that give the profile to instances made from them.
    private func renameInImages(_ key: ProjectKey, to new: String, _ rollback: Rollback) async throws {
        let projects = try await profiles.projects.users(of: .profiles, in: key.project)
        for stored in try await images.records.list() where projects.contains(stored.owned.project) {
            guard let names = stored.value.profiles, names.contains(key.name) else { continue }
            var changed = stored
            changed.value.profiles = names.map { $0 == key.name ? new : $0 }
            let saved = try await images.records.update(changed)
            await rollback.add("give image \(saved.name) its profiles again") {
                var back = saved
                back.value.profiles = names
                try await self.images.records.update(back)
            }
        }
    }
}
