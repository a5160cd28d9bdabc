package import LexAPI

/// The configuration of a bridge with every value decided.
package struct BridgeSettings: Sendable, Equatable {
    /// The name of the network and of its bridge.
    package var name: String
    /// The bridge's hardware address.
    package var hardwareAddress: MACAddress
    /// The largest packet in bytes.
    package var mtu: UInt32
    /// Interfaces of the host that are put into it.
    package var externalInterfaces: [InterfaceName]
    /// Tunnels to other hosts that are put into it.
    package var tunnels: [TunnelSettings]
    /// Its IPv4 address; nil for none.
    package var ipv4: IPv4Subnet?
    /// Whether IPv4 addresses are given out.
    package var ipv4DHCP: Bool
    /// The IPv4 addresses that are given out; empty for all.
    package var ipv4Ranges: [AddressRange]
    /// For how long.
    package var ipv4Expiry: LeaseTime?
    /// The gateway that guests are told; nil for the bridge.
    package var ipv4Gateway: IPv4Address?
    /// Further subnets behind the bridge.
    package var ipv4Routes: [IPv4Subnet]
    /// What is done with IPv4 packets.
    package var ipv4Passage: Passage
    /// Its IPv6 address; nil for none.
    package var ipv6: IPv6Subnet?
    /// Whether further IPv6 settings are given out.
    package var ipv6DHCP: Bool
    /// Whether IPv6 addresses are given out; otherwise guests make their own.
    package var ipv6Stateful: Bool
    /// The IPv6 addresses that are given out; empty for all.
    package var ipv6Ranges: [AddressRange]
    /// For how long.
    package var ipv6Expiry: LeaseTime?
    /// Further subnets behind the bridge.
    package var ipv6Routes: [IPv6Subnet]
    /// What is done with IPv6 packets.
    package var ipv6Passage: Passage
    /// Who says the names.
    package var dnsMode: DNSMode
    /// The domain its names resolve in.
    package var domain: String
    /// The domains that guests look for names in; empty for `domain`.
    package var searchDomains: [String]
    /// Further lines for dnsmasq; empty for none.
    package var rawDnsmasq: String
    /// What is passed on to instances from addresses of the outside.
    package var forwards: [PacketForward] = []
    /// What may pass between bridge and host; nil for everything.
    package var filter: PacketFilter?

    /// What is done with the packets of one family.
    package struct Passage: Sendable, Equatable {
        /// Whether packets to the outside carry an address of the host.
        package var nat: Bool
        /// Which one; nil for that of the interface they leave by.
        package var natAddress: IPAddress?
        /// Whether others at the usual priority come before.
        package var natOrder: NATOrder
        /// Whether there are rules that filter.
        package var firewall: Bool
        /// Whether packets pass between the bridge and elsewhere.
        package var routing: Bool

        /// Whether packets pass, and others are asked to let them.
        var isOpen: Bool { firewall && routing }

        package init(
            nat: Bool = false, natAddress: IPAddress? = nil, natOrder: NATOrder = .before, firewall: Bool = true,
            routing: Bool = true
        ) {
            self.nat = nat
            self.natAddress = natAddress
            self.natOrder = natOrder
            self.firewall = firewall
            self.routing = routing
        }
    }

    /// Reads a configuration that ``BridgeDriver/completed(_:name:taken:hardwareAddresses:isNew:)`` has completed.
    ///
    /// Throws a 400 where values do not fit each other. What is configured elsewhere, forwards and ACLs, is set after.
    package init(name: String, config: Config<BridgeKeys>) throws(APIError) {
        try ObjectName.validateInterface(name)
        self.name = name
        let ipv4 = try config[\.ipv4.address]
        let ipv6 = try config[\.ipv6.address]
        let chosen = try config[\.bridge.volatileHwaddr]
        guard let hardwareAddress = try config[\.bridge.hwaddr] ?? chosen, ipv4 != .auto, ipv6 != .auto else {
            throw .failed("cannot use the configuration of network \"\(name)\": its addresses have not been chosen yet")
        }
        self.hardwareAddress = hardwareAddress
        externalInterfaces = try config[\.bridge.externalInterfaces]?.elements ?? []
        tunnels = try TunnelSettings.all(in: config)
        mtu = UInt32(clamping: try config[\.bridge.mtu] ?? (tunnels.isEmpty ? 1500 : 1400))
        self.ipv4 = ipv4?.subnet
        ipv4DHCP = try config[\.ipv4.dhcp] ?? true
        ipv4Ranges = try config[\.ipv4.dhcpRanges]?.elements ?? []
        ipv4Expiry = try config[\.ipv4.dhcpExpiry]
        ipv4Gateway = try config[\.ipv4.dhcpGateway]
        ipv4Routes = try config[\.ipv4.routes]?.elements ?? []
        ipv4Passage = Passage(
            nat: try config[\.ipv4.nat] ?? false, natAddress: try config[\.ipv4.natAddress].map { .v4($0) },
            natOrder: try config[\.ipv4.natOrder] ?? .before, firewall: try config[\.ipv4.firewall] ?? true,
            routing: try config[\.ipv4.routing] ?? true)
        self.ipv6 = ipv6?.subnet
        ipv6DHCP = try config[\.ipv6.dhcp] ?? true
        ipv6Stateful = try config[\.ipv6.dhcpStateful] ?? false
        ipv6Ranges = try config[\.ipv6.dhcpRanges]?.elements ?? []
        ipv6Expiry = try config[\.ipv6.dhcpExpiry]
        ipv6Routes = try config[\.ipv6.routes]?.elements ?? []
        ipv6Passage = Passage(
            nat: try config[\.ipv6.nat] ?? false, natAddress: try config[\.ipv6.natAddress].map { .v6($0) },
            natOrder: try config[\.ipv6.natOrder] ?? .before, firewall: try config[\.ipv6.firewall] ?? true,
            routing: try config[\.ipv6.routing] ?? true)
        dnsMode = try config[\.dns.mode] ?? .managed
        domain = try config[\.dns.domain]?.text ?? "lexd"
        searchDomains = try config[\.dns.search]?.elements.map(\.text) ?? []
        rawDnsmasq = try config[\.rawDnsmasq]?.text ?? ""
        try check()
    }

    /// Whether dnsmasq knows the NICs by their IPv4 leases.
    var givesIPv4: Bool { ipv4 != nil && ipv4DHCP }
    /// Whether dnsmasq gives out IPv6 addresses.
    var givesIPv6: Bool { ipv6 != nil && ipv6DHCP && ipv6Stateful }

    /// The addresses that are behind the bridge: its subnets and what is routed to it.
    package var subnets: [AddressRange] {
        let ipv4 = ([ipv4].compactMap(\.self) + ipv4Routes).map { AddressRange($0) }
        let ipv6 = ([ipv6].compactMap(\.self) + ipv6Routes).map { AddressRange($0) }
        return ipv4 + ipv6
    }

    private func check() throws(APIError) {
        func refuse(_ key: String, _ why: String) -> APIError { .badRequest("Invalid value for \"\(key)\": \(why)") }
        if let ipv4 {
            let hosts = AddressRange(
                .v4(IPv4Address(ipv4.network.value + 1)), .v4(IPv4Address(ipv4.broadcast.value - 1)))
            for range in ipv4Ranges where hosts?.contains(range) != true {
                throw refuse("ipv4.dhcp.ranges", "\(range) is not a range of addresses of hosts in \(ipv4)")
            }
            if let gateway = ipv4Gateway, hosts?.contains(.v4(gateway)) != true {
                throw refuse("ipv4.dhcp.gateway", "\(gateway) is not the address of a host in \(ipv4)")
            }
        }
        if let ipv6 {
            if ipv6Stateful, ipv6DHCP {
                guard ipv6.prefix >= 64 else {
                    throw refuse("ipv6.address", "DHCPv6 gives out addresses of subnets with a prefix of 64 or more")
                }
                for range in ipv6Ranges where !AddressRange(ipv6).contains(range) {
                    throw refuse("ipv6.dhcp.ranges", "\(range) is not a range of addresses in \(ipv6)")
                }
            } else if ipv6.prefix != 64 {
                throw refuse(
                    "ipv6.address",
                    "\"\(ipv6)\" must be in a subnet with a prefix of 64, since guests make their own addresses (SLAAC); "
                        + "other prefixes need ipv6.dhcp.stateful")
            }
        }
        if ipv4 == nil, !ipv4Routes.isEmpty {
            throw refuse("ipv4.routes", "a bridge without ipv4.address has no routes: unset the one or set the other")
        }
        if ipv6 == nil, !ipv6Routes.isEmpty {
            throw refuse("ipv6.routes", "a bridge without ipv6.address has no routes: unset the one or set the other")
        }
        if externalInterfaces.contains(where: { $0.text == name }) {
            throw refuse("bridge.external_interfaces", "the bridge cannot be in itself")
        }
    }
}
