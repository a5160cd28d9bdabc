import FoundationEssentials
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexNetwork

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
        let running: Instance.Explanation.Run? =
            if let run { try await explain(record, effective, run, startedWith ?? effective.values) } else { nil }
        var origins = Self.origins(devices)
        if run != nil, let started = try await devicesOfRun(record.key) {
            let present = origins.mapValues { $0.options.merging(["type": $0.type]) { $1 } }
            for waiting in Self.waiting(started, present) { origins[waiting.device]?.pending.append(waiting.option) }
        }
        return Instance.Explanation(
            status: status.name, config: Self.settings(config, startedWith: startedWith),
            devices: origins, lastStart: record.history?.start, lastStop: record.history?.stop,
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
        for (key, setting) in settings where waits(key) {
            settings[key]?.pending = !Config<InstanceKeys>.isSame(key, startedWith[key], setting.value)
        }
        // Those that are unset by now, and still count.
        for (key, value) in startedWith
        where settings[key] == nil && waits(key) && !Config<InstanceKeys>.isSame(key, value, nil) {
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
                    type: options["type"] ?? "", source: source, options: options.filter { $0.key != "type" },
                    overridden: below)
            }
        }
        return origins
    }

    private func explain(
        _ record: InstanceRecord, _ config: Config<InstanceKeys>, _ run: LiveInstance.Run,
        _ startedWith: [String: String]
    ) async throws -> Instance.Explanation.Run {
        let limits = try await limits(of: record, try await expansion(of: record), cpus: nil)
        let group = host.paths(of: record.key).payloadGroup
        let cgroups = host.cgroups
        let state = try await state(record)
        let process = run.process.initProcess
        let (inForce, mounts) = try await blocking {
            (
                LiveLimits.inForce(limits, group: group, layout: cgroups)
                    + ProcessLimits.inForce(Set(startedWith.keys), process: process),
                (try? MountTable.read(process: process)) ?? []
            )
        }
        let ofCards = try await limitsOfCards(run)
        return Instance.Explanation.Run(
            pid: Int64(process), users: run.ids.users.map(\.line), groups: run.ids.groups.map(\.line),
            limits: inForce + ofCards, mounts: mounts,
            addresses: (state.network ?? [:]).filter { $0.key != "lo" }.mapValues { network in
                network.addresses.map { "\($0.address)/\($0.netmask)" }
            })
    }

    /// What the kernel limits of the interfaces of a run, and the priority it gives to their packets.
    private func limitsOfCards(_ run: LiveInstance.Run) async throws -> [Instance.Explanation.Limit] {
        var limits: [Instance.Explanation.Limit] = []
        for (device, nic) in run.nics.sorted(by: { $0.key < $1.key }) where nic.hasHostEnd {
            guard let tuning = run.tunings[device] else { continue }
            func add(_ option: String, _ place: String, _ value: String) {
                let key = option.hasPrefix("limits.network") ? option : "devices.\(device).\(option)"
                limits.append(Instance.Explanation.Limit(key: key, file: "\(place) of \(nic.hostName)", value: value))
            }
            if tuning.ingress != nil,
                let rate = try? await blocking({ try NetlinkSession().sendingLimit(of: nic.hostName) })
            {
                add("limits.ingress", "traffic class", "\(rate) bytes a second")
            }
            guard tuning.egress != nil || tuning.priority != nil else { continue }
            let rules = await networks.firewall.limits(of: nic.hostName)
            if let rate = rules.bytesPerSecond { add("limits.egress", "firewall rule", "\(rate) bytes a second") }
            if let priority = rules.priority {
                let isOwn = run.wantedNICs[device]?.device.limits.priority != nil
                add(isOwn ? "limits.priority" : "limits.network.priority", "firewall rule", "\(priority)")
            }
        }
        return limits
    }

    // MARK: words

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

    /// How a start came about, in words.
    static func cause(of start: StartCause, by requestor: Event.Requestor?) -> String {
        let who = requestor.map { "asked for by \(words($0))" } ?? "by lexd itself"
        switch start {
        case .asked: return who
        case .restart: return "restart \(who)"
        case .reboot: return "it restarted itself from inside"
        case .autostart: return "boot.autostart, as lexd started"
        case .ranBefore: return "it ran when lexd or the host went down, as lexd started"
        }
    }

    private static func words(_ requestor: Event.Requestor) -> String {
        requestor.protocol == "unix"
            ? "\(requestor.username) on this machine"
            : "\(requestor.username) from \(requestor.address) (\(requestor.protocol))"
    }
}

/// How a start comes about.
enum StartCause: Sendable {
    /// Somebody asked for it.
    case asked
    /// Somebody asked for a restart.
    case restart
    /// The system inside wanted to start again.
    case reboot
    /// It is to run whenever lexd does.
    case autostart
    /// It ran before.
    case ranBefore
}
