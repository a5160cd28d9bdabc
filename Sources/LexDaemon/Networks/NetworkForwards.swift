import LexAPI
import LexNetwork
import LexStore

/// What the daemon does with forwards: addresses of the outside whose packets go to instances of a network.
///
/// A forward is kept in its network's record, so that both are renamed and deleted together.
struct NetworkForwards: Sendable {
    let networks: Networks
    let events: Events

    func list(_ network: String, project: String) async throws -> [NetworkForward] {
        let stored = try await networks.required(network, project)
        return (stored.value.forwards ?? [:]).compactMap { address, record in
            IPAddress(configText: address).map { ($0, record) }
        }.sorted { $0.0 < $1.0 }.map(Self.view)
    }

    func get(_ network: String, _ address: String, project: String) async throws -> NetworkForward {
        let stored = try await networks.required(network, project)
        let (listen, record) = try Self.find(stored, address)
        return Self.view(listen, record)
    }

    private static func view(_ address: IPAddress, _ record: NetworkForwardRecord) -> NetworkForward {
        NetworkForward(
            listenAddress: "\(address)", description: record.description, config: record.config, ports: record.ports)
    }

    private static func find(
        _ stored: Stored<NetworkRecord>, _ address: String, doing: String? = nil
    ) throws(APIError) -> (IPAddress, NetworkForwardRecord) {
        guard let listen = IPAddress(configText: address), let record = stored.value.forwards?["\(listen)"] else {
            throw .notFound((doing.map { "Failed \($0) forward: " } ?? "") + "Network forward not found")
        }
        return (listen, record)
    }

    /// What the ETag is made of.
    static func writable(_ forward: NetworkForward) -> NetworkForward.Update {
        NetworkForward.Update(description: forward.description, config: forward.config, ports: forward.ports)
    }

    // MARK: changing

    /// Makes a forward and answers its listen address in its usual text.
    func create(
        _ network: String, _ wish: NetworkForward.Creation, project: String, requestor: Event.Requestor?
    ) async throws -> String {
        let address = try await networks.locks.with("create") {
            let stored = try await networks.required(network, project)
            guard let listen = IPAddress(configText: wish.listenAddress) else {
                throw APIError.badRequest(
                    "Failed creating forward: Failed parsing address forward listen address "
                        + "\"\(wish.listenAddress.prefix(64))\": it must be \(IPAddress.allowedText)")
            }
            let record = NetworkForwardRecord(
                description: wish.description, config: Merge.replacement(wish.config), ports: wish.ports)
            try await judge(listen, record, of: stored)
            try await save(stored, listen, record, doing: "creating")
            return "\(listen)"
        }
        lifecycle("network-forward-created", network, address, requestor)
        return address
    }

