/// The options of a device of type `nic` with `nictype` `bridged`, or with a managed `network`.
public struct NICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// In which order.
    public let boot = NICBootKeys()
    /// What the end on the host can have.
    public let host = NICHostKeys()
    /// What is behind it.
    public let routes = NICRouteKeys()
    /// What goes elsewhere.
    public let outside = NICOutsideKeys()
    /// The managed network.
    public let network = ConfigKey<ConfigLine>("network", effect: .onRestart, "The managed network it belongs to.")
    /// The bridge on the host.
    public let parent = ConfigKey<InterfaceName>("parent", effect: .onRestart, "The bridge on the host it is put into.")
    /// A fixed address.
    public let ipv4Address = ConfigKey<AddressOrNone<IPv4Address>>(
        "ipv4.address", effect: .live,
        "The IPv4 address it is always given on its managed network; none, with security.ipv4_filtering, for no "
            + "IPv4 at all.")
    /// A fixed address.
    public let ipv6Address = ConfigKey<AddressOrNone<IPv6Address>>(
        "ipv6.address", effect: .live,
        "The IPv6 address it is always given on its managed network, which has ipv6.dhcp.stateful; none, with "
            + "security.ipv6_filtering, for no IPv6 at all.")
    /// Further networks behind it.
    public let ipv4RoutesExternal = ConfigKey<ConfigList<IPv4Subnet>>(
        "ipv4.routes.external", effect: .live,
        "Networks behind it, with commas between, to which the host makes routes, and which the outside knows.",
        check: NICRouteKeys.check4)
    /// Further networks behind it.
    public let ipv6RoutesExternal = ConfigKey<ConfigList<IPv6Subnet>>(
        "ipv6.routes.external", effect: .live,
        "Networks behind it, with commas between, to which the host makes routes, and which the outside knows.",
        check: NICRouteKeys.check6)
    /// Hardware addresses.
    public let macFiltering = ConfigKey<Bool>(
        "security.mac_filtering", default: "false", effect: .live,
        "Whether it can send only from its own hardware address.")
    /// IPv4.
    public let ipv4Filtering = ConfigKey<Bool>(
        "security.ipv4_filtering", default: "false", effect: .live,
        "Whether it can send only from its own IPv4 addresses and those behind it; includes security.mac_filtering.")
    /// IPv6.
    public let ipv6Filtering = ConfigKey<Bool>(
        "security.ipv6_filtering", default: "false", effect: .live,
        "Whether it can send only from its own IPv6 addresses and those behind it; includes security.mac_filtering.")
    /// Neighbours.
    public let portIsolation = ConfigKey<Bool>(
        "security.port_isolation", default: "false", effect: .live,
        "Whether it reaches no other interface of the bridge that is isolated, too.")
    /// Its VLAN.
    public let vlan = ConfigKey<VLANOrNone>(
        "vlan", effect: .onRestart, "The VLAN of its untagged packets; none for no VLAN at all.")
    /// More VLANs.
    public let vlanTagged = ConfigKey<ConfigList<VLANRange>>(
        "vlan.tagged", effect: .onRestart, "The VLANs it takes part in by tagged packets, with commas between.")
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `p2p`.
public struct PointToPointNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// In which order.
    public let boot = NICBootKeys()
    /// What the end on the host can have.
    public let host = NICHostKeys()
    /// What is behind it.
    public let routes = NICRouteKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `macvlan`.
public struct MacvlanNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// In which order.
    public let boot = NICBootKeys()
    /// What it is made on.
    public let upper = NICParentKeys()
    /// What goes elsewhere.
    public let outside = NICOutsideKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `physical`.
public struct PhysicalNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// In which order.
    public let boot = NICBootKeys()
    /// What it is.
    public let upper = NICParentKeys()
    /// What goes elsewhere.
    public let outside = NICOutsideKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `sriov`.
