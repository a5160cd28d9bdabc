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
    func start(_ key: String, requestor: Event.Requestor?) async throws {
        try await settle(key)
        try await locks.with(key) {
            guard let stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            let instance = liveInstance(key)
            _ = try instance.wish(.start)
            do {
                // After the wish: whoever ends everything sees either it or the refusal.
                if isShuttingDown { throw APIError.unavailable("LXD is shutting down") }
                try await bringUp(stored, instance)
            } catch {
                instance.happened(.startFailed)
                throw error
            }
            lifecycle("instance-started", stored.value.name, requestor: requestor)
        }
    }

    private func bringUp(_ stored: Stored<InstanceRecord>, _ instance: LiveInstance) async throws {
        var stored = stored
        let key = stored.value.key
        try await withRollback(logger) { rollback in
            let expansion = Expansion(
                try await profiles.resolve(stored.value.profiles), config: stored.value.config,
                devices: stored.value.devices)
            let devices = try expansion.check()
            try await completeNICs(&stored.value)
            let isPrivileged = try Config<InstanceKeys>(expansion.config)[\.security.privileged] == true
            let base = try await claimIDs(&stored.value)
            let paths = host.paths(of: key)
            // First the way back: it may fail in the middle.
            await rollback.add("remove the run directory") { try await blocking { try removeTree(paths.run) } }
            try await prepareDirectories(paths)

            let nics = try await attachNICs(stored.value, devices, rollback)
            let console = try await host.consoles.open(key, owner: isPrivileged ? 0 : base)
            await rollback.add("close the console") { try await self.host.consoles.close(key) }

            let plan = try await plan(
                stored.value,
                Expansion(
                    try await profiles.resolve(stored.value.profiles), config: stored.value.config,
                    devices: stored.value.devices), firstID: isPrivileged ? nil : base)
            let job = try startJob(plan, nics.map(\.ready), console: console)
            await rollback.add("remove the control groups") { await self.removeGroups(paths) }
            let process: RunningInstance
            do {
                process = try await host.runtime.start(job)
            } catch let failure as RuntimeFailure {
                throw StartFailure.explain(failure, name: stored.value.name)
            }
            await rollback.add("end the run") { try process.kill() }
            let run = LiveInstance.Run(
                process: process, nics: Dictionary(nics.map { ($0.ready.device, $0.attached) }) { $1 },
                firstID: plan.firstID)
            // Before anybody can see the run: when it cannot be noted, there was none.
            try await noteStart(&stored, run)
            instance.began(run)
            follows(instance, run)
            await rebalanceCPUs(except: key)
        }
    }

    /// Removes the groups of a start that failed. Its monitor is told of the failure last and goes after us: the next
    /// start must not meet it.
    private func removeGroups(_ paths: InstancePaths) async {
        let cgroups = host.cgroups
        for id in (try? cgroups.allProcesses(in: paths.monitorGroup)) ?? [] {
            try? await RunningProcess(id)?.end(within: .seconds(10), asking: nil)
        }
        try? await endPayload(paths)
        cgroups.removeEmpty(paths.payloadGroup)
        cgroups.removeEmpty(paths.monitorGroup)
    }

    /// Ends the processes of an instance whose monitor is gone: the kernel kills its init with that, but in its own
    /// time (`lxc.monitor.signal.pdeath`). Throws when it has not within half a minute.
    func endPayload(_ paths: InstancePaths) async throws {
        let cgroups = host.cgroups
        let group = paths.payloadGroup
        let deadline = ContinuousClock.now + .seconds(30)
        // Again until there is none: one may have forked while we looked.
        while true {
            let found = try cgroups.allProcesses(in: group)
            if found.isEmpty { return }
            // A frozen process takes no signal, not even SIGKILL on v1.
            if InstanceStats.isFrozen(group, cgroups) {
                try await blocking { try InstanceStats.setFrozen(false, group, cgroups) }
            }
            // Not all of thousands at once: each takes a descriptor.
            let processes = try found.prefix(1000).compactMap { try RunningProcess($0) }
            if processes.isEmpty {
                guard ContinuousClock.now < deadline else {
                    throw APIError.failed(
                        "cannot end the processes in the control group \(group): they are not of this system")
                }
                try await Task.sleep(for: .milliseconds(10))
            }
            for process in processes { try process.signal(SIGKILL) }
            for process in processes {
                guard try await process.hasEnded(within: ContinuousClock.now.duration(to: deadline)) else {
                    throw APIError.failed(
                        "cannot end process \(process.id) of an instance that is over: it takes no signal. See what "
                            + "it waits for: cat /proc/\(process.id)/stack")
                }
            }
        }
    }

    /// The range of ids for this run: the one the instance had, unless another daemon took it meanwhile.
    private func claimIDs(_ record: inout InstanceRecord) async throws -> UInt32 {
        let key = record.key
        let ids = host.ids
        let wanted = record.config["volatile.idmap.base"].flatMap { UInt32($0) }
        let base = try await blocking { try ids.claim(key, wanted: wanted) }
        setIDMap(&record, base: base)
        return base
    }

    private func prepareDirectories(_ paths: InstancePaths) async throws {
        try await blocking {
            // What an earlier run left: a start finds an empty directory.
            try removeTree(paths.run)
            // The instance's own root, which is nobody on the host, passes through to its file system.
            try makeDirectories(paths.run, mode: 0o711)
            try makeDirectories(paths.mounts, mode: 0o711)
            try makeDirectories(paths.lxcPath, mode: 0o711)
            try makeDirectories(paths.logs)
            _ = unlink(paths.lxcLog)
            try replaceFile(paths.seccompFile, ContainerConfig.seccompList.utf8)
        }
    }

    private typealias StartedNIC = (ready: ReadyNIC, attached: AttachedNIC)

    private func attachNICs(
        _ record: InstanceRecord, _ devices: [String: Device], _ rollback: Rollback
    ) async throws -> [StartedNIC] {
        var result: [StartedNIC] = []
        for (device, kind) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let config) = kind else { continue }
            let wanted = try nic(device, config, of: record)
            let network = try await networks.attachment(config)
            let attached = try await network.attach(wanted)
            await rollback.add("detach \(device)") { try await network.detach(attached) }
            let inside = try config[\.name]?.text ?? record.config["volatile.\(device).name"] ?? device
            result.append(
                (
                    ReadyNIC(
                        device: device, peerName: attached.peerName, insideName: inside, hostName: attached.hostName),
                    attached
                ))
        }
        return result
    }

    /// An interface as its network is asked for it.
    private func nic(_ device: String, _ config: Config<NICKeys>, of record: InstanceRecord) throws -> NIC {
        let configured = try config[\.hwaddr]
        let remembered = record.config["volatile.\(device).hwaddr"].flatMap { MACAddress(configText: $0) }
        guard let address = configured ?? remembered else {
            throw APIError.failed("The device \"\(device)\" has no hardware address")
        }
        return NIC(
            owner: NICOwner(project: record.project, instance: record.name, device: device),
            name: try InstanceName(record.name), hardwareAddress: address, hostName: try config[\.hostName]?.text,
            mtu: try config[\.mtu].map { UInt32(clamping: $0) }, ipv4: try config[\.ipv4Address])
    }

    /// Everything a start needs, looked up.
    func plan(_ record: InstanceRecord, _ expansion: Expansion, firstID: UInt32?) async throws -> InstancePlan {
        let config = Config<InstanceKeys>(expansion.config)
        let driver = try pools.driver(of: record.pool)
        return InstancePlan(
            name: try InstanceName(record.name), key: InstanceHost.flatName(record.key), config: config,
            firstID: firstID,
            root: try await driver.root(
                of: try Self.volume(record), from: record.image.flatMap { Fingerprint($0) }),
            paths: host.paths(of: record.key), cpus: try await cpus(of: record, config), hostMemory: host.facts.memory,
            hasUnifiedCgroups: host.cgroups.isUnified, hasAppArmor: host.facts.hasAppArmor)
    }

    private func startJob(_ plan: InstancePlan, _ nics: [ReadyNIC], console: String) throws -> StartJob {
        return StartJob(
            name: plan.key, lxcPath: plan.paths.lxcPath, overlay: plan.root.mount(below: plan.paths.mounts),
            ids: plan.ids, items: try ContainerConfig.items(for: plan, nics: nics, console: console),
            lockFile: plan.paths.lockFile, runFile: plan.paths.runFile, logFile: plan.paths.lxcLog)
    }

    /// What is remembered of a run while it lasts.
    private func noteStart(_ stored: inout Stored<InstanceRecord>, _ run: LiveInstance.Run) async throws {
        stored.value.config["volatile.last_state.power"] = "RUNNING"
        stored.value.config["volatile.idmap.current"] = Self.idMapText(run.firstID)
        stored.value.config["volatile.apply_template"] = nil
        for (device, nic) in run.nics { stored.value.config["volatile.\(device).host_name"] = nic.hostName }
        stored.value.lastUsedAt = .now
        stored = try await records.update(stored)
    }

    // MARK: the end

    /// A run has ended: puts everything of it away, and does what follows from the way it ended.
    func ended(_ instance: LiveInstance, _ run: LiveInstance.Run) async {
        let key = instance.key
        let next: AfterEnd = await locks.with(key) {
            guard let run = instance.isEnding(run) else { return .nothing }
            defer {
                instance.didEnd()
                run.ended.open()
            }
            let paths = host.paths(of: key)
            let restarts = run.end == .fromInside && (try? readFile(paths.stoppedFile))?.hasPrefix("reboot") == true
            // Noted first: when lexd falls before the note, the run directory tells the next one that the run has
            // ended; when it falls after both, only the note does.
            guard var stored = try? await records.find(key) else {
                await putAway(key, run.nics)
                return .nothing
            }
            for device in run.nics.keys { stored.value.config["volatile.\(device).host_name"] = nil }
            // One that is remembered as running is started by the next lexd as well.
            if !isShuttingDown && !restarts && !run.isRestart {
                stored.value.config["volatile.last_state.power"] = "STOPPED"
            }
            do { stored = try await records.update(stored) } catch {
                logger.error(
                    "cannot note the end of an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
            }
            await putAway(key, run.nics)
            // At lexd's end it stays down, and is started with the next one.
            if restarts && !isShuttingDown {
                lifecycle("instance-restarted", stored.value.name, requestor: nil)
                return .start
            }
            if run.isRestart {
                // An ephemeral one stays too: this is not its end.
                lifecycle("instance-restarted", stored.value.name, requestor: run.requestor)
                return .nothing
            }
            lifecycle(
                run.end == .killed ? "instance-stopped" : "instance-shutdown", stored.value.name,
                requestor: run.requestor)
            return stored.value.ephemeral ? .delete : .nothing
        }
        await rebalanceCPUs(except: nil)
        do {
            switch next {
            case .nothing: break
            case .start: try await start(key, requestor: nil)
            case .delete: try await delete(key, requestor: nil)
            }
        } catch {
            logger.error(
                "what follows the end of an instance failed",
                metadata: ["instance": "\(key)", "step": "\(next)", "error": "\(error)"])
        }
    }

    private enum AfterEnd { case nothing, start, delete }

    /// Takes away what a run had on the host.
    func putAway(_ key: String, _ nics: [String: AttachedNIC]) async {
        await detach(key, nics)
        try? await host.consoles.close(key)
        let paths = host.paths(of: key)
        let cgroups = host.cgroups
        try? await blocking {
            try removeTree(paths.run)
            cgroups.removeEmpty(paths.payloadGroup)
            cgroups.removeEmpty(paths.monitorGroup)
        }
    }

    /// Puts away what takes longest as soon as its processes have ended.
    func putAwayEarly(_ key: String, _ nics: [String: AttachedNIC]) async {
        let group = host.paths(of: key).payloadGroup
        let cgroups = host.cgroups
        async let groups: Void? = try? blocking { cgroups.removeEmpty(group, hasGuest: false) }
        await detach(key, nics)
        _ = await groups
    }

    private func detach(_ key: String, _ nics: [String: AttachedNIC]) async {
        for (device, nic) in nics {
            do { try await networks.detach(nic) } catch {
                logger.error(
                    "cannot take an interface away",
                    metadata: ["instance": "\(key)", "device": "\(device)", "error": "\(error)"])
            }
        }
    }
}
