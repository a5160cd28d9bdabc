package import LexAPI

/// dnsmasq's file of leases.
package enum Leases {
    /// One line of it.
    package struct Line: Sendable, Equatable {
        /// The hardware address; nil for a lease of IPv6 whose guest does not say it.
        package var hardwareAddress: MACAddress?
        /// The address in its usual text.
        package var address: String
        /// The client's identifier, in bytes; nil when it sent none.
        package var client: [UInt8]?
    }

    /// Reads the file; lines that are no leases are passed over. A guest chooses parts of them.
    package static func parse(_ text: String) -> [Line] {
        text.split(separator: "\n").compactMap { line in
            // expiry, hardware address (IAID for IPv6), address, name, client id
            let fields = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5, UInt64(fields[0]) != nil else { return nil }
            if let address = IPv4Address(configText: fields[2]) {
                // An address of another kind than Ethernet's is written with its kind before it: `06-00:11:…`.
                guard let hardwareAddress = MACAddress(configText: fields[1]) else { return nil }
                return Line(
                    hardwareAddress: hardwareAddress, address: "\(address)", client: bytes(fields[4]))
            }
            return IPv6Address(configText: fields[2]).map {
                let client = bytes(fields[4])
                return Line(hardwareAddress: client.flatMap(hardwareAddress), address: "\($0)", client: client)
            }
        }
    }

    /// The hardware address in an identifier of DHCPv6 (RFC 8415, 11): of the kinds 1 and 3, on Ethernet.
    private static func hardwareAddress(_ identifier: [UInt8]) -> MACAddress? {
        guard
            identifier.starts(with: [0, 1, 0, 1]) && identifier.count == 14
                || identifier.starts(with: [0, 3, 0, 1]) && identifier.count == 10
        else { return nil }
        return MACAddress(bytes: Array(identifier.suffix(6)))
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        return bytes.count == parts.count ? bytes : nil
    }

    /// The leases as LXD's API shows them: the network's own addresses, then by NIC its fixed address, the IPv6
    /// address it makes of its hardware address, and what it was given. Leases of NICs that are not in `members` are
    /// left out: they may belong to instances of other projects.
    package static func list(
        _ settings: BridgeSettings, members: [NetworkMember], file: String
    ) -> [Network.Lease] {
        var leases: [Network.Lease] = []
        for address in [settings.ipv4.map { "\($0.address)" }, settings.ipv6.map { "\($0.address)" }] {
            guard let address else { continue }
            leases.append(
                Network.Lease(
                    hostname: settings.name + ".gw", hwaddr: "", address: address, type: "gateway", location: ""))
        }
        func append(_ member: NetworkMember, _ address: String, _ type: String) {
            let lease = Network.Lease(
                hostname: member.instance, hwaddr: "\(member.hardwareAddress)", address: address, type: type,
                location: "none")
            if !leases.contains(where: { $0.hwaddr == lease.hwaddr && $0.address == lease.address }) {
                leases.append(lease)
            }
        }
        for member in members {
            if let address = member.ipv4 { append(member, "\(address)", "static") }
            if let address = member.ipv6 { append(member, "\(address)", "static") }
            // Where guests make their own.
            if !settings.givesIPv6, let address = settings.ipv6?.address(of: member.hardwareAddress) {
                append(member, "\(address)", "dynamic")
            }
        }
        let byAddress = Dictionary(members.map { ($0.hardwareAddress, $0) }, uniquingKeysWith: { first, _ in first })
        for line in parse(file) {
            guard let member = line.hardwareAddress.flatMap({ byAddress[$0] }) else { continue }
            append(member, line.address, "dynamic")
        }
        return leases
    }
}
