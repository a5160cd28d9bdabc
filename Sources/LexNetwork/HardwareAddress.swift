package import LexAPI

extension MACAddress {
    /// A random address of the block 00:16:3e (Xen's, which LXC and LXD use too) that is not among `known`.
    package static func random(
        avoiding known: Set<MACAddress>, using generator: inout some RandomNumberGenerator
    ) -> MACAddress {
        while true {
            let number = UInt32.random(in: 0..<1 << 24, using: &generator)
            let bytes = [0x00, 0x16, 0x3e] + [16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
            if let address = MACAddress(bytes: bytes), !known.contains(address) { return address }
        }
    }

    /// A random address of the block 00:16:3e that is not among `known`.
    package static func random(avoiding known: Set<MACAddress>) -> MACAddress {
        var generator = SystemRandomNumberGenerator()
        return random(avoiding: known, using: &generator)
    }

    /// Twelve hexadecimal digits, for the name of a file.
    var fileName: String { description.filter { $0 != ":" } }
}

extension IPv6Subnet {
    /// The address that an interface with this hardware address makes of the subnet's first 64 bits (RFC 4291,
    /// appendix A): `ff:fe` in its middle, its universal/local bit turned over.
    package func address(of hardwareAddress: MACAddress) -> IPv6Address? {
        let mac = hardwareAddress.bytes.map(UInt16.init)
        guard mac.count == 6 else { return nil }
        return IPv6Address(
            groups: address.groups.prefix(4) + [
                (mac[0] ^ 2) << 8 | mac[1], mac[2] << 8 | 0xff, 0xfe << 8 | mac[3], mac[4] << 8 | mac[5],
            ])
    }
}
