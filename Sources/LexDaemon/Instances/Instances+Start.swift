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

extension Instances {
    /// Starts an instance and waits until its init runs.
    func start(_ key: String, because cause: StartCause = .asked, requestor: Event.Requestor?) async throws {
        try await settle(key)
        try await locks.with(key) {
            guard let present = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            let stored = try await takeStartSnapshot(settleFiles(of: present))
            let instance = liveInstance(key)
            _ = try instance.wish(.start)
            do {
                // After the wish: whoever ends everything sees either it or the refusal.
                if isShuttingDown { throw APIError.unavailable("LXD is shutting down") }
                try await bringUp(stored, instance, Self.cause(of: cause, by: requestor))
            } catch {
                instance.happened(.startFailed)
                await noteFailure(error, of: key)
                throw error
            }
            lifecycle("instance-started", stored.value, requestor: requestor)
            await warnings.resolve(
                .instanceAutostartFailure, entity: stored.value.url, project: stored.value.project)
        }
    }

    /// Finishes what was begun with the snapshots of an instance that is to start: on files that are to be replaced it
    /// would run for nothing.
    private func settleFiles(of stored: Stored<InstanceRecord>) async throws -> Stored<InstanceRecord> {
        let key = stored.value.key
        // One that runs is not started anyway.
        guard stored.value.hasUnsettledSnapshots, liveInstance(key).lifecycle.phase == .stopped else { return stored }
        do { return try await settleSnapshots(of: stored, isKnownStopped: true) } catch {
            if error is CancellationError { throw error }
            let refusal = APIError.failed(
                "Cannot start \"\(stored.value.name)\": a change of its snapshots, or going back to one, was cut short "
                    + "and cannot be finished: \(ErrorAnswers.apiError(error).message). Remove the cause and start it "
                    + "again, or restore another snapshot")
            await noteFailure(refusal, of: key)
            throw refusal
        }
    }

    private func bringUp(
        _ stored: Stored<InstanceRecord>, _ instance: LiveInstance, _ cause: String
    ) async throws {
        var stored = stored
        let key = stored.value.key
        // A root is mounted once: by who looked at its files, or by the instance.
        await fileServers.end(of: key)
        try await withRollback(logger) { rollback in
            let expansion = try await expansion(of: stored.value)
            let devices = try expansion.check()
            try await completeNICs(&stored.value, devices)
            let config = Config<InstanceKeys>(expansion.config)
            try checkStartable(config, stored.value)
            let ids = try await claimIDs(&stored.value, config)
            try await giveOwners(&stored.value, config, ids)
            let paths = host.paths(of: key)
            // First the way back: it may fail in the middle.
            await rollback.add("remove the run directory") { try await blocking { try removeTree(paths.run) } }
            try await prepareDirectories(
                paths, seccomp: try ContainerConfig.seccompList(config),
                mounts: try ContainerConfig.mountPolicy(config).text, expansion)
            try await openGuest(key, config, ids)
            await rollback.add("end listening for the instance") { await self.closeGuest(key) }
            if let modules = try config[\.linux.kernelModules] { try await loadModules(modules.names) }

            let cards = try await wantedCards(devices, expansion.config, stored.value)
            let nics = try await attachNICs(stored.value, cards.nics, rollback)
            try await noteLentInterfaces(&stored, nics)
            let wanted = try await wanted(devices, project: stored.value.project)
            let plain = try await plainDisks(stored.value, config)
            try await limitRoot(of: stored.value, devices)
            let console = try await host.consoles.open(key, owner: ids.user(0) ?? 0)
            await rollback.add("close the console") { try await self.host.consoles.close(key) }

            // With what was chosen for it meanwhile; its own always comes last.
            let complete = Expansion(
                [], config: expansion.config.merging(stored.value.config) { $1 }, devices: expansion.devices)
            let plan = try await plan(stored.value, complete, wanted, plain: plain, ids: ids)
            let files = try await templatedFiles(of: stored.value, config, plan)
            let job = try startJob(plan, nics.map(\.ready), console: console, files: files)
            await rollback.add("remove the control groups") { await self.removeGroups(paths) }
            // Beside the start, which takes longer.
            async let isNoted: Void = noteSettings(job.items, paths)
            let process: RunningInstance
            do {
                process = try await host.runtime.start(job)
            } catch let failure as RuntimeFailure {
                throw StartFailure.explain(failure, name: stored.value.name)
            }
            await rollback.add("end the run") { try process.kill() }
            await isNoted
            for remark in process.remarks {
                logger.warning(
                    "an instance was started without something",
                    metadata: [
                        "instance": "\(key)", "what": "\(remark)",
                    ])
            }
            var run = LiveInstance.Run(
                process: process, nics: Dictionary(nics.map { ($0.ready.device, $0.attached) }) { $1 },
                ids: ids, deniesForeignCalls: plan.deniesForeignCalls)
            run.devices = Self.held(wanted, as: Array(process.disks.dropFirst(plain.count)))
            try await write(run.devices, of: key)
            run.wantedNICs = cards.nics
            run.tunings = Dictionary(nics.map { ($0.ready.device, $0.tuning) }) { $1 }
            try await startProxies(cards.proxies, of: key, &run, rollback)
            // Before anybody can see the run: when it cannot be noted, there was none.
            try await noteStart(&stored, run, cause)
            instance.began(run)
            follows(instance, run)
            for (device, proxy) in run.proxies { follow(proxy, device, of: key, run) }
            await rebalanceCPUs(except: key)
        }
    }

