import LexAPI
import LexIPC
import LexInstance
import LexNetwork

extension NICDevice {
    /// Whether it has a hardware address of its own: one of the host's own interfaces has the address it has, and one
    /// of ipvlan that of its parent.
    var hasOwnHardwareAddress: Bool { kind != .physical && kind != .ipvlan }
}

/// An interface as an instance is to have it.
struct WantedNIC: Sendable, Equatable {
    let device: NICDevice
    let hardwareAddress: MACAddress
    let insideName: String
    /// `limits.network.priority` of its instance; 0 for none.
    let instancePriority: UInt32

    /// Whether both are made the same by what people say of them: what else differs can be changed on what is there, or
    /// is for the next time it is made, as an address that lexd chose itself.
    func isMade(as other: WantedNIC) -> Bool { device.isMade(as: other.device) }

    /// The bridge that routes to the networks behind it go out by; nil for one of another kind.
    var bridge: String? { device.kind == .bridged ? device.network ?? device.parent : nil }

    /// What liblxc is told of it, beside names.
    var settings: [LXCItem] {
        if let ipvlan = device.ipvlan { return Self.settings(ipvlan) }
        guard let routed = device.routed else { return [] }
        var items: [LXCItem] = []
        items += routed.ipv4.map { LXCItem("ipv4.address", "\($0)/32") }
        if !routed.ipv4.isEmpty, routed.hasIPv4Gateway { items.append(LXCItem("ipv4.gateway", "\(routed.ipv4Host)")) }
        items += routed.ipv6.map { LXCItem("ipv6.address", "\($0)/128") }
        if !routed.ipv6.isEmpty, routed.hasIPv6Gateway { items.append(LXCItem("ipv6.gateway", "\(routed.ipv6Host)")) }
        return items
    }

    private static func settings(_ wish: NICDevice.IPVLAN) -> [LXCItem] {
        var items: [LXCItem] = []
        for (family, isIPv6, gateway) in [("ipv4", false, wish.ipv4Gateway), ("ipv6", true, wish.ipv6Gateway)] {
            let own = wish.addresses.filter { $0.address.isIPv6 == isIPv6 }
            items += own.map { LXCItem("\(family).address", "\($0.address)/\($0.prefix)") }
            switch gateway {
            case .interface? where !own.isEmpty: items.append(LXCItem("\(family).gateway", "dev"))
            case .address(let address)? where !own.isEmpty: items.append(LXCItem("\(family).gateway", "\(address)"))
            default: break
            }
        }
        return items
    }

    /// What its end on the host is to allow, but for what depends on the network it is in.
    var tuning: NICTuning {
        var tuning = NICTuning()
        tuning.ingress = device.limits.ingress.map { UInt64(clamping: $0.bits / 8) }
        tuning.egress = device.limits.egress.map { UInt64(clamping: $0.bits / 8) }
        tuning.priority = device.limits.priority ?? (instancePriority > 0 ? instancePriority : nil)
        tuning.queueLength = device.limits.queueLength
        tuning.routes = device.routes
        tuning.isIsolated = device.bridged?.isIsolated ?? false
        if let routed = device.routed {
            // Only what the host has routes to can be its own.
            tuning.filter = NICFilter(
                hardwareAddress: hardwareAddress,
                ipv4: routed.ipv4.compactMap { AddressRange(.v4($0), .v4($0)) } + routes(isIPv6: false),
                ipv6: routed.ipv6.compactMap { AddressRange(.v6($0), .v6($0)) } + routes(isIPv6: true))
            tuning.gateways = routed.ipv4.prefix(1).map { .v4($0) } + routed.ipv6.prefix(1).map { .v6($0) }
        } else if let bridged = device.bridged, bridged.filtersMAC {
            tuning.filter = NICFilter(hardwareAddress: hardwareAddress, ipv4: nil, ipv6: nil)
        }
        return tuning
    }

    /// The networks behind it.
    func routes(isIPv6: Bool) -> [AddressRange] {
        device.routes.compactMap { block in
            switch block {
            case .v4(let subnet): isIPv6 ? nil : AddressRange(subnet)
            case .v6(let subnet): isIPv6 ? AddressRange(subnet) : nil
            }
        }
    }
}

extension Instances {
    /// The interfaces an instance is to have, by device.
    func wantedNICs(
        _ devices: [String: Device], _ config: [String: String], _ record: InstanceRecord
    ) throws -> [String: WantedNIC] {
        let priority = try Config<InstanceKeys>(config)[\.limits.networkPriority] ?? 0
        var wanted: [String: WantedNIC] = [:]
        for (device, kind) in devices {
            guard case .nic(let nic) = kind else { continue }
            let remembered = record.config["volatile.\(device).hwaddr"].flatMap { MACAddress(configText: $0) }
            let none = nic.hasOwnHardwareAddress ? nil : MACAddress(bytes: [0, 0, 0, 0, 0, 0])
            guard let address = nic.hwaddr ?? remembered ?? none else {
                throw APIError.failed("The device \"\(device)\" has no hardware address")
            }
            wanted[device] = WantedNIC(
                device: nic, hardwareAddress: address,
                insideName: nic.name ?? record.config["volatile.\(device).name"] ?? device,
                instancePriority: UInt32(clamping: priority))
        }
        return wanted
    }

    /// The interfaces an instance is to have by its record, and what passes connections on.
    func wantedCards(of record: InstanceRecord) async throws -> WantedCards {
        let expansion = try await expansion(of: record)
        return try await wantedCards(Device.readAll(expansion.devices), expansion.config, record)
    }

    func wantedCards(
        _ devices: [String: Device], _ config: [String: String], _ record: InstanceRecord
    ) async throws -> WantedCards {
        let nics = try wantedNICs(devices, config, record)
        return WantedCards(nics: nics, proxies: try await wantedProxies(devices, nics, project: record.project))
    }
}

/// The interfaces of an instance and what depends on them.
struct WantedCards: Sendable, Equatable {
    var nics: [String: WantedNIC] = [:]
    var proxies: [String: WantedProxy] = [:]
}
