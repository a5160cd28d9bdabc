import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStore
import Logging

extension Instances {
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
                await putAway(key, run.cards)
                return .nothing
            }
            Self.note([:], in: &stored.value.config)
            // One that is remembered as running is started by the next lexd as well.
            if !isShuttingDown && !restarts && !run.isRestart {
                stored.value.config["volatile.last_state.power"] = "STOPPED"
            }
            stored.value.history = stored.value.history ?? InstanceHistory()
            stored.value.history?.stop = Instance.Explanation.Moment(
                at: .now, cause: Self.cause(of: run, restarts: restarts, isShuttingDown: isShuttingDown))
            do { stored = try await records.update(stored) } catch {
                logger.error(
                    "cannot note the end of an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
            }
            await putAway(key, run.cards)
            // At lexd's end it stays down, and is started with the next one.
            if restarts && !isShuttingDown {
                lifecycle("instance-restarted", stored.value, requestor: nil)
                return .start
            }
            if run.isRestart {
                // An ephemeral one stays too: this is not its end.
                lifecycle("instance-restarted", stored.value, requestor: run.requestor)
                return .nothing
            }
            lifecycle(
                run.end == .killed ? "instance-stopped" : "instance-shutdown", stored.value,
                requestor: run.requestor)
            return stored.value.ephemeral ? .delete : .nothing
        }
        await rebalanceCPUs(except: nil)
        do {
            switch next {
            case .nothing: break
            case .start: try await start(key, because: .reboot, requestor: nil)
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
    func putAway(_ key: String, _ cards: EndedCards) async {
        await endProxies(of: key, cards.proxies)
        await detach(key, cards)
        await closeConsole(key)
        await closeGuest(key)
        let paths = host.paths(of: key)
        let cgroups = host.cgroups
        await endMonitor(paths)
        try? await blocking {
            try removeTree(paths.run)
            cgroups.removeEmpty(paths.payloadGroup)
            cgroups.removeEmpty(paths.monitorGroup)
        }
    }

    /// Puts away what takes longest as soon as its processes have ended.
    func putAwayEarly(_ key: String, _ cards: EndedCards) async {
        let group = host.paths(of: key).payloadGroup
        let cgroups = host.cgroups
        async let groups: Void? = try? blocking { cgroups.removeEmpty(group, hasGuest: false) }
        await detach(key, cards, early: true)
        _ = await groups
    }

    // MARK: what a start or a monitor left

    /// Removes the groups of a start that failed. Its monitor is told of the failure last and goes after us: the next
    /// start must not meet it.
    func removeGroups(_ paths: InstancePaths) async {
        let cgroups = host.cgroups
        await endMonitor(paths)
        try? await endPayload(paths)
        cgroups.removeEmpty(paths.payloadGroup)
        cgroups.removeEmpty(paths.monitorGroup)
    }

    /// Waits for what is left in a monitor's group, and ends it. One that was killed leaves what it had begun, such as
    /// apparmor_parser taking the profile away, which takes long on a slow host.
    private func endMonitor(_ paths: InstancePaths) async {
        let cgroups = host.cgroups
        let left = try? await blocking { try cgroups.allProcesses(in: paths.monitorGroup) }
        for id in left ?? [] { try? await RunningProcess(id)?.end(within: .seconds(10), asking: nil) }
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
}
