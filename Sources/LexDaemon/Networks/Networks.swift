import LexAPI
import LexHost
import LexNetwork
import LexStore
import Logging
import Synchronization

/// What the daemon does with networks: managed bridges, and the host's interfaces shown beside them.
final class Networks: Sendable {
    let records: Records<NetworkRecord>
    private let references: References
    private let events: Events
    private let identity: NetworkIdentity
    private let directory: String
    private let firewall: Firewall
    private let logger: Logger

    private struct Running: Sendable {
        let driver: BridgeDriver
        let deleted = Gate()
    }
    private let running = Mutex<[String: Running]>([:])
    private let watches: AsyncStream<Running>
    private let watch: AsyncStream<Running>.Continuation
    /// One network is made at a time: each looks for a subnet that is free.
    private let locks = Locks()

    /// - Parameter directory: Where each network has a directory for its leases and names.
    init(
        records: Records<NetworkRecord>, references: References, events: Events, identity: NetworkIdentity,
        directory: String, logger: Logger
    ) {
        self.records = records
        self.references = references
        self.events = events
        self.identity = identity
        self.directory = directory
        self.logger = logger
        firewall = Firewall(identity: identity, logger: logger)
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
            if let one = try? BridgeSettings(name: network.name, config: Config(network.value.config)) {
                settings.append(one)
            }
        }
        await firewall.expect(settings)
        for one in settings {
            let network = Running(driver: makeDriver(one))
            running.withLock { $0[one.name] = network }
            do {
                report(try await network.driver.start())
            } catch {
                logger.error("cannot start a network", metadata: ["network": "\(one.name)", "error": "\(error)"])
            }
            watch.yield(network)
        }
    }

    private func makeDriver(_ settings: BridgeSettings) -> BridgeDriver {
        BridgeDriver(
            settings: settings, directory: "\(directory)/\(settings.name)", identity: identity, firewall: firewall,
            logger: logger)
    }

    private func report(_ warnings: [NetworkWarning]) {
        for warning in warnings { logger.warning("\(warning.text)", metadata: ["network": "\(warning.network)"]) }
    }

    private func driver(_ name: String) -> BridgeDriver? { running.withLock { $0[name]?.driver } }

    // MARK: looking

    /// The managed networks and then the host's other interfaces.
    func list() async throws -> [Network] {
        var result: [Network] = []
        let stored = try await records.list()
        for network in stored { result.append(try await view(network)) }
        let managed = Set(stored.map(\.name))
        for interface in try await HostInterface.all() where !managed.contains(interface.name) {
            result.append(try await view(interface))
        }
        return result
    }

    func get(_ name: String) async throws -> Network {
        if let stored = try await records.find(name) { return try await view(stored) }
        guard let interface = try await HostInterface.named(name) else { throw APIError.notFound("Network not found") }
        return try await view(interface)
    }

    private func view(_ stored: Stored<NetworkRecord>) async throws -> Network {
        Network(
            name: stored.name, type: stored.value.type, description: stored.value.description,
            config: stored.value.config, usedBy: try await references.users(ofNetwork: stored.name), managed: true)
    }

    private func view(_ interface: HostInterface) async throws -> Network {
        Network(
            name: interface.name, type: interface.type, description: "", config: [:],
            usedBy: try await references.users(ofNetwork: interface.name), managed: false)
    }

    func state(_ name: String) async throws -> Network.State {
        guard let state = try await Network.State.read(name) else { throw APIError.notFound("Network not found") }
        return state
    }

    /// The addresses that were given out on a managed network.
    func leases(_ name: String, members: [NetworkMember]) async throws -> [Network.Lease] {
        guard try await records.find(name) != nil, let driver = driver(name) else {
            throw APIError.notFound("Network not found")
        }
        return try await driver.leases(members)
    }

    // MARK: making and deleting

    func create(_ wish: Network.Creation, requestor: Event.Requestor?) async throws {
        guard !wish.name.isEmpty else { throw APIError.badRequest("No name provided") }
        try ObjectName.validateInterface(wish.name)
        guard wish.type.isEmpty || wish.type == "bridge" else {
            throw APIError.badRequest(
                "This version of lexd makes networks of the type bridge only, not \"\(wish.type.prefix(64))\"")
        }
        try await locks.with("create") {
            guard try await records.find(wish.name) == nil else {
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
            let settings = try BridgeSettings(name: wish.name, config: completed)
            let network = Running(driver: makeDriver(settings))
            report(try await network.driver.start())
            do {
                try await records.create(
                    wish.name,
                    NetworkRecord(type: "bridge", description: wish.description, config: completed.values))
            } catch {
                try? await network.driver.delete()
                throw error
            }
            running.withLock { $0[wish.name] = network }
            watch.yield(network)
        }
        events.lifecycle("network-created", source: "/1.0/networks/\(wish.name)", requestor: requestor)
    }

    func delete(_ name: String, requestor: Event.Requestor?) async throws {
        try await locks.with("create") {
            guard let stored = try await records.find(name) else {
                throw APIError.notFound("Failed loading network: Network not found")
            }
            guard try await references.users(ofNetwork: name).isEmpty else {
                throw APIError.badRequest("The network is currently in use")
            }
            let network = running.withLock { $0[name] }
            try await network?.driver.delete()
            try await records.delete(stored)
            network?.deleted.open()
            running.withLock { $0[name] = nil }
        }
        events.lifecycle("network-deleted", source: "/1.0/networks/\(name)", requestor: requestor)
    }

    private func takenSubnets() async throws -> TakenSubnets {
        var taken = TakenSubnets()
        for stored in try await records.list() {
            let config = Config<BridgeKeys>(stored.value.config)
            if let subnet = try config[\.ipv4Address]?.subnet { taken.ipv4.append(subnet) }
            if let subnet = try config[\.ipv6Address]?.subnet { taken.ipv6.append(subnet) }
        }
        return taken
    }

    // MARK: interfaces of instances

    /// Throws unless every interface's network is there.
    func check(_ devices: [String: Device]) async throws {
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let config) = device else { continue }
            if let network = try config[\.network]?.text {
                guard try await records.find(network) != nil else {
                    throw APIError.badRequest(
                        "Invalid device \"\(name)\": there is no network \"\(network)\". See lx network list")
                }
            } else if try config[\.ipv4Address] != nil {
                throw APIError.badRequest(
                    "Invalid device \"\(name)\": ipv4.address needs a managed network, which gives addresses out")
            }
        }
    }

    /// What an interface is put into.
    func attachment(_ config: Config<NICKeys>) async throws -> any NICAttaching {
        if let name = try config[\.network]?.text {
            guard let driver = driver(name) else { throw APIError.notFound("Network not found") }
            return driver
        }
        guard let parent = try config[\.parent]?.text else {
            throw APIError.badRequest("The interface has neither a network nor a parent")
        }
        if let driver = driver(parent) { return driver }
        return HostBridge(name: parent, identity: identity)
    }

    /// Takes an interface away, whatever it is in.
    func detach(_ nic: AttachedNIC) async throws {
        let drivers = running.withLock { $0.values.map(\.driver) }
        for driver in drivers { try await driver.detach(nic) }
        if drivers.isEmpty { try await HostBridge(name: "", identity: identity).detach(nic) }
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
            identity: identity, directory: directory, networks: Set(try await records.list().map(\.name)),
            hostNames: []
        ).nics
    }

    /// Removes what belongs to nothing: interfaces of instances that do not run, bridges and dnsmasq of networks that
    /// are no more.
    func removeOrphans(isRunning: (NICOwner) -> Bool) async throws {
        let networks = Set(try await records.list().map(\.name))
        let names = Set(try await attachedNICs().filter { isRunning($0.owner) }.map(\.hostName))
        let owners = Set(try await attachedNICs().map(\.owner).filter(isRunning))
        try await Leftovers.find(identity: identity, directory: directory, networks: networks, hostNames: names)
            .remove(logger)
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
