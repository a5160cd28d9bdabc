import CNetlink
import Glibc
package import LexIPC

/// An address of an interface.
package struct InterfaceAddress: Sendable, Equatable, CustomStringConvertible {
    /// The number of the interface.
    package var index: Int32
    /// Four bytes (IPv4) or sixteen (IPv6).
    package var bytes: [UInt8]
    /// The length of the prefix in bits.
    package var prefix: UInt8
    /// How far it reaches: `RT_SCOPE_*` of rtnetlink(7); 0 is everywhere, 253 the link, 254 the host.
    package var scope: UInt8
    /// Whether IPv6 has not yet made sure that nobody else uses it, or found that somebody does.
    package var isTentative: Bool

    /// An address to add: `bytes` has four or sixteen bytes.
    package init(index: Int32, bytes: [UInt8], prefix: UInt8, scope: UInt8 = 0) {
        self.index = index
        self.bytes = bytes
        self.prefix = prefix
        self.scope = scope
        isTentative = false
    }

    init?(_ body: NetlinkBytes) {
        guard let prefix = body.number(UInt8.self, at: 1), let flags = body.number(UInt8.self, at: 2),
            let scope = body.number(UInt8.self, at: 3), let index = body.number(Int32.self, at: 4)
        else { return nil }
        let attributes = body.from(MemoryLayout<ifaddrmsg>.size)
        // On a point-to-point link IFA_ADDRESS is the other end.
        guard let address = attributes.attribute(IFA_LOCAL) ?? attributes.attribute(IFA_ADDRESS),
            address.count == 4 || address.count == 16
        else { return nil }
        self.init(index: index, bytes: Array(address), prefix: prefix, scope: scope)
        isTentative = Int32(flags) & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0
    }

    /// Whether it is IPv6.
    package var isIPv6: Bool { bytes.count == 16 }

    /// The address without its prefix, in its usual text.
    package var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let length = socklen_t(buffer.count)
        guard bytes.count == 4 || bytes.count == 16, inet_ntop(family, bytes, &buffer, length) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// CIDR notation.
    package var description: String { "\(text)/\(prefix)" }

    fileprivate var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }
}

extension NetlinkSession {
    /// All addresses of the namespace, IPv4 first.
    package func addresses() throws(SystemError) -> [InterfaceAddress] {
        var found: [InterfaceAddress] = []
        try ask(NetlinkRequest(RTM_GETADDR, header: ifaddrmsg()), "the addresses of the network interfaces") {
            type, body in
            if type == RTM_NEWADDR, let address = InterfaceAddress(body) { found.append(address) }
        }
        return found
    }

    /// Gives an interface an address; one it has already is fine.
    ///
    /// An IPv6 address is usable at once, without the second in which the kernel asks whether somebody else has it:
    /// for addresses lexd chose or was told.
    package func addAddress(_ address: InterfaceAddress, to name: String) throws(SystemError) {
        var request = NetlinkRequest(
            RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE,
            header: header(address, flags: address.isIPv6 ? IFA_F_NODAD : 0))
        request.put(IFA_LOCAL, bytes: address.bytes)
        request.put(IFA_ADDRESS, bytes: address.bytes)
        if address.bytes.count == 4, address.prefix < 31 {
            let hosts = ~UInt32(0) >> UInt32(address.prefix)
            let value = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } | hosts
            request.put(IFA_BROADCAST, value.bigEndian)
        }
        try order(request, "add", "the address \(address) to \(name)")
    }

    /// Takes an address from an interface; that it has none such is fine.
    package func removeAddress(_ address: InterfaceAddress, from name: String) throws(SystemError) {
        var request = NetlinkRequest(RTM_DELADDR, header: header(address, flags: 0))
        request.put(IFA_LOCAL, bytes: address.bytes)
        request.put(IFA_ADDRESS, bytes: address.bytes)
        do {
            try order(request, "remove", "the address \(address) from \(name)")
        } catch  where error.code == EADDRNOTAVAIL || error.code == ENODEV {
        }
    }

    private func header(_ address: InterfaceAddress, flags: Int32) -> ifaddrmsg {
        ifaddrmsg(
            ifa_family: UInt8(truncatingIfNeeded: address.family), ifa_prefixlen: address.prefix,
            ifa_flags: UInt8(truncatingIfNeeded: flags), ifa_scope: address.scope,
            ifa_index: UInt32(bitPattern: address.index))
    }
}