public struct SRIOVNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// In which order.
    public let boot = NICBootKeys()
    /// What it is made on.
    public let upper = NICParentKeys()
    /// What goes elsewhere.
    public let outside = NICOutsideKeys()
    /// Hardware addresses.
    public let macFiltering = ConfigKey<Bool>(
        "security.mac_filtering", default: "false", effect: .onRestart,
        "Whether it can send only from its own hardware address.")
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `routed`.
public struct RoutedNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// What the end on the host can have.
    public let host = NICHostKeys()
    /// What is behind it.
    public let routes = NICRouteKeys()
    /// Whose neighbour it is.
    public let upper = NICParentKeys()
    /// Its addresses.
    public let ipv4Address = ConfigKey<ConfigList<IPv4Address>>(
        "ipv4.address", effect: .onRestart, "Its IPv4 addresses, with commas between.", check: { distinct($0.elements) }
    )
    /// Its addresses.
    public let ipv6Address = ConfigKey<ConfigList<IPv6Address>>(
        "ipv6.address", effect: .onRestart, "Its IPv6 addresses, with commas between.", check: { distinct($0.elements) }
    )
    /// Its way out.
    public let ipv4Gateway = ConfigKey<GatewayMode>(
        "ipv4.gateway", default: "auto", effect: .onRestart,
        "Whether the host is its way out for IPv4 (auto), or there is none (none).")
    /// Its way out.
    public let ipv6Gateway = ConfigKey<GatewayMode>(
        "ipv6.gateway", default: "auto", effect: .onRestart,
        "Whether the host is its way out for IPv6 (auto), or there is none (none).")
    /// The host's address.
    public let ipv4HostAddress = ConfigKey<IPv4Address>(
        "ipv4.host_address", default: "169.254.0.1", effect: .onRestart, "The IPv4 address of its end on the host.")
    /// The host's address.
    public let ipv6HostAddress = ConfigKey<IPv6Address>(
        "ipv6.host_address", default: "fe80::1", effect: .onRestart, "The IPv6 address of its end on the host.")
    /// Another table.
    public let ipv4HostTable = ConfigKey<Int64>(
        "ipv4.host_table", effect: .onRestart, "A table of the host's that its IPv4 routes are put into, too.",
        check: NICCommonKeys.table)
    /// Another table.
    public let ipv6HostTable = ConfigKey<Int64>(
        "ipv6.host_table", effect: .onRestart, "A table of the host's that its IPv6 routes are put into, too.",
        check: NICCommonKeys.table)
    /// Whether others have its addresses.
    public let ipv4NeighborProbe = ConfigKey<Bool>(
        "ipv4.neighbor_probe", default: "true", effect: .onRestart,
        "Whether it is looked before a start if somebody on the parent's network has one of its IPv4 addresses.")
    /// Whether others have its addresses.
    public let ipv6NeighborProbe = ConfigKey<Bool>(
        "ipv6.neighbor_probe", default: "true", effect: .onRestart,
        "Whether it is looked before a start if somebody on the parent's network has one of its IPv6 addresses.")
    /// All of them.
    public init() {}

    private static func distinct<Address: Hashable>(_ addresses: [Address]) -> String? {
        Set(addresses).count == addresses.count ? nil : "a list in which none is twice"
    }
}

/// The options of a device of type `nic` with `nictype` `ipvlan`.
public struct IPVLANNICKeys: ConfigKeySet {
    /// What all have.
    public let common = NICCommonKeys()
    /// What it is made on.
    public let upper = NICParentKeys()
    /// How.
    public let mode = ConfigKey<ConfigLine>(
        "mode", default: "l3s", effect: .onRestart, "The mode of ipvlan: l2 or l3s.",
        check: { ["l2", "l3s"].contains($0.text) ? nil : "l2 or l3s" })
    /// Its addresses.
    public let ipv4Address = ConfigKey<ConfigList<AddressOfInterface>>(
        "ipv4.address", effect: .onRestart, "Its IPv4 addresses, with commas between; with a prefix in mode l2.",
        check: { $0.elements.allSatisfy { !$0.address.isIPv6 } ? nil : "a list of IPv4 addresses" })
    /// Its addresses.
    public let ipv6Address = ConfigKey<ConfigList<AddressOfInterface>>(
        "ipv6.address", effect: .onRestart, "Its IPv6 addresses, with commas between; with a prefix in mode l2.",
        check: { $0.elements.allSatisfy { $0.address.isIPv6 } ? nil : "a list of IPv6 addresses" })
    /// Its way out.
    public let ipv4Gateway = ConfigKey<ConfigLine>(
        "ipv4.gateway", effect: .onRestart, "Its way out for IPv4: auto or none in mode l3s, an address in mode l2.",
        check: { line in
            ["auto", "none"].contains(line.text) || IPv4Address(configText: line.text) != nil
                ? nil : "auto, none, or an IPv4 address"
        })
    /// Its way out.
    public let ipv6Gateway = ConfigKey<ConfigLine>(
        "ipv6.gateway", effect: .onRestart, "Its way out for IPv6: auto or none in mode l3s, an address in mode l2.",
        check: { line in
            ["auto", "none"].contains(line.text) || IPv6Address(configText: line.text) != nil
                ? nil : "auto, none, or an IPv6 address"
        })
    /// Another table.
    public let ipv4HostTable = ConfigKey<Int64>(
        "ipv4.host_table", effect: .onRestart, "A table of the host's that its IPv4 routes are put into, too.",
        check: NICCommonKeys.table)
    /// Another table.
    public let ipv6HostTable = ConfigKey<Int64>(
        "ipv6.host_table", effect: .onRestart, "A table of the host's that its IPv6 routes are put into, too.",
        check: NICCommonKeys.table)
    /// All of them.
    public init() {}
}
