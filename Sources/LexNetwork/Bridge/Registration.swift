package import LexAPI

/// What a managed bridge knows of one NIC.
package struct Registration: Sendable, Equatable {
    /// Whose it is.
    package var owner: NICOwner
    /// Its hardware address.
    package var hardwareAddress: MACAddress
    /// The name it resolves by.
    package var name: InstanceName?
    /// The address it is always given.
    package var ipv4: IPv4Address?
    /// The address it is always given, on a network with DHCPv6.
    package var ipv6: IPv6Address?

    package init(
        owner: NICOwner, hardwareAddress: MACAddress, name: InstanceName?, ipv4: IPv4Address?, ipv6: IPv6Address? = nil
    ) {
        self.owner = owner
        self.hardwareAddress = hardwareAddress
        self.name = name
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// The file in `hosts`, in the form of `dhcp-host`, with whose it is in a comment.
    ///
    /// `id:*` has dnsmasq know a guest by its hardware address alone: copies of one system send the same client
    /// identifier and would take each other's address. The name is always with its domain, since bare words such as
    /// `ignore` mean something to dnsmasq; it takes the domain off again.
    ///
    /// Without a domain there is no name: the network has none, or takes those of the guests.
    package func hostsFile(domain: String?) -> String {
        var line = "\(hardwareAddress),id:*"
        if let name, let domain { line += ",\(name).\(domain)" }
        if let ipv4 { line += ",\(ipv4)" }
        if let ipv6 { line += ",[\(ipv6)]" }
        return "# \(owner)\n\(line)\n"
    }

    /// The file in `names`, in the form of hosts(5), for a network on which dnsmasq gives no IPv4 address; nil where
    /// it finds the name out from the lease.
    package func namesFile(_ settings: BridgeSettings) -> String? {
        guard !settings.givesIPv4, !settings.givesIPv6, settings.dnsMode == .managed, let name,
            let subnet = settings.ipv6,
            let address = subnet.address(of: hardwareAddress)
        else { return nil }
        return "# \(owner)\n\(address) \(name).\(settings.domain) \(name)\n"
    }

    /// Reads a file in `hosts`; nil when it is not one of ours.
    package init?(hostsFile text: String) {
        let lines = text.split(separator: "\n").map(String.init)
        guard lines.count == 2, lines[0].hasPrefix("# "), let owner = NICOwner(String(lines[0].dropFirst(2))) else {
            return nil
        }
        let fields = lines[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 2, let address = MACAddress(configText: fields[0]), fields[1] == "id:*" else {
            return nil
        }
        self.init(owner: owner, hardwareAddress: address, name: nil, ipv4: nil)
        for field in fields.dropFirst(2) {
            if let ipv4 = IPv4Address(configText: field) {
                self.ipv4 = ipv4
            } else if field.hasPrefix("["), field.hasSuffix("]"),
                let ipv6 = IPv6Address(configText: String(field.dropFirst().dropLast()))
            {
                self.ipv6 = ipv6
            } else if let name = field.split(separator: ".").first.flatMap({ try? InstanceName(String($0)) }) {
                self.name = name
            } else {
                return nil
            }
        }
    }

    /// Throws a 409 when what it needs belongs to another NIC already, a 400 when its address does not fit the network.
    func check(against others: some Sequence<Registration>, _ settings: BridgeSettings) throws(APIError) {
        let beginning = "cannot attach \(owner) to network \"\(settings.name)\": "
        if let ipv4 {
            guard let subnet = settings.ipv4, settings.ipv4DHCP else {
                throw .badRequest(beginning + "ipv4.address needs a network that gives out IPv4 addresses")
            }
            guard subnet.contains(ipv4), ipv4 > subnet.network, ipv4 < subnet.broadcast, ipv4 != subnet.address else {
                throw .badRequest(beginning + "the address \(ipv4) is not one of a host in \(subnet)")
            }
        }
        if let ipv6 {
            guard let subnet = settings.ipv6, settings.givesIPv6 else {
                throw .badRequest(
                    beginning + "ipv6.address needs a network that gives out IPv6 addresses (ipv6.dhcp.stateful)")
            }
            guard subnet.contains(ipv6), ipv6 != subnet.firstAddress, ipv6 != subnet.address else {
                throw .badRequest(beginning + "the address \(ipv6) is not one of a host in \(subnet)")
            }
        }
        for other in others where other.owner != owner {
            if other.hardwareAddress == hardwareAddress {
                throw .conflict(beginning + "the hardware address \(hardwareAddress) is in use by \(other.owner)")
            }
            if let ipv4, other.ipv4 == ipv4 {
                throw .conflict(beginning + "the address \(ipv4) is in use by \(other.owner)")
            }
            if let ipv6, other.ipv6 == ipv6 {
                throw .conflict(beginning + "the address \(ipv6) is in use by \(other.owner)")
            }
            if let name, !other.owner.isSameInstance(as: owner), other.name?.text.lowercased() == name.text.lowercased()
            {
                throw .conflict(
                    beginning + "the DNS name \"\(name)\" is in use by \(other.owner); names are unique on a network")
            }
        }
    }
}
