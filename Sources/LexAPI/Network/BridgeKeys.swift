/// The configuration keys of a managed bridge.
public struct BridgeKeys: ConfigKeySet {
    /// The bridge itself.
    public let bridge = BridgeLinkKeys()
    /// IPv4.
    public let ipv4 = BridgeIPv4Keys()
    /// IPv6.
    public let ipv6 = BridgeIPv6Keys()
    /// Names.
    public let dns = BridgeDNSKeys()
    /// Filtering.
    public let security = BridgeSecurityKeys()
    /// What lexd knows of LXD's keys but cannot do.
    public let refused = BridgeRefusedKeys()
    /// Tunnels to other hosts.
    public let tunnels = ConfigKeyFamily(
        "tunnel.", effect: .live, "Tunnels to other hosts, tunnel.NAME.protocol and so on.",
        members: [
            .init("NAME.protocol", "How the tunnel is made: vxlan, or gre where the kernel has it."),
            .init("NAME.local", "The address of this end; for a vxlan with a remote it may be missing."),
            .init("NAME.remote", "The address of the other end; a vxlan without one goes to a multicast group."),
            .init("NAME.group", default: "239.0.0.1", "The multicast address of a vxlan without ends."),
            .init("NAME.interface", "The interface of the host that a multicast vxlan goes out by."),
            .init("NAME.id", default: "0", "The number of a vxlan."),
            .init("NAME.port", default: "0", "The port of a vxlan; 0 is the kernel's own."),
            .init("NAME.ttl", default: "1", "How many hops the packets of a multicast vxlan go."),
        ],
        accepts: { TunnelKey($0) != nil })
    /// Lines for dnsmasq.
    public let rawDnsmasq = ConfigKey<ConfigText>(
        "raw.dnsmasq", effect: .live,
        "Further lines for dnsmasq's configuration, of the options that neither run programs nor touch files.",
        check: { RawDnsmasq.fault(in: $0.text) })
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}

/// The keys of the bridge as a link.
public struct BridgeLinkKeys: ConfigKeySet {
    /// The kind of bridge.
    public let driver = ConfigKey<ConfigLine>(
        "bridge.driver", default: "native", effect: .live, "The kind of bridge: native.",
        check: {
            switch $0.text {
            case "native": nil
            case "openvswitch": "native: lexd makes bridges of the kernel's own kind, and none of Open vSwitch"
            default: "native"
            }
        })
    /// The mode of operation.
    public let mode = ConfigKey<ConfigLine>(
        "bridge.mode", default: "standard", effect: .live, "The mode of operation: standard.",
        check: {
            switch $0.text {
            case "standard": nil
            case "fan": "standard: the fan is a patch of some distributions that Linux itself does not have"
            default: "standard"
            }
        })
    /// The largest packet.
    public let mtu = ConfigKey<Int64>(
        "bridge.mtu", effect: .live,
        "The largest packet on the bridge, in bytes; 1500 unless set, 1400 with tunnels. NICs take it at their start.",
        check: { $0 >= 1280 && $0 <= 65535 ? nil : "from 1280 to 65535" })
    /// The hardware address.
    public let hwaddr = ConfigKey<MACAddress>("bridge.hwaddr", effect: .live, "The bridge's hardware address.")
    /// Interfaces of the host in the bridge.
    public let externalInterfaces = ConfigKey<ConfigList<InterfaceName>>(
        "bridge.external_interfaces", effect: .live,
        "Interfaces of the host, without addresses of their own, that are put into the bridge.")
    /// The hardware address lexd chose.
    public let volatileHwaddr = ConfigKey<MACAddress>(
        "volatile.bridge.hwaddr", effect: .live, "The bridge's hardware address, chosen by lexd.")
    /// All of them.
    public init() {}
}

