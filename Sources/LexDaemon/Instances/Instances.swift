import FoundationEssentials
import LexAPI
import LexHost
import LexInstance
import LexNetwork
import LexStorage
import LexStore
import Logging
import Synchronization

/// What the daemon does with instances.
///
/// A record says what an instance is, a ``LiveInstance`` what it does; what changes either is done one at a time for
/// each instance, under its lock. The end of a run is seen by its pidfd and taken up by `run`.
final class Instances: Sendable {
    let records: Records<InstanceRecord>
    let profiles: Profiles
    let pools: StoragePools
    let volumes: StorageVolumes
    let networks: Networks
    let images: Images
    let host: InstanceHost
    let operations: Operations
    let events: Events
    let warnings: Warnings
    let logger: Logger

    let locks = Locks()
    private let live = Mutex<[String: LiveInstance]>([:])
    private enum Watch {
        case run(LiveInstance, LiveInstance.Run)
        case proxy(String, RunningProcess, key: String, LiveInstance.Run)
    }
    private let watches: AsyncStream<Watch>
    private let watch: AsyncStream<Watch>.Continuation
    let sizes = DiskUsage()
    let fileServers = FileServers()
    /// Listens for the instances on their `/dev/lxd/sock`.
    let guests = GuestServer()
    let guestEvents = GuestEvents()
    /// What tells of hardware; nil until it is followed.
    let deviceChanges = Mutex<DeviceChanges?>(nil)
    /// Instances to be started that restarted while lexd was away.
    let dueToStart = Mutex<Set<String>>([])
    /// Instances of which it is not known yet whether they run.
    let unsettled = Mutex<Set<String>>([])
    private let shuttingDown = Mutex(false)
    private let rendered = RenderedInstances()

    /// Whether instances end because lexd does: they are then remembered as running.
    var isShuttingDown: Bool { shuttingDown.withLock { $0 } }
    func setShuttingDown() { shuttingDown.withLock { $0 = true } }

    init(
        records: Records<InstanceRecord>, profiles: Profiles, pools: StoragePools, volumes: StorageVolumes,
        networks: Networks, images: Images, host: InstanceHost, operations: Operations, events: Events,
        warnings: Warnings, logger: Logger
    ) {
        self.warnings = warnings
        self.records = records
        self.profiles = profiles
        self.pools = pools
        self.volumes = volumes
        self.networks = networks
        self.images = images
        self.host = host
        self.operations = operations
        self.events = events
        self.logger = logger
        (watches, watch) = AsyncStream<Watch>.makeStream()
    }

