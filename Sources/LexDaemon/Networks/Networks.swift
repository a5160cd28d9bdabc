import LexAPI
import LexHost
import LexNetwork
import LexStore
import Logging
import Synchronization

/// What the daemon does with networks: managed bridges, and the host's interfaces shown beside them.
final class Networks: Sendable {
    let records: Records<NetworkRecord>
    let acls: Records<NetworkACLRecord>
    let projects: Projects
    let references: References
    let events: Events
    let identity: NetworkIdentity
    let directory: String
    let firewall: Firewall
    let vlans: VLANParents
    let logger: Logger
    let warnings: Warnings

    struct Running: Sendable {
        let driver: BridgeDriver
        let deleted = Gate()
    }
    private let running = Mutex<[String: Running]>([:])
    private let watches: AsyncStream<Running>
    private let watch: AsyncStream<Running>.Continuation
    /// One network, forward or ACL is made or changed at a time: each looks at the others.
    let locks = Locks()

    /// - Parameter directory: Where each network has a directory for its leases and names.
    init(
        records: Records<NetworkRecord>, acls: Records<NetworkACLRecord>, projects: Projects, references: References,
        events: Events, identity: NetworkIdentity, directory: String, warnings: Warnings, logger: Logger
    ) {
        self.warnings = warnings
        self.records = records
        self.acls = acls
        self.projects = projects
        self.references = references
        self.events = events
        self.identity = identity
        self.directory = directory
        self.logger = logger
        vlans = VLANParents(identity: identity)
        firewall = Firewall(identity: identity, logger: logger, trouble: warnings.ofNetworks)
        (watches, watch) = AsyncStream<Running>.makeStream()
    }

