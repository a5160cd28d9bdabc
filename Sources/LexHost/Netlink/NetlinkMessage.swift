import CNetlink

/// A netlink message being written: the header of its family, then attributes (netlink(7), rtnetlink(7)).
struct NetlinkRequest: Sendable {
    /// The message type, `RTM_NEWLINK` and so on.
    let type: UInt16
    /// `NLM_F_*` beside `NLM_F_REQUEST` and `NLM_F_ACK`, which the session adds.
    let flags: UInt16
    /// Everything after the netlink header.
    private(set) var body: [UInt8]

    init(_ type: Int, flags: Int32 = 0, header: some BitwiseCopyable) {
        self.type = UInt16(truncatingIfNeeded: type)
        self.flags = UInt16(truncatingIfNeeded: flags)
        body = withUnsafeBytes(of: header) { Array($0) }
        pad()
    }

    mutating func put(_ attribute: Int, bytes: [UInt8]) {
        appendHeader(attribute, length: bytes.count)
        body += bytes
        pad()
    }
    mutating func put(_ attribute: Int, _ value: some FixedWidthInteger & BitwiseCopyable) {
        put(attribute, bytes: withUnsafeBytes(of: value) { Array($0) })
    }
    /// A text, with the NUL the kernel expects at its end.
    mutating func put(_ attribute: Int, _ text: String) { put(attribute, bytes: Array(text.utf8) + [0]) }

    /// An attribute made of attributes; `header` is a struct some of them begin with (`VETH_INFO_PEER`).
    mutating func nest(
        _ attribute: Int, header: (some BitwiseCopyable)? = UInt8?.none, _ fill: (inout NetlinkRequest) -> Void
    ) {
        let start = body.count
        appendHeader(attribute | Int(NLA_F_NESTED), length: 0)
        if let header {
            body += withUnsafeBytes(of: header) { Array($0) }
            pad()
        }
        fill(&self)
        let length = UInt16(truncatingIfNeeded: body.count - start)
        withUnsafeBytes(of: length) { body.replaceSubrange(start..<start + 2, with: $0) }
    }

    /// The whole message with its netlink header.
    func encoded(sequence: UInt32, flags extra: Int32) -> [UInt8] {
        let header = nlmsghdr(
            nlmsg_len: UInt32(truncatingIfNeeded: MemoryLayout<nlmsghdr>.size + body.count), nlmsg_type: type,
            nlmsg_flags: flags | UInt16(truncatingIfNeeded: extra), nlmsg_seq: sequence, nlmsg_pid: 0)
        return withUnsafeBytes(of: header) { Array($0) } + body
    }

    private mutating func appendHeader(_ attribute: Int, length: Int) {
        let header = nlattr(
            nla_len: UInt16(truncatingIfNeeded: MemoryLayout<nlattr>.size + length),
            nla_type: UInt16(truncatingIfNeeded: attribute))
        withUnsafeBytes(of: header) { body += $0 }
    }
    private mutating func pad() { while body.count % 4 != 0 { body.append(0) } }
}

/// Bytes the kernel answered with. Every read is checked against their end: who owns a network namespace decides much
/// of what the kernel says about it.
typealias NetlinkBytes = ArraySlice<UInt8>

extension NetlinkBytes {
    /// The bytes from an offset on; empty when it lies beyond the end.
    func from(_ offset: Int) -> NetlinkBytes { dropFirst(offset) }

    /// The number at an offset, in the machine's byte order as netlink has it; nil beyond the end.
    func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self, at offset: Int = 0
    ) -> Number? {
        guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }

    /// The text up to its NUL.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }

    /// Calls `body` with the type and the content of each attribute; stops at the first malformed one.
    func forEachAttribute(_ body: (Int, NetlinkBytes) -> Void) {
        var rest = self
        while let length = rest.number(UInt16.self).map(Int.init), let type = rest.number(UInt16.self, at: 2),
            length >= 4, length <= rest.count
        {
            body(Int(type & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER)), rest.prefix(length).dropFirst(4))
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    /// The content of the first attribute of that type.
    func attribute(_ wanted: Int) -> NetlinkBytes? {
        var found: NetlinkBytes?
        forEachAttribute { type, content in if type == wanted && found == nil { found = content } }
        return found
    }
}