    /// Follows the ends of all runs until the task is cancelled; the instances then run on unwatched.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await watch in watches {
                    group.addTask {
                        switch watch {
                        case .run(let instance, let run): await self.follow(instance, run)
                        case .proxy(let device, let process, let key, let run):
                            await self.keep(device, process, of: key, run)
                        }
                    }
                }
                group.cancelAll()
            }
        } onCancel: {
            watch.finish()
        }
    }

    private func follow(_ instance: LiveInstance, _ run: LiveInstance.Run) async {
        guard await waitPatiently(instance, { try await run.process.initEnd() }) else { return }
        await fileServers.end(of: instance.key)
        // While liblxc's monitor puts away what is its.
        await putAwayEarly(instance.key, (instance.run ?? run).cards)
        guard await waitPatiently(instance, { try await run.process.end() }) else { return }
        await ended(instance, run)
    }

    /// Waits for an end; false when lexd's comes first.
    private func waitPatiently(_ instance: LiveInstance, _ wait: () async throws -> Void) async -> Bool {
        while true {
            do {
                try await wait()
                return true
            } catch is CancellationError {
                return false
            } catch {
                // For lack of memory, say. Without a look the instance would be taken for running for ever.
                logger.error(
                    "cannot wait for the end of an instance; trying again",
                    metadata: ["instance": "\(instance.key)", "error": "\(error)"])
                do { try await Task.sleep(for: .seconds(1)) } catch { return false }
            }
        }
    }

    /// Begins to follow a run that has just begun.
    func follows(_ instance: LiveInstance, _ run: LiveInstance.Run) { watch.yield(.run(instance, run)) }

    /// Begins to follow the process of a proxy.
    func followsProxy(_ device: String, _ process: RunningProcess, of key: String, _ run: LiveInstance.Run) {
        watch.yield(.proxy(device, process, key: key, run))
    }

    /// What lexd knows of an instance beside its record.
    func liveInstance(_ key: String) -> LiveInstance {
        live.withLock { live in
            if let instance = live[key] { return instance }
            let instance = LiveInstance(key: key, running: profiles.references.isRunning)
            live[key] = instance
            return instance
        }
    }

    func forget(_ key: String) {
        live.withLock { $0[key] = nil }
        rendered.forget(key)
    }

    /// How many instances run.
    var runningCount: Int { live.withLock { $0.values.filter { $0.run != nil }.count } }

    /// Those that run, or are being started or stopped.
    var activeKeys: Set<String> {
        live.withLock { Set($0.values.filter { $0.run != nil || $0.lifecycle.phase != .stopped }.map(\.key)) }
    }

    // MARK: looking

    func find(_ name: String, project: String) async throws -> Stored<InstanceRecord> {
        guard let stored = try await records.find(name, in: project) else {
            throw APIError.notFound("Instance not found")
        }
        return stored
    }

    /// A project's instances, or all there are.
    func list(project: String?) async throws -> [Stored<InstanceRecord>] {
        if let project { try await records.list(in: project) } else { try await records.list() }
    }

    /// The profiles of an instance that are there, in order.
    func presentProfiles(of record: InstanceRecord) async throws -> [ProfileRecord] {
        try await profiles.present(record.profiles, project: record.project)
    }

    /// What an instance is with its profiles; throws when one is not there.
    func expansion(of record: InstanceRecord) async throws -> Expansion {
        Expansion(
            try await profiles.resolve(record.profiles, project: record.project), config: record.config,
            devices: record.devices)
    }

    /// An instance as the wire shows it; also one that lacks a profile, which cannot be started.
    func view(_ record: InstanceRecord) async throws -> Instance {
        let expansion = Expansion(
            try await presentProfiles(of: record), config: record.config, devices: record.devices)
        return Instance(
            architecture: record.architecture, config: record.config, devices: record.devices,
            ephemeral: record.ephemeral, profiles: record.profiles, stateful: false, description: record.description,
            createdAt: record.createdAt, expandedConfig: expansion.config, expandedDevices: expansion.devices,
            name: record.name, status: liveInstance(record.key).lifecycle.status, lastUsedAt: record.lastUsedAt,
            location: "none", type: "container", project: record.project)
    }

    /// The same as JSON, with their states on demand.
    func json(of list: [Stored<InstanceRecord>], withState: Bool) async throws -> [Data] {
        let states = withState ? try await states(list.map(\.value)) : []
        let renderedStates = try await blocking(each: states) { [rendered] in try rendered.json(of: $0) }
        let changes = profiles.records.changes
        var result: [Data] = []
        for (index, stored) in list.enumerated() {
            let status = liveInstance(stored.value.key).lifecycle.status
            let instance = try await rendered.json(of: stored, profiles: changes, status: status) {
                try await view(stored.value)
            }
            guard withState else {
                result.append(instance)
                continue
            }
            let snapshots = try await rendered.snapshotsJSON(of: stored, profiles: changes) {
                try await self.snapshots(of: stored.value)
            }
            result.append(RenderedInstances.full(instance, state: renderedStates[index], snapshots: snapshots))
        }
        return result
    }

    /// What it does at this moment.
    func state(_ record: InstanceRecord) async throws -> Instance.State {
        try await states([record]).first ?? Instance.State(status: .stopped)
    }

    /// What they do at this moment, in the same order. The kernel is asked for all of them in one go: reading a control
    /// group or the links of a namespace can wait for whoever changes them.
    private func states(_ records: [InstanceRecord]) async throws -> [Instance.State] {
        let stopped = Instance.State(status: .stopped)
        var states = [Instance.State](repeating: stopped, count: records.count)
        let running = records.enumerated().compactMap { index, record -> (index: Int, look: StateLook)? in
            let instance = liveInstance(record.key)
            guard let run = instance.run else { return nil }
            return (
                index,
                StateLook(
                    status: instance.lifecycle.status, process: run.process,
                    hostNames: run.nics.mapValues(\.hostName), config: record.config,
                    group: host.paths(of: record.key).payloadGroup, cgroups: host.cgroups)
            )
        }
        guard !running.isEmpty else { return states }
        let found = try await blocking(each: running) { $0.look.state() }
        for ((index, _), state) in zip(running, found) {
            states[index] = state
            // After the look: a count that is due begins now, and whoever asks next has it.
            states[index].disk = disk(of: records[index])
        }
        return states
    }

    private func disk(of record: InstanceRecord) -> [String: Instance.Disk] {
        guard let driver = try? pools.driver(of: record.pool), let volume = try? Self.volume(record),
            let usage = sizes.usage(of: record.key, measure: { try await driver.usage(of: volume).bytes })
        else { return [:] }
        return ["root": Instance.Disk(usage: usage)]
    }

    /// The interfaces of a project's instances on a network, running or not.
    func members(ofNetwork name: String, project: String) async throws -> [NetworkMember] {
        var members: [NetworkMember] = []
        for stored in try await records.list(in: project) {
            let expansion = Expansion(
                try await presentProfiles(of: stored.value), config: stored.value.config,
                devices: stored.value.devices)
            for (device, options) in expansion.devices
            where options["type"] == "nic" && (options["network"] == name || options["parent"] == name) {
                let address = options["hwaddr"] ?? stored.value.config["volatile.\(device).hwaddr"] ?? ""
                guard let hardwareAddress = MACAddress(configText: address) else { continue }
                members.append(
                    NetworkMember(
                        instance: stored.value.name, hardwareAddress: hardwareAddress,
                        ipv4: options["ipv4.address"].flatMap { IPv4Address(configText: $0) },
                        ipv6: options["ipv6.address"].flatMap { IPv6Address(configText: $0) }))
            }
        }
        return members
    }

    /// What the ETag is made of.
    static func writable(_ record: InstanceRecord) -> [String: JSONValue] {
        [
            "architecture": .string(record.architecture),
            "config": .object(record.config.mapValues { .string($0) }),
            "devices": .object(record.devices.mapValues { .object($0.mapValues { .string($0) }) }),
            "ephemeral": .bool(record.ephemeral),
            "profiles": .array(record.profiles.map { .string($0) }),
        ]
    }

    /// The URLs of an instance, under the new name and, where LXD does so, under the old one.
    static func resources(_ name: String, legacy: Bool) -> [String: [String]] {
        var resources = ["instances": ["/1.0/instances/\(name)"]]
        if legacy { resources["containers"] = ["/1.0/containers/\(name)"] }
        return resources
    }

    func lifecycle(
        _ action: String, _ record: InstanceRecord, context: [String: JSONValue]? = nil, requestor: Event.Requestor?
    ) {
        events.lifecycle(
            action, source: "/1.0/instances/\(record.name)", context: context, requestor: requestor,
            project: record.project)
    }
}