    /// Throws for what may be configured but is not to be had here.
    private func checkStartable(_ config: Config<InstanceKeys>, _ record: InstanceRecord) throws {
        if try config[\.nvidia.runtime] == true {
            throw APIError.badRequest(
                "Cannot start \"\(record.name)\" with nvidia.runtime: lexd does not hand the libraries of NVIDIA to "
                    + "instances. Install them inside, give it the card with a device of type gpu, and unset the key")
        }
        let calls = try ContainerConfig.interceptedCalls(config)
        let paths = host.paths(of: record.key)
        if calls.contains(.mount), host.cgroups.deciderOfDevices(paths.payloadGroup) == nil {
            throw APIError.badRequest(
                "Cannot start \"\(record.name)\" with security.syscalls.intercept.mount: this host has no control groups "
                    + "for devices, so nothing would keep the instance from mounting others than its own. Unset the key"
            )
        }
        if calls.contains(.bpf), host.cgroups.unifiedRoot == nil {
            throw APIError.badRequest(
                "Cannot start \"\(record.name)\" with security.syscalls.intercept.bpf: this host has no unified tree of "
                    + "control groups (v2) to attach programs to. Mount one, or unset the key")
        }
        let limits = try LiveLimits.wanted(config, cpus: nil, hostMemory: host.facts.memory)
        try LiveLimits.check(limits, host.cgroups)
    }

    /// Loads the modules of a running instance that are not there yet.
    func bringModules(of key: String, _ config: Config<InstanceKeys>) async throws {
        guard liveInstance(key).run != nil, let modules = try config[\.linux.kernelModules] else { return }
        try await loadModules(modules.names)
    }

    /// Loads modules of the host's kernel that are not there yet.
    private func loadModules(_ names: [String]) async throws {
        for name in names {
            // What is built in or loaded; with underscores, whatever its file is called.
            let directory = "/sys/module/" + name.map { $0 == "-" ? "_" : String($0) }.joined()
            if try await blocking({ access(directory, F_OK) == 0 }) { continue }
            try await Tool("modprobe").check(["--use-blacklist", name], doing: "load the kernel module \(name)")
        }
    }

