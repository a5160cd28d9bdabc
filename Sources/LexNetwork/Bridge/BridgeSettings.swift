package import LexAPI

/// The configuration of a bridge with every value decided.
package struct BridgeSettings: Sendable, Equatable {
    /// The name of the network and of its bridge.
    package var name: String
    /// The bridge's hardware address.
    package var hardwareAddress: MACAddress
    /// The largest packet in bytes.
    package var mtu: UInt32
    /// Its IPv4 address; nil for none.
    package var ipv4: IPv4Subnet?
    /// Whether IPv4 to the outside carries the host's address.
    package var ipv4NAT: Bool
    /// Whether IPv4 addresses are given out.
    package var ipv4DHCP: Bool
    /// Its IPv6 address; nil for none.
    package var ipv6: IPv6Subnet?
    /// Whether IPv6 to the outside carries the host's address.
    package var ipv6NAT: Bool
    /// Whether further IPv6 settings are given out by stateless DHCPv6.
    package var ipv6DHCP: Bool
    /// The domain its names resolve in.
    package var domain: String

    /// Reads a configuration that ``BridgeDriver/completed(_:name:taken:hardwareAddresses:)`` has completed.
    package init(name: String, config: Config<BridgeKeys>) throws(APIError) {
        try ObjectName.validateInterface(name)
        self.name = name
        let ipv4 = try config[\.ipv4Address]
        let ipv6 = try config[\.ipv6Address]
        guard let hardwareAddress = try config[\.volatileHwaddr], ipv4 != .auto, ipv6 != .auto else {
            throw .failed("cannot use the configuration of network \"\(name)\": its addresses have not been chosen yet")
        }
        self.hardwareAddress = hardwareAddress
        mtu = UInt32(clamping: try config[\.mtu] ?? 1500)
        self.ipv4 = ipv4?.subnet
        ipv4NAT = try config[\.ipv4NAT] ?? false
        ipv4DHCP = try config[\.ipv4DHCP] ?? true
        self.ipv6 = ipv6?.subnet
        ipv6NAT = try config[\.ipv6NAT] ?? false
        ipv6DHCP = try config[\.ipv6DHCP] ?? true
        domain = try config[\.dnsDomain]?.text ?? "lexd"
    }

    /// Whether dnsmasq knows the NICs by their IPv4 leases.
    var givesIPv4: Bool { ipv4 != nil && ipv4DHCP }
}
