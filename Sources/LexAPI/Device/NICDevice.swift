/// A network interface of an instance, read and checked.
public struct NICDevice: Sendable, Equatable {
    /// What it is by.
    public let kind: Kind
    /// The options as they are on the wire.
    public let options: [String: String]
    /// The managed network.
    public let network: String?
    /// The interface of the host it belongs to.
    public let parent: String?
    /// Its name inside.
    public let name: String?
    /// The name of its end on the host.
    public let hostName: String?
    /// Its hardware address.
    public let hwaddr: MACAddress?
    /// The largest packet.
    public let mtu: UInt32?
    /// The highest is made first.
    public let bootPriority: Int64
    /// What its end on the host allows.
    public let limits: Limits
    /// The networks behind it.
    public let routes: [AddressBlock]
    /// What is particular to one in a bridge.
    public let bridged: Bridged?
    /// What is particular to one that is routed.
    public let routed: Routed?
    /// What is particular to an ipvlan interface.
    public let ipvlan: IPVLAN?
    /// The VLAN of the host's interface.
    public let vlan: VLANOrNone?
    /// Whether switches are told of the VLAN.
    public let gvrp: Bool

    /// The kinds of interfaces.
    public enum Kind: String, CaseIterable, ConfigValue {
        /// One end in a bridge.
        case bridged
        /// One end on the host, for whoever wants it.
        case p2p
        /// An interface beside one of the host.
        case macvlan
        /// One end on the host, which passes packets to its addresses on.
        case routed
        /// An interface of the host itself.
        case physical
        /// As macvlan, with the hardware address of the host's interface.
        case ipvlan
        /// A part of an interface of the host that can be divided.
        case sriov

        /// Its name.
        public init?(configText: String) { self.init(rawValue: configText) }
        /// In the words of an error message.
        public static var allowedText: String { allCases.map(\.rawValue).joined(separator: ", ") }
        /// In the manual.
        public static var typeName: String { "string" }
    }

    /// What the end on the host allows.
    public struct Limits: Sendable, Equatable {
        /// To the instance.
        public let ingress: BitRate?
        /// From the instance.
        public let egress: BitRate?
        /// Of the packets from the instance.
        public let priority: UInt32?
        /// How many packets may wait.
        public let queueLength: UInt32?
    }

    /// What is particular to an interface in a bridge.
    public struct Bridged: Sendable, Equatable {
        /// A fixed address.
        public let ipv4: AddressOrNone<IPv4Address>?
        /// A fixed address.
        public let ipv6: AddressOrNone<IPv6Address>?
        /// Whether it can send from its own hardware address only; always with one of the following.
        public let filtersMAC: Bool
        /// Whether it can send from its own IPv4 addresses only.
        public let filtersIPv4: Bool
        /// Whether it can send from its own IPv6 addresses only.
        public let filtersIPv6: Bool
        /// Whether it reaches no other one that is isolated.
        public let isIsolated: Bool
        /// The VLAN of its untagged packets; nil for what the bridge gives every port.
        public let vlan: VLANOrNone?
        /// The VLANs it takes part in by tagged packets.
        public let taggedVLANs: [VLANRange]
        /// Whether it asks for VLANs.
        public var wantsVLANs: Bool { vlan != nil || !taggedVLANs.isEmpty }
    }

    /// What is particular to a routed interface.
    public struct Routed: Sendable, Equatable {
        /// Its addresses.
        public let ipv4: [IPv4Address]
        /// Its addresses.
        public let ipv6: [IPv6Address]
        /// Whether the host is its way out.
        public let hasIPv4Gateway: Bool
        /// Whether the host is its way out.
        public let hasIPv6Gateway: Bool
        /// The host's address.
        public let ipv4Host: IPv4Address
        /// The host's address.
        public let ipv6Host: IPv6Address
        /// A further table for its routes.
        public let ipv4Table: UInt32?
        /// A further table for its routes.
        public let ipv6Table: UInt32?
        /// Whether it is looked if somebody has its addresses.
        public let probesIPv4: Bool
        /// Whether it is looked if somebody has its addresses.
        public let probesIPv6: Bool
    }

    /// A network of one of the families.
    public enum AddressBlock: Sendable, Hashable {
        /// IPv4.
        case v4(IPv4Subnet)
        /// IPv6.
        case v6(IPv6Subnet)
    }

