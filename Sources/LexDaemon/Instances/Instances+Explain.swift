import FoundationEssentials
import LexAPI
import LexHost
import LexIPC
import LexInstance

extension Instances {
    /// Why an instance is as it is.
    func explain(_ record: InstanceRecord) async throws -> Instance.Explanation {
        // What counts is last.
        var config: [(String, [String: String])] = []
        var devices: [(String, [String: [String: String]])] = []
        for name in record.profiles {
            for profile in try await profiles.present([name], project: record.project) {
                config.append(("profile \(name)", profile.config))
                devices.append(("profile \(name)", profile.devices))
            }
        }
        config.append(("instance", record.config))
        devices.append(("instance", record.devices))
        let instance = liveInstance(record.key)
        let status = instance.lifecycle.status
        let run = instance.run
        let startedWith = run == nil ? nil : try await configOfRun(record.key)
        let effective = Config<InstanceKeys>(Self.settings(config, startedWith: nil).mapValues(\.value))
        let running: Instance.Explanation.Run? = if let run { try await explain(record, effective, run) } else { nil }
        return Instance.Explanation(
            status: status.name, config: Self.settings(config, startedWith: startedWith),
            devices: Self.origins(devices), lastStart: record.history?.start, lastStop: record.history?.stop,
            lastFailure: record.history?.failure,
            run: running)
    }

    static func settings(
        _ layers: [(source: String, config: [String: String])], startedWith: [String: String]?
    ) -> [String: Instance.Explanation.Setting] {
        var settings: [String: Instance.Explanation.Setting] = [:]
        for (source, config) in layers {
            for (key, value) in config {
                let below = settings[key].map {
                    [Instance.Explanation.Overridden(value: $0.value, source: $0.source)] + $0.overridden
                }
                settings[key] = Instance.Explanation.Setting(value: value, source: source, overridden: below ?? [])
            }
        }
        guard let startedWith else { return settings }
        for (key, setting) in settings where Config<InstanceKeys>.effect(of: key) == .onRestart {
            settings[key]?.pending = startedWith[key] != setting.value && !key.hasPrefix("volatile.")
        }
        // Those that are unset by now, and still count.
        for (key, value) in startedWith
        where settings[key] == nil && Config<InstanceKeys>.effect(of: key) == .onRestart && !key.hasPrefix("volatile.")
        {
            settings[key] = Instance.Explanation.Setting(
                value: "", source: "nobody",
                overridden: [Instance.Explanation.Overridden(value: value, source: "this run")], pending: true)
        }
        return settings
    }

    static func origins(
        _ layers: [(source: String, devices: [String: [String: String]])]
    ) -> [String: Instance.Explanation.DeviceOrigin] {
        var origins: [String: Instance.Explanation.DeviceOrigin] = [:]
        for (source, devices) in layers {
            for (name, options) in devices {
                let below = origins[name].map { [$0.source] + $0.overridden } ?? []
                origins[name] = Instance.Explanation.DeviceOrigin(
                    type: options["type"] ?? "", source: source, overridden: below)
            }
        }
        return origins
    }

    private func explain(
        _ record: InstanceRecord, _ config: Config<InstanceKeys>, _ run: LiveInstance.Run
    ) async throws -> Instance.Explanation.Run {
        let limits = try LiveLimits.wanted(config, cpus: nil, hostMemory: host.facts.memory)
        let group = host.paths(of: record.key).payloadGroup
        let cgroups = host.cgroups
        let state = try await state(record)
        let process = run.process.initProcess
        let (inForce, mounts) = try await blocking {
            (LiveLimits.inForce(limits, group: group, layout: cgroups), (try? MountTable.read(process: process)) ?? [])
        }
        return Instance.Explanation.Run(
            pid: Int64(process), users: run.ids.users.map(\.line), groups: run.ids.groups.map(\.line), limits: inForce,
            mounts: mounts,
            addresses: (state.network ?? [:]).filter { $0.key != "lo" }.mapValues { network in
                network.addresses.map { "\($0.address)/\($0.netmask)" }
            })
    }

    // MARK: what is kept for it

    /// What a run began with. Nil for a run that an earlier version of lexd began.
    private func configOfRun(_ key: String) async throws -> [String: String]? {
        let path = host.paths(of: key).configFile
        let text = try await blocking { try? readFile(path, limit: 4 << 20) }
        return try text.map { try JSONCoding.decode([String: String].self, from: Data($0.utf8)) }
    }

    /// How a run came to its end, in words.
    static func cause(of run: LiveInstance.Run, restarts: Bool, isShuttingDown: Bool) -> String {
        let who = run.requestor.map(Self.words) ?? "lexd"
        switch run.end {
        case .fromInside where restarts: return "it restarted itself from inside"
        case .fromInside: return "its init ended: it was shut down from inside, or its init died"
        case .asked where isShuttingDown, .killed where isShuttingDown: return "lexd or the host was shut down"
        case .asked: return "\(run.isRestart ? "restart" : "shutdown") asked for by \(who)"
        case .killed: return "\(run.isRestart ? "restart by force" : "killed"), asked for by \(who)"
        }
    }

    /// Who asked for a start, in words.
    static func cause(ofStartBy requestor: Event.Requestor?) -> String {
        requestor.map { "asked for by \(words($0))" } ?? "by lexd itself"
    }

    private static func words(_ requestor: Event.Requestor) -> String {
        requestor.protocol == "unix"
            ? "\(requestor.username) on this machine"
            : "\(requestor.username) from \(requestor.address) (\(requestor.protocol))"
    }
}
