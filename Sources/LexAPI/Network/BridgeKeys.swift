/// The configuration keys of a managed bridge.
public struct BridgeKeys: ConfigKeySet {
    /// Its IPv4 address.
    public let ipv4Address = ConfigKey<SubnetSetting<IPv4Subnet>>(
        "ipv4.address", effect: .live, "The bridge's IPv4 address and prefix, none, or auto.",
        check: { setting in
            guard let subnet = setting.subnet else { return nil }
            return (8...30).contains(subnet.prefix) && subnet.address != subnet.network
                && subnet.address != subnet.broadcast
                ? nil : "the address of a host in a subnet with a prefix of 8 to 30"
        })
    /// IPv4 to the outside.
    public let ipv4NAT = ConfigKey<Bool>(
        "ipv4.nat", default: "false", effect: .live,
        "Whether IPv4 packets to the outside carry the host's address; true when the address is chosen by lexd.")
    /// DHCP.
    public let ipv4DHCP = ConfigKey<Bool>(
        "ipv4.dhcp", default: "true", effect: .live, "Whether IPv4 addresses are given out by DHCP.")
    /// Its IPv6 address.
    public let ipv6Address = ConfigKey<SubnetSetting<IPv6Subnet>>(
        "ipv6.address", effect: .live, "The bridge's IPv6 address and prefix, none, or auto for a ULA.",
        check: { setting in
            guard let subnet = setting.subnet else { return nil }
            return subnet.prefix == 64 ? nil : "in a subnet with a prefix of 64, since addresses are taken by SLAAC"
        })
    /// IPv6 to the outside.
    public let ipv6NAT = ConfigKey<Bool>(
        "ipv6.nat", default: "false", effect: .live,
        "Whether IPv6 packets to the outside carry the host's address; true when the address is chosen by lexd.")
    /// Router advertisements and DHCPv6.
    public let ipv6DHCP = ConfigKey<Bool>(
        "ipv6.dhcp", default: "true", effect: .live, "Whether further settings are given out by stateless DHCPv6.")
    /// The DNS domain.
    public let dnsDomain = ConfigKey<ConfigLine>(
        "dns.domain", default: "lexd", effect: .live, "The domain the instances' names resolve in.",
        check: { line in
            let labels = line.text.split(separator: ".", omittingEmptySubsequences: false)
            return labels.allSatisfy { (try? InstanceName(String($0))) != nil } && line.text.utf8.count <= 253
                ? nil : "a DNS domain such as lexd or web.example"
        })
    /// The largest packet.
    public let mtu = ConfigKey<Int64>(
        "bridge.mtu", default: "1500", effect: .live, "The largest packet on the bridge, in bytes.",
        check: { $0 >= 1280 && $0 <= 65535 ? nil : "from 1280 to 65535" })
    /// The hardware address lexd chose.
    public let volatileHwaddr = ConfigKey<MACAddress>(
        "volatile.bridge.hwaddr", effect: .live, "The bridge's hardware address, chosen by lexd.")
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}