    /// Whether both are made the same: what differs can be changed on what is there.
    public func isMade(as other: NICDevice) -> Bool {
        kind == other.kind && fixedOptions == other.fixedOptions
    }

    private var fixedOptions: [String: String] { options.filter { !$0.value.isEmpty && effect(of: $0.key) != .live } }

    private func effect(of option: String) -> ConfigEffect? {
        switch kind {
        case .bridged: Config<NICKeys>.effect(of: option)
        case .p2p: Config<PointToPointNICKeys>.effect(of: option)
        case .macvlan: Config<MacvlanNICKeys>.effect(of: option)
        case .routed: Config<RoutedNICKeys>.effect(of: option)
        case .physical: Config<PhysicalNICKeys>.effect(of: option)
        case .ipvlan: Config<IPVLANNICKeys>.effect(of: option)
        case .sriov: Config<SRIOVNICKeys>.effect(of: option)
        }
    }
}

extension NICDevice {
    /// Reads an interface. Throws a 400 that names the device and what is wrong with it.
    init(_ name: String, _ options: [String: String], unknown: (String) -> String) throws(APIError) {
        func refuse(_ why: String) -> APIError { .badRequest("Invalid device \"\(name)\": \(why)") }
        func has(_ option: String) -> Bool { options[option]?.isEmpty == false }
        let common = Config<NICCommonKeys>(options)
        kind = try Self.kind(common, refuse)
        self.options = options
        try Self.validate(options, kind, unknown)
        network = has("network") ? options["network"] : nil
        parent = has("parent") ? options["parent"] : nil
        if kind == .bridged {
            guard network != nil || parent != nil else {
                throw refuse("it needs the option network, or nictype and parent")
            }
            if network != nil, options["parent"] != nil || options["nictype"] != nil {
                throw refuse("the option network stands for nictype and parent; give only one of them")
            }
        } else if parent == nil, kind != .p2p, kind != .routed {
            throw refuse("an interface of nictype \(kind.rawValue) needs the option parent, an interface of the host")
        }
        self.name = try common[\.name]?.text
        hwaddr = try common[\.hwaddr]
        mtu = try common[\.mtu].map { UInt32(clamping: $0) }
        bootPriority = try Config<NICBootKeys>(options)[\.priority] ?? 0
        let host = Config<NICHostKeys>(options)
        hostName = try host[\.hostName]?.text
        limits = try Limits(host, refuse)
        routes = try Self.routes(options)
        bridged = kind == .bridged ? try Bridged(Config<NICKeys>(options), refuse) : nil
        routed = kind == .routed ? try Routed(Config<RoutedNICKeys>(options), refuse) : nil
        ipvlan = kind == .ipvlan ? try IPVLAN(Config<IPVLANNICKeys>(options), refuse) : nil
        let upper = Config<NICParentKeys>(options)
        vlan = kind == .bridged ? nil : try upper[\.vlan]
        gvrp = kind == .bridged ? false : try upper[\.gvrp] ?? false
        if kind != .bridged, vlan == VLANOrNone.none {
            throw refuse("vlan must be the number of a VLAN from 0 to 4094")
        }
        if kind == .routed, parent == nil, vlan != nil {
            throw refuse("the option vlan needs the option parent")
        }
    }

    private static func kind(_ common: Config<NICCommonKeys>, _ refuse: (String) -> APIError) throws(APIError) -> Kind {
        do { return try common[\.nictype] ?? .bridged } catch { throw refuse(error.message) }
    }

    private static func validate(
        _ options: [String: String], _ kind: Kind, _ unknown: (String) -> String
    ) throws(APIError) {
        switch kind {
        case .bridged: try Config<NICKeys>(options).validate(unknown: unknown)
        case .p2p: try Config<PointToPointNICKeys>(options).validate(unknown: unknown)
        case .macvlan: try Config<MacvlanNICKeys>(options).validate(unknown: unknown)
        case .routed: try Config<RoutedNICKeys>(options).validate(unknown: unknown)
        case .physical: try Config<PhysicalNICKeys>(options).validate(unknown: unknown)
        case .ipvlan: try Config<IPVLANNICKeys>(options).validate(unknown: unknown)
        case .sriov: try Config<SRIOVNICKeys>(options).validate(unknown: unknown)
        }
    }