/// The keys of IPv4 on a bridge.
public struct BridgeIPv4Keys: ConfigKeySet {
    /// The address.
    public let address = ConfigKey<SubnetSetting<IPv4Subnet>>(
        "ipv4.address", effect: .live, "The bridge's IPv4 address and prefix, none, or auto.",
        check: { setting in
            guard let subnet = setting.subnet else { return nil }
            guard subnet.address.canBeOfHost else {
                return "the address of a host, which no loopback, multicast or unspecified address is"
            }
            return (8...30).contains(subnet.prefix) && subnet.address != subnet.network
                && subnet.address != subnet.broadcast
                ? nil : "the address of a host in a subnet with a prefix of 8 to 30"
        })
    /// To the outside.
    public let nat = ConfigKey<Bool>(
        "ipv4.nat", default: "false", effect: .live,
        "Whether IPv4 packets to the outside carry the host's address; true when the address is chosen by lexd.")
    /// The address outside.
    public let natAddress = ConfigKey<IPv4Address>(
        "ipv4.nat.address", effect: .live,
        "The address that IPv4 packets to the outside carry, instead of that of the interface they leave by.")
    /// When translated.
    public let natOrder = ConfigKey<NATOrder>(
        "ipv4.nat.order", default: "before", effect: .live,
        "Whether the address is translated before or after the rules of others at the usual priority (srcnat).")
    /// DHCP.
    public let dhcp = ConfigKey<Bool>(
        "ipv4.dhcp", default: "true", effect: .live, "Whether IPv4 addresses are given out by DHCP.")
    /// How long an address is given.
    public let dhcpExpiry = ConfigKey<LeaseTime>(
        "ipv4.dhcp.expiry", default: "1h", effect: .live, "For how long IPv4 addresses are given out.")
    /// The gateway that is told.
    public let dhcpGateway = ConfigKey<IPv4Address>(
        "ipv4.dhcp.gateway", effect: .live, "The gateway that guests are told, instead of the bridge.")
    /// What is given out.
    public let dhcpRanges = ConfigKey<ConfigList<AddressRange>>(
        "ipv4.dhcp.ranges", effect: .live, "The IPv4 addresses to give out, FIRST-LAST with commas; all unless set.",
        check: { $0.elements.allSatisfy { !$0.isIPv6 } ? nil : "ranges of IPv4 addresses such as 10.0.3.10-10.0.3.20" })
    /// Filtering.
    public let firewall = ConfigKey<Bool>(
        "ipv4.firewall", default: "true", effect: .live, "Whether lexd makes rules that filter IPv4 packets.")
    /// Routing.
    public let routing = ConfigKey<Bool>(
        "ipv4.routing", default: "true", effect: .live,
        "Whether IPv4 packets are passed between the bridge and elsewhere.")
    /// Further subnets behind the bridge.
    public let routes = ConfigKey<ConfigList<IPv4Subnet>>(
        "ipv4.routes", effect: .live, "Further IPv4 subnets that are routed to the bridge.",
        check: { $0.elements.allSatisfy { $0.address == $0.network } ? nil : "subnets such as 10.9.0.0/24" })
    /// All of them.
    public init() {}
}

/// The keys of IPv6 on a bridge.
public struct BridgeIPv6Keys: ConfigKeySet {
    /// The address.
    public let address = ConfigKey<SubnetSetting<IPv6Subnet>>(
        "ipv6.address", effect: .live, "The bridge's IPv6 address and prefix, none, or auto for a ULA.",
        check: { setting in
            guard let subnet = setting.subnet else { return nil }
            guard subnet.address.canBeOfHost else {
                return "the address of a host, which no loopback, multicast or unspecified address is"
            }
            return (16...126).contains(subnet.prefix) && subnet.address != subnet.firstAddress
                ? nil : "the address of a host in a subnet with a prefix of 16 to 126"
        })
    /// To the outside.
    public let nat = ConfigKey<Bool>(
        "ipv6.nat", default: "false", effect: .live,
        "Whether IPv6 packets to the outside carry the host's address; true when the address is chosen by lexd.")
    /// The address outside.
    public let natAddress = ConfigKey<IPv6Address>(
        "ipv6.nat.address", effect: .live,
        "The address that IPv6 packets to the outside carry, instead of that of the interface they leave by.")
    /// When translated.
    public let natOrder = ConfigKey<NATOrder>(
        "ipv6.nat.order", default: "before", effect: .live,
        "Whether the address is translated before or after the rules of others at the usual priority (srcnat).")
    /// DHCP.
    public let dhcp = ConfigKey<Bool>(
        "ipv6.dhcp", default: "true", effect: .live, "Whether further settings are given out by DHCPv6.")
    /// Addresses by DHCP.
    public let dhcpStateful = ConfigKey<Bool>(
        "ipv6.dhcp.stateful", default: "false", effect: .live,
        "Whether IPv6 addresses are given out by DHCPv6; guests make their own otherwise (SLAAC).")
    /// How long an address is given.
    public let dhcpExpiry = ConfigKey<LeaseTime>(
        "ipv6.dhcp.expiry", default: "1h", effect: .live, "For how long IPv6 addresses are given out.")
    /// What is given out.
    public let dhcpRanges = ConfigKey<ConfigList<AddressRange>>(
        "ipv6.dhcp.ranges", effect: .live,
        "The IPv6 addresses to give out with ipv6.dhcp.stateful, FIRST-LAST with commas; all unless set.",
        check: { $0.elements.allSatisfy(\.isIPv6) ? nil : "ranges of IPv6 addresses such as fd42::10-fd42::20" })
    /// Filtering.
    public let firewall = ConfigKey<Bool>(
        "ipv6.firewall", default: "true", effect: .live, "Whether lexd makes rules that filter IPv6 packets.")
    /// Routing.
    public let routing = ConfigKey<Bool>(
        "ipv6.routing", default: "true", effect: .live,
        "Whether IPv6 packets are passed between the bridge and elsewhere.")
    /// Further subnets behind the bridge.
    public let routes = ConfigKey<ConfigList<IPv6Subnet>>(
        "ipv6.routes", effect: .live, "Further IPv6 subnets that are routed to the bridge.",
        check: { $0.elements.allSatisfy { $0.address == $0.firstAddress } ? nil : "subnets such as fd42:9::/64" })
    /// All of them.
    public init() {}
}

