package import LexAPI
import LexHost

/// The choice of subnets that nothing on the host uses yet.
package enum SubnetChoice {
    /// A subnet 10.x.y.1/24 that overlaps none of `taken`, starting at a random place. Where all of 10.0.0.0/8 is
    /// spoken for, as behind some VPNs, one of 192.168.0.0/16 or 172.16.0.0/12; nil when those are too.
    package static func ipv4(
        avoiding taken: [IPv4Subnet], using generator: inout some RandomNumberGenerator
    ) -> IPv4Subnet? {
        // A default route speaks for no address.
        let taken = taken.filter { $0.prefix > 0 }
        for (first, count) in [(10 << 24, 1 << 16), (192 << 24 | 168 << 16, 1 << 8), (172 << 24 | 16 << 16, 1 << 12)] {
            let start = Int.random(in: 0..<count, using: &generator)
            for step in 0..<count {
                let value = UInt32(first + ((start + step) % count) * 256 + 1)
                if let candidate = IPv4Subnet(address: IPv4Address(value), prefix: 24),
                    !taken.contains(where: candidate.overlaps)
                {
                    return candidate
                }
            }
        }
        return nil
    }

    /// A unique local subnet fd42:…::1/64 (RFC 4193; the 42 is LXD's) that overlaps none of `taken`.
    package static func ipv6(
        avoiding taken: [IPv6Subnet], using generator: inout some RandomNumberGenerator
    ) -> IPv6Subnet? {
        // 48 random bits: a second try is hardly ever needed, and a third only where somebody took fd42::/16 itself.
        for _ in 0..<64 {
            let groups = [0xfd42] + (0..<3).map { _ in UInt16.random(in: 0...UInt16.max, using: &generator) }
            guard let address = IPv6Address(groups: groups + [0, 0, 0, 1]),
                let candidate = IPv6Subnet(address: address, prefix: 64)
            else { continue }
            if !taken.contains(where: { $0.prefix > 0 && candidate.overlaps($0) }) { return candidate }
        }
        return nil
    }
}

extension IPv6Subnet {
    /// Whether the two share an address.
    package func overlaps(_ other: IPv6Subnet) -> Bool {
        var bits = Int(min(prefix, other.prefix))
        for (left, right) in zip(address.groups, other.address.groups) where bits > 0 {
            let mask = bits >= 16 ? UInt16.max : ~(UInt16.max >> UInt16(bits))
            if left & mask != right & mask { return false }
            bits -= 16
        }
        return true
    }
}

/// The subnets that the host's addresses and routes speak for.
package struct TakenSubnets: Sendable {
    /// Of IPv4.
    package var ipv4: [IPv4Subnet]
    /// Of IPv6.
    package var ipv6: [IPv6Subnet]

    package init(ipv4: [IPv4Subnet] = [], ipv6: [IPv6Subnet] = []) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// Adds what the host uses at this moment.
    package mutating func addHost() async throws {
        let (addresses, routes) = try await blocking {
            let session = try NetlinkSession()
            return (try session.addresses(), try session.routeDestinations())
        }
        for (bytes, prefix) in addresses.map({ ($0.bytes, $0.prefix) }) + routes.map({ ($0.bytes, $0.prefix) }) {
            if let subnet = IPv4Subnet(bytes: bytes, prefix: prefix) { ipv4.append(subnet) }
            if let subnet = IPv6Subnet(bytes: bytes, prefix: prefix) { ipv6.append(subnet) }
        }
    }
}

extension IPv4Subnet {
    init?(bytes: [UInt8], prefix: UInt8) {
        guard bytes.count == 4 else { return nil }
        self.init(
            address: IPv4Address(bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }), prefix: UInt32(prefix))
    }
    /// The four bytes of its address.
    var addressBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.value >> $0) } }
}

extension IPv6Subnet {
    init?(bytes: [UInt8], prefix: UInt8) {
        guard bytes.count == 16 else { return nil }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        guard let address = IPv6Address(groups: groups) else { return nil }
        self.init(address: address, prefix: UInt32(prefix))
    }
    /// The sixteen bytes of its address.
    var addressBytes: [UInt8] {
        address.groups.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }
}