    /// Looks after dnsmasq and the firewall until the task is cancelled; both then go on by themselves.
    func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.firewall.watch() }
                for await network in watches { group.addTask { await self.look(after: network) } }
                group.cancelAll()
            }
        } onCancel: {
            watch.finish()
        }
    }

    private func look(after network: Running) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await network.driver.watch() }
            group.addTask { await network.deleted.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Starts every network, at the daemon's start. One that cannot be started is said in the log: instances elsewhere
    /// are not held up by it.
    func startAll() async throws {
        var settings: [BridgeSettings] = []
        let stored = try await records.list()
        for network in stored {
            if let one = await settingsAtStart(network) { settings.append(one) }
        }
        await firewall.expect(settings)
        for one in settings {
            let network = Running(driver: makeDriver(one))
            running.withLock { $0[one.name] = network }
            do {
                report(try await network.driver.start())
                await warnings.resolve(.networkStartupFailure, entity: "/1.0/networks/\(one.name)")
            } catch {
                logger.error("cannot start a network", metadata: ["network": "\(one.name)", "error": "\(error)"])
                await warnings.record(.networkStartupFailure, "\(error)", entity: "/1.0/networks/\(one.name)")
            }
            watch.yield(network)
        }
    }

    func makeDriver(_ settings: BridgeSettings) -> BridgeDriver {
        BridgeDriver(
            settings: settings, directory: "\(directory)/\(settings.name)", identity: identity, firewall: firewall,
            logger: logger)
    }

    func report(_ warnings: [NetworkWarning]) {
        for warning in warnings { logger.warning("\(warning.text)", metadata: ["network": "\(warning.network)"]) }
    }

    func driver(_ name: String) -> BridgeDriver? { running.withLock { $0[name]?.driver } }

    /// Takes a network out of those that are found by name.
    func take(_ name: String) -> Running? { running.withLock { $0.removeValue(forKey: name) } }

    /// Has a network found by a name, and looks after it.
    func put(_ network: Running, _ name: String) {
        running.withLock { $0[name] = network }
        watch.yield(network)
    }

    // MARK: looking

    /// The record of a network that a project uses.
    func find(_ name: String, _ project: String) async throws -> Stored<NetworkRecord>? {
        try await records.find(name, in: projects.holder(of: .networks, for: project))
    }

    /// The managed networks and then the host's other interfaces, which are the default project's.
    func list(project: String) async throws -> [Network] {
        var result: [Network] = []
        let holder = try await projects.holder(of: .networks, for: project)
        for network in try await records.list(in: holder) { result.append(try await view(network)) }
        guard holder == Project.defaultName else { return result }
        let managed = Set(try await records.list().map(\.owned.name))
        for interface in try await HostInterface.all() where !managed.contains(interface.name) {
            result.append(try await view(interface))
        }
        return result
    }

    func get(_ name: String, project: String) async throws -> Network {
        if let stored = try await find(name, project) { return try await view(stored) }
        guard try await projects.holder(of: .networks, for: project) == Project.defaultName,
            let interface = try await HostInterface.named(name)
        else { throw APIError.notFound("Network not found") }
        return try await view(interface)
    }

    private func view(_ stored: Stored<NetworkRecord>) async throws -> Network {
        Network(
            name: stored.owned.name, type: stored.value.type, description: stored.value.description,
            config: stored.value.config, usedBy: try await references.users(ofNetwork: stored.owned), managed: true)
    }

    private func view(_ interface: HostInterface) async throws -> Network {
        Network(
            name: interface.name, type: interface.type, description: "", config: [:],
            usedBy: try await references.users(ofNetwork: ProjectKey(Project.defaultName, interface.name)),
            managed: false)
    }

    func state(_ name: String, project: String) async throws -> Network.State {
        guard try await projects.holder(of: .networks, for: project) == Project.defaultName,
            let state = try await Network.State.read(name)
        else { throw APIError.notFound("Network not found") }
        return state
    }

    /// The addresses that were given out on a managed network.
    func leases(_ name: String, project: String, members: [NetworkMember]) async throws -> [Network.Lease] {
        guard try await find(name, project) != nil, let driver = driver(name) else {
            throw APIError.notFound("Network not found")
        }
        return try await driver.leases(members)
    }

    // MARK: making and deleting

    func create(_ wish: Network.Creation, project: String, requestor: Event.Requestor?) async throws {
        let holder = try await projects.holder(of: .networks, for: project)
        guard !wish.name.isEmpty else { throw APIError.badRequest("No name provided") }
        try ObjectName.validateInterface(wish.name)
        guard wish.type.isEmpty || wish.type == "bridge" else {
            throw APIError.badRequest(
                "This version of lexd makes networks of the type bridge only, not \"\(wish.type.prefix(64))\"")
        }
        // A bridge is an interface of the host, and its name one for all projects.
        guard holder == Project.defaultName else {
            throw APIError.badRequest("Network type does not support non-default projects")
        }
        try await locks.with("create") {
            guard try await records.find(wish.name, in: holder) == nil else {
                throw APIError.badRequest("The network already exists")
            }
            guard try await HostInterface.named(wish.name) == nil else {
                throw APIError.badRequest(
                    "cannot create network \"\(wish.name)\": the host has an interface of that name. Choose another name"
                )
            }
            let completed = try await BridgeDriver.completed(
                Config(Merge.replacement(wish.config)), name: wish.name, taken: try await takenSubnets(),
                hardwareAddresses: try await knownHardwareAddresses())
            let record = NetworkRecord(type: "bridge", description: wish.description, config: completed.values)
            let settings = try await settings(wish.name, record)
            try await judge(settings)
            let network = Running(driver: makeDriver(settings))
            report(try await network.driver.start())
            do {
                try await records.create(ProjectKey(holder, wish.name).text, record)
            } catch {
                try? await network.driver.delete()
                throw error
            }
            put(network, wish.name)
        }
        events.lifecycle(
            "network-created", source: "/1.0/networks/\(wish.name)", requestor: requestor, project: holder)
    }

    func delete(_ name: String, project: String, requestor: Event.Requestor?) async throws {
        try await locks.with("create") {
            let stored = try await required(name, project)
            guard try await references.users(ofNetwork: stored.owned).isEmpty else {
                throw APIError.badRequest("The network is currently in use")
            }
            let network = running.withLock { $0[name] }
            try await network?.driver.delete()
            try await records.delete(stored)
            network?.deleted.open()
            running.withLock { $0[name] = nil }
        }
        await warnings.forget(entity: "/1.0/networks/\(name)")
        events.lifecycle(
            "network-deleted", source: "/1.0/networks/\(name)", requestor: requestor,
            project: try await projects.holder(of: .networks, for: project))
    }

    func takenSubnets(except name: String? = nil) async throws -> TakenSubnets {
        var taken = TakenSubnets()
        for stored in try await records.list() where stored.owned.name != name {
            let config = Config<BridgeKeys>(stored.value.config)
            if let subnet = try config[\.ipv4.address]?.subnet { taken.ipv4.append(subnet) }
            if let subnet = try config[\.ipv6.address]?.subnet { taken.ipv6.append(subnet) }
        }
        return taken
    }

    // MARK: interfaces of instances

    /// Throws unless every interface's network is there and can give it its fixed addresses, which no other instance
    /// has. `key` is the instance's own.
    func check(_ devices: [String: Device], project: String, of key: String? = nil) async throws {
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let nic) = device, let bridged = nic.bridged else { continue }
            let fixed = (bridged.ipv4?.address, bridged.ipv6?.address)
            if let network = nic.network {
                guard let stored = try await find(network, project) else {
                    throw Self.unknown(network, name)
                }
                if fixed == (nil, nil) { continue }
                do {
                    try BridgeSettings(name: network, config: Config(stored.value.config)).checkFixed(fixed.0, fixed.1)
                } catch {
                    throw APIError.badRequest("Invalid device \"\(name)\": \(error)")
                }
                try await checkUnique(name, nic.options, except: key)
            } else if fixed.0 != nil && !bridged.filtersIPv4 || fixed.1 != nil && !bridged.filtersIPv6 {
                throw APIError.badRequest(
                    "Invalid device \"\(name)\": ipv4.address and ipv6.address need a managed network, which gives "
                        + "addresses out, or security.ipv4_filtering and security.ipv6_filtering")
            }
        }
    }

    /// Throws for an interface in a network that there is none of.
    func checkKnown(_ devices: [String: [String: String]], project: String) async throws {
        for (name, device) in try Device.readAll(devices).sorted(by: { $0.key < $1.key }) {
            guard case .nic(let nic) = device, let network = nic.network else { continue }
            if try await find(network, project) == nil { throw Self.unknown(network, name) }
        }
    }

    private static func unknown(_ network: String, _ device: String) -> APIError {
        .badRequest("Invalid device \"\(device)\": there is no network \"\(network)\". See lx network list")
    }

    private func checkUnique(_ name: String, _ options: [String: String], except key: String?) async throws {
        for other in try await references.instances.list() where other.value.key != key {
            for (device, theirs) in other.value.devices
            where theirs["type"] == "nic" && theirs["network"] == options["network"] {
                for option in ["ipv4.address", "ipv6.address"] {
                    guard let address = options[option], theirs[option] == address else { continue }
                    throw APIError.conflict(
                        "Invalid device \"\(name)\": the address \(address) is that of device \"\(device)\" of "
                            + "instance \"\(other.value.name)\" already")
                }
            }
        }
    }

    /// Takes an interface away, whatever it is in.
    func detach(_ nic: AttachedNIC) async throws {
        if nic.kind == .pair {
            for driver in running.withLock({ $0.values.map(\.driver) }) { try await driver.detach(nic) }
        }
        try await nic.detach()
        if let vlan = nic.vlan { try await vlans.giveBack(vlan, by: nic.owner) }
    }

    /// The hardware addresses that are spoken for.
    func knownHardwareAddresses() async throws -> Set<MACAddress> {
        var known: Set<MACAddress> = []
        for stored in try await references.instances.list() {
            for (key, value) in stored.value.config where key.hasPrefix("volatile.") && key.hasSuffix(".hwaddr") {
                if let address = MACAddress(configText: value) { known.insert(address) }
            }
            for device in stored.value.devices.values {
                if let address = device["hwaddr"].flatMap({ MACAddress(configText: $0) }) { known.insert(address) }
            }
        }
        return known
    }

    func newHardwareAddress(avoiding known: Set<MACAddress>) -> MACAddress { .random(avoiding: known) }

    /// The host's ends of interfaces that are there, with whose they are.
    func attachedNICs() async throws -> [Leftovers.AttachedLink] {
        try await Leftovers.find(
            identity: identity, directory: directory, networks: Set(try await records.list().map(\.owned.name)),
            hostNames: []
        ).nics
    }

    /// Removes what belongs to nothing: interfaces of instances that do not run, bridges and dnsmasq of networks that
    /// are no more.
    func removeOrphans(isRunning: (NICOwner) -> Bool) async throws {
        let networks = Set(try await records.list().map(\.owned.name))
        let names = Set(try await attachedNICs().filter { isRunning($0.owner) }.map(\.hostName))
        let owners = Set(try await attachedNICs().map(\.owner).filter(isRunning))
        try await Leftovers.find(identity: identity, directory: directory, networks: networks, hostNames: names)
            .remove(logger)
        try await vlans.removeUnused()
        for driver in running.withLock({ $0.values.map(\.driver) }) { try await driver.forget(except: owners) }
    }

    /// Stops all networks: for a daemon that is not to come back.
    func stopAll() async {
        for driver in running.withLock({ $0.values.map(\.driver) }) {
            do { try await driver.stop() } catch {
                logger.error("cannot stop a network", metadata: ["error": "\(error)"])
            }
        }
    }
}