    private func prepareDirectories(
        _ paths: InstancePaths, seccomp: String, mounts: String, _ expansion: Expansion
    ) async throws {
        let config = try JSONCoding.encode(expansion.config)
        let devices = try JSONCoding.encode(expansion.devices)
        try await blocking {
            // What an earlier run left: a start finds an empty directory.
            try removeTree(paths.run)
            // The instance's own root, which is nobody on the host, passes through to its file system.
            try makeDirectories(paths.run, mode: 0o711)
            try makeDirectories(paths.mounts, mode: 0o711)
            try makeDirectories(paths.guest, mode: 0o755)
            try makeDirectories(paths.lxcPath, mode: 0o711)
            try makeDirectories(paths.logs)
            _ = unlink(paths.lxcLog)
            _ = unlink(paths.consoleLog)
            try replaceFile(paths.seccompFile, seccomp.utf8)
            try replaceFile(paths.configFile, config)
            try replaceFile(paths.startDevicesFile, devices)
            try replaceFile(paths.mountsFile, mounts.utf8)
        }
    }

    /// Writes the settings for liblxc as lxc.container.conf(5) has them. Whoever starts it is not told when that fails.
    private func noteSettings(_ items: [LXCItem], _ paths: InstancePaths) async {
        do { try await blocking { try replaceFile(paths.lxcConfig, ContainerConfig.text(items).utf8) } } catch {
            logger.warning("cannot write lxc.conf", metadata: ["path": "\(paths.lxcConfig)", "error": "\(error)"])
        }
    }

    /// What of an instance lies beside its root; what a person puts in the same place comes over it.
    private func plainDisks(_ record: InstanceRecord, _ config: Config<InstanceKeys>) async throws -> [InstanceDisk] {
        let directories = try await pools.driver(of: record.pool).plainDirectories(
            of: try Self.volume(record), from: record.image.flatMap { Fingerprint($0) },
            making: try config[\.security.nesting] == true)
        return directories.sorted { $0.key < $1.key }.map { path, directory in
            InstanceDisk(source: directory, path: path, isMapped: true)
        }
    }

    /// Everything a start needs, looked up.
    func plan(
        _ record: InstanceRecord, _ expansion: Expansion, _ devices: InstanceDevices = InstanceDevices(),
        plain: [InstanceDisk] = [], ids: IDMap
    ) async throws -> InstancePlan {
        let config = Config<InstanceKeys>(expansion.config)
        let weighsDisks = try config[\.limits.diskPriority] != nil
        let driver = try pools.driver(of: record.pool)
        let all = try Device.readAll(expansion.devices)
        let isRootReadOnly = try all.values.contains { device in
            if case .disk(let config) = device { try config[\.readonly] == true } else { false }
        }
        return InstancePlan(
            name: try InstanceName(record.name), key: InstanceHost.flatName(record.key), config: config,
            ids: ids,
            root: try await driver.root(
                of: try Self.volume(record), from: record.image.flatMap { Fingerprint($0) }),
            isRootReadOnly: isRootReadOnly, disks: plain + devices.disksInOrder.map(\.disk),
            nodes: devices.nodesInOrder,
            diskLimits: try await diskLimits(all, of: record),
            diskWeightFile: weighsDisks ? try await diskWeightFile() : nil, paths: host.paths(of: record.key),
            cpus: try await cpus(of: record, config), hostMemory: host.facts.memory,
            hasUnifiedCgroups: host.cgroups.isUnified, hasAppArmor: host.facts.hasAppArmor)
    }

    private func startJob(
        _ plan: InstancePlan, _ nics: [ReadyNIC], console: String, files: [PlacedText]
    ) throws -> StartJob {
        return StartJob(
            name: plan.key, lxcPath: plan.paths.lxcPath, root: plan.root.mount(below: plan.paths.mounts),
            disks: plan.disks.map { $0.mount(plan.ids) }, nodes: try plan.nodes.map { try $0.mount(plan.ids) },
            ids: plan.ids, deniesForeignCalls: plan.deniesForeignCalls, interception: interception(plan), files: files,
            lxcfs: host.lxcfs,
            items: try ContainerConfig.items(for: plan, nics: nics, console: console, isOnHost: isFile),
            lockFile: plan.paths.lockFile, runFile: plan.paths.runFile, logFile: plan.paths.lxcLog)
    }