    /// Replaces or, with `isPatch`, changes a forward.
    func update(
        _ network: String, _ address: String, _ change: NetworkForward.Update, project: String, isPatch: Bool,
        check: (NetworkForward.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        try await networks.locks.with("create") {
            let stored = try await networks.required(network, project)
            let (listen, old) = try Self.find(stored, address, doing: "updating")
            try check(Self.writable(Self.view(listen, old)))
            let record =
                isPatch
                ? NetworkForwardRecord(
                    description: change.description ?? old.description,
                    config: Merge.config(old.config, change.config), ports: change.ports ?? old.ports)
                : NetworkForwardRecord(
                    description: change.description ?? "", config: Merge.replacement(change.config),
                    ports: change.ports ?? [])
            if record.config["target_address"] != nil { try await checkOwnAddress(listen, stored) }
            try await save(stored, listen, record, doing: "updating")
        }
        lifecycle("network-forward-updated", network, address, requestor)
    }

    func delete(
        _ network: String, _ address: String, project: String, requestor: Event.Requestor?
    ) async throws {
        try await networks.locks.with("create") {
            let stored = try await networks.required(network, project)
            try await save(stored, try Self.find(stored, address, doing: "deleting").0, nil, doing: "deleting")
        }
        lifecycle("network-forward-deleted", network, address, requestor)
    }

    private func save(
        _ stored: Stored<NetworkRecord>, _ listen: IPAddress, _ record: NetworkForwardRecord?, doing: String
    ) async throws {
        var new = stored
        new.value.forwards = (new.value.forwards ?? [:]).merging(["\(listen)": record].compactMapValues { $0 }) { $1 }
        if record == nil { new.value.forwards?["\(listen)"] = nil }
        var settings = try await networks.settings(stored.owned.name, stored.value)
        if let record {
            do {
                // By itself first: its own faults are said in LXD's words.
                _ = try PacketForward(listen, record, settings)
            } catch {
                throw APIError.badRequest("Failed \(doing) forward: \(error)")
            }
        }
        settings.forwards = try Networks.forwards(new.value, settings)
        let saved = new
        try await networks.bringRules([settings]) { try await networks.records.update(saved) }
    }

    private func lifecycle(_ action: String, _ network: String, _ address: String, _ requestor: Event.Requestor?) {
        events.lifecycle(action, source: "/1.0/networks/\(network)/forwards/\(address)", requestor: requestor)
    }

    // MARK: listen addresses

    /// Throws unless packets to an address can be passed on: nobody else's here, and one that packets are sent to.
    private func judge(
        _ listen: IPAddress, _ record: NetworkForwardRecord, of stored: Stored<NetworkRecord>
    ) async throws {
        func refuse(_ why: String) -> APIError {
            .badRequest("Failed creating forward: the address \(listen) cannot be listened on: \(why)")
        }
        guard stored.value.forwards?["\(listen)"] == nil else {
            throw APIError.conflict("Failed creating forward: A forward for that listen address already exists")
        }
        if let why = Self.special.first(where: { $0.range.contains(listen) })?.why { throw refuse(why) }
        for other in try await networks.records.list() where other.name != stored.name {
            guard other.value.forwards?["\(listen)"] == nil else {
                throw APIError.conflict(
                    "Failed creating forward: A forward for that listen address already exists on network "
                        + "\"\(other.owned.name)\"")
            }
            let settings = try? BridgeSettings(name: other.owned.name, config: Config(other.value.config))
            if let taken = settings?.subnets.first(where: { $0.contains(listen) }) {
                throw refuse("network \"\(other.owned.name)\" has the addresses \(taken)")
            }
        }
        let own = try BridgeSettings(name: stored.owned.name, config: Config(stored.value.config))
        if isBridge(listen, own) {
            if record.config["target_address"] != nil { try await checkOwnAddress(listen, stored) }
        } else if let range = own.subnets.first(where: { $0.contains(listen) }) {
            throw refuse(
                "it is one of the network's own (\(range)), which instances reach without this host. The bridge's "
                    + "address is the only one of them that can have forwards")
        }
    }

    private func isBridge(_ address: IPAddress, _ settings: BridgeSettings) -> Bool {
        switch address {
        case .v4(let address): settings.ipv4?.address == address
        case .v6(let address): settings.ipv6?.address == address
        }
    }

    /// Everything that comes to the bridge's own address cannot go to one instance: the others get DNS there.
    private func checkOwnAddress(_ listen: IPAddress, _ stored: Stored<NetworkRecord>) async throws {
        let own = try BridgeSettings(name: stored.owned.name, config: Config(stored.value.config))
        guard !isBridge(listen, own) else {
            throw APIError.badRequest(
                "Failed creating forward: the address \(listen) is the bridge's own, where instances get DNS and DHCP: "
                    + "it can only have forwards of single ports, and no target_address")
        }
    }

    private static let special: [(range: AddressRange, why: String)] = [
        ("0.0.0.0/8", "it is nobody's address"), ("127.0.0.0/8", "packets to it never leave the loopback"),
        ("169.254.0.0/16", "addresses of one link are not passed on"),
        ("224.0.0.0/4", "it is the address of a multicast group"), ("240.0.0.0/4", "it is reserved"),
        ("::/128", "it is nobody's address"), ("::1/128", "packets to it never leave the loopback"),
        ("fe80::/10", "addresses of one link are not passed on"),
        ("ff00::/8", "it is the address of a multicast group"),
    ].compactMap { text, why in AddressRange(configText: text).map { ($0, why) } }
}