/// The keys of names on a bridge.
public struct BridgeDNSKeys: ConfigKeySet {
    /// The domain.
    public let domain = ConfigKey<DNSDomain>(
        "dns.domain", default: "lexd", effect: .live, "The domain the instances' names resolve in.")
    /// Who says the names.
    public let mode = ConfigKey<DNSMode>(
        "dns.mode", default: "managed", effect: .live,
        "Whether names are those of the instances (managed), what guests call themselves (dynamic), or none.")
    /// Where guests look.
    public let search = ConfigKey<ConfigList<DNSDomain>>(
        "dns.search", effect: .live, "The domains that guests are told to look for names in; dns.domain unless set.")
    /// All of them.
    public init() {}
}

/// The keys of filtering on a bridge.
public struct BridgeSecurityKeys: ConfigKeySet {
    /// The lists.
    public let acls = ConfigKey<ConfigList<NetworkACLName>>(
        "security.acls", effect: .live, "The network ACLs whose rules decide what passes between bridge and host.")
    /// What becomes of the rest.
    public let ingressAction = ConfigKey<NetworkACL.Action>(
        "security.acls.default.ingress.action", default: "reject", effect: .live,
        "What is done with packets to the instances that no rule of security.acls decides on.")
    /// What becomes of the rest.
    public let egressAction = ConfigKey<NetworkACL.Action>(
        "security.acls.default.egress.action", default: "reject", effect: .live,
        "What is done with packets from the instances that no rule of security.acls decides on.")
    /// Whether it is logged.
    public let ingressLogged = ConfigKey<Bool>(
        "security.acls.default.ingress.logged", default: "false", effect: .live,
        "Whether packets to the instances that no rule decides on are logged by the kernel.")
    /// Whether it is logged.
    public let egressLogged = ConfigKey<Bool>(
        "security.acls.default.egress.logged", default: "false", effect: .live,
        "Whether packets from the instances that no rule decides on are logged by the kernel.")
    /// All of them.
    public init() {}
}

/// Keys of LXD 5.0 that are known here so that the refusal can say why.
public struct BridgeRefusedKeys: ConfigKeySet {
    /// BGP.
    public let bgp = ConfigKeyFamily(
        "bgp.", effect: .live, "Refused: lexd does not speak BGP.",
        members: [
            .init("peers.NAME.address", "Refused: lexd does not speak BGP."),
            .init("peers.NAME.asn", "Refused: lexd does not speak BGP."),
            .init("peers.NAME.holdtime", "Refused: lexd does not speak BGP."),
            .init("peers.NAME.password", "Refused: lexd does not speak BGP."),
            .init("ipv4.nexthop", "Refused: lexd does not speak BGP."),
            .init("ipv6.nexthop", "Refused: lexd does not speak BGP."),
        ],
        check: { _ in "left out: lexd does not speak BGP" })
    /// DNS zones.
    public let zones = ConfigKeyFamily(
        "dns.zone.", effect: .live, "Refused: lexd has no network zones.",
        only: ["forward", "reverse.ipv4", "reverse.ipv6"].map { .init($0, "Refused: lexd has no network zones.") },
        check: { _ in "left out: there are no network zones in this version of lexd" })
    /// The fan.
    public let fan = ConfigKeyFamily(
        "fan.", effect: .live, "Refused: Linux has no fan.",
        only: ["overlay_subnet", "underlay_subnet", "type"].map { .init($0, "Refused: Linux has no fan.") },
        check: { _ in "left out: the fan is a patch of some distributions that Linux itself does not have" })
    /// Canonical's MAAS.
    public let maas = ConfigKeyFamily(
        "maas.subnet.", effect: .live, "Refused: lexd does not talk to MAAS.",
        only: ["ipv4", "ipv6"].map { .init($0, "Refused: lexd does not talk to MAAS.") },
        check: { _ in "left out: lexd does not talk to MAAS" })
    /// Addresses for OVN networks.
    public let ovn4 = ConfigKey<ConfigLine>(
        "ipv4.ovn.ranges", effect: .live, "Refused: lexd has no OVN networks.", check: noOVN)
    /// Addresses for OVN networks.
    public let ovn6 = ConfigKey<ConfigLine>(
        "ipv6.ovn.ranges", effect: .live, "Refused: lexd has no OVN networks.", check: noOVN)
    /// All of them.
    public init() {}

    private static let noOVN: @Sendable (ConfigLine) -> String? = { _ in
        "left out: this version of lexd has no OVN networks, which the addresses would be for"
    }
}