    /// The devices of a run that has begun: its disks in their order are known by these.
    private static func held(_ devices: InstanceDevices, as identities: [FileIdentity]) -> HeldDevices {
        var held = HeldDevices(nodes: devices.nodes)
        for (index, (name, disk)) in devices.disksInOrder.enumerated() {
            held.disks[name] = HeldDisk(
                disk: disk, identity: identities.indices.contains(index) ? identities[index] : .unknown)
        }
        return held
    }

    /// Tells who answers calls of a running instance what it may have mounted, as its configuration says now.
    func bringMountable(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws {
        guard liveInstance(record.key).run != nil else { return }
        let text = try ContainerConfig.mountPolicy(config).text
        let file = host.paths(of: record.key).mountsFile
        // One that began without interception has nobody to be told.
        try await blocking { if (try? readFile(file)) ?? text != text { try replaceFile(file, text.utf8) } }
    }

    /// Who is to answer calls of it, if anybody is.
    private func interception(_ plan: InstancePlan) -> InterceptJob? {
        let calls = plan.interceptedCalls
        if calls.isEmpty { return nil }
        let group = plan.paths.payloadGroup
        return InterceptJob(
            name: plan.key, directory: plan.paths.run, calls: calls,
            groups: MeasuredGroups(
                memory: host.cgroups.directory("memory", group) ?? "",
                processes: host.cgroups.directory("pids", group) ?? "", isUnified: host.cgroups.isUnified,
                devices: host.cgroups.deciderOfDevices(group) ?? "",
                unified: host.cgroups.unifiedRoot.map { "\($0)/\(group)" } ?? ""),
            lxcPath: plan.paths.lxcPath, deniesForeignCalls: plan.deniesForeignCalls)
    }

    /// What is remembered of a run while it lasts.
    private func noteStart(
        _ stored: inout Stored<InstanceRecord>, _ run: LiveInstance.Run, _ cause: String
    ) async throws {
        stored.value.history = InstanceHistory(
            start: Instance.Explanation.Moment(at: .now, cause: cause),
            stop: stored.value.history?.stop)
        stored.value.config["volatile.last_state.power"] = "RUNNING"
        stored.value.config["volatile.idmap.current"] = Self.idMapText(run.ids)
        stored.value.config["volatile.apply_template"] = nil
        stored.value.config["volatile.last_state.ready"] = nil
        Self.note(run.nics, in: &stored.value.config)
        stored.value.lastUsedAt = .now
        stored = try await records.update(stored)
    }

    /// Remembers why a start failed. Whoever asked for it is told anyway, so that it matters little when this fails.
    private func noteFailure(_ error: any Error, of key: String) async {
        guard var stored = try? await records.find(key) else { return }
        stored.value.history = stored.value.history ?? InstanceHistory()
        stored.value.history?.failure = Instance.Explanation.Moment(
            at: .now, cause: String(ErrorAnswers.apiError(error).message.prefix(2000)))
        do { try await records.update(stored) } catch {
            logger.warning(
                "cannot note that a start failed", metadata: ["instance": "\(key)", "error": "\(error)"])
        }
    }

    /// Notes interfaces of the host's own before they are moved away: whatever happens to us, the next lexd knows what
    /// to give back.
    private func noteLentInterfaces(_ stored: inout Stored<InstanceRecord>, _ nics: [StartedNIC]) async throws {
        let lent = nics.filter { nic in
            switch nic.attached.kind {
            case .physical, .ipvlan: true
            case .pair, .routed, .macvlan: nic.attached.vlan != nil
            }
        }
        guard !lent.isEmpty else { return }
        Self.note(Dictionary(lent.map { ($0.ready.device, $0.attached) }) { $1 }, in: &stored.value.config)
        stored = try await records.update(stored)
    }
}