    private static func routes(_ options: [String: String]) throws(APIError) -> [AddressBlock] {
        let keys = Config<NICRouteKeys>(options)
        let external = Config<NICKeys>(options)
        var blocks: [AddressBlock] = []
        blocks += (try keys[\.ipv4]?.elements ?? []).map { .v4($0) }
        blocks += (try external[\.ipv4RoutesExternal]?.elements ?? []).map { .v4($0) }
        blocks += (try keys[\.ipv6]?.elements ?? []).map { .v6($0) }
        blocks += (try external[\.ipv6RoutesExternal]?.elements ?? []).map { .v6($0) }
        var seen: Set<AddressBlock> = []
        return blocks.filter { seen.insert($0).inserted }
    }
}

extension NICDevice.Limits {
    fileprivate init(_ keys: Config<NICHostKeys>, _ refuse: (String) -> APIError) throws(APIError) {
        let both = try keys[\.max]
        let (ingress, egress) = (try keys[\.ingress], try keys[\.egress])
        if both != nil, ingress != nil || egress != nil {
            throw refuse("the option limits.max stands for limits.ingress and limits.egress; give only one of them")
        }
        self.ingress = ingress ?? both
        self.egress = egress ?? both
        priority = try keys[\.priority].map { UInt32(clamping: $0) }
        queueLength = try keys[\.queueLength].map { UInt32(clamping: $0) }
    }
}

extension NICDevice.Bridged {
    fileprivate init(_ keys: Config<NICKeys>, _ refuse: (String) -> APIError) throws(APIError) {
        ipv4 = try keys[\.ipv4Address]
        ipv6 = try keys[\.ipv6Address]
        filtersIPv4 = try keys[\.ipv4Filtering] ?? false
        filtersIPv6 = try keys[\.ipv6Filtering] ?? false
        let filtersOwn = try keys[\.macFiltering] ?? false
        filtersMAC = filtersOwn || filtersIPv4 || filtersIPv6
        isIsolated = try keys[\.portIsolation] ?? false
        vlan = try keys[\.vlan]
        taggedVLANs = try keys[\.vlanTagged]?.elements ?? []
        if ipv4 == AddressOrNone.none, !filtersIPv4 {
            throw refuse("Cannot have ipv4.address as \"none\" unless using security.ipv4_filtering")
        }
        if ipv6 == AddressOrNone.none, !filtersIPv6 {
            throw refuse("Cannot have ipv6.address as \"none\" unless using security.ipv6_filtering")
        }
        if keys.values["network"]?.isEmpty != false {
            if filtersIPv4, ipv4 == nil {
                throw refuse(
                    "IPv4 filtering requires a manually specified ipv4.address when using an unmanaged parent bridge")
            }
            if filtersIPv6, ipv6 == nil {
                throw refuse(
                    "IPv6 filtering requires a manually specified ipv6.address when using an unmanaged parent bridge")
            }
        }
    }
}

extension NICDevice.Routed {
    fileprivate init(_ keys: Config<RoutedNICKeys>, _ refuse: (String) -> APIError) throws(APIError) {
        ipv4 = try keys[\.ipv4Address]?.elements ?? []
        ipv6 = try keys[\.ipv6Address]?.elements ?? []
        hasIPv4Gateway = try keys[\.ipv4Gateway] != GatewayMode.none
        hasIPv6Gateway = try keys[\.ipv6Gateway] != GatewayMode.none
        ipv4Host = try keys[\.ipv4HostAddress] ?? IPv4Address(0xa9fe_0001)
        guard let ipv6 = try keys[\.ipv6HostAddress] ?? IPv6Address(configText: "fe80::1") else {
            throw refuse("ipv6.host_address is no address")
        }
        ipv6Host = ipv6
        ipv4Table = try keys[\.ipv4HostTable].map { UInt32(clamping: $0) }
        ipv6Table = try keys[\.ipv6HostTable].map { UInt32(clamping: $0) }
        probesIPv4 = try keys[\.ipv4NeighborProbe] ?? true
        probesIPv6 = try keys[\.ipv6NeighborProbe] ?? true
    }
}
