/// An IPv4 address.
public struct IPv4Address: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    /// The address as a number, the first octet highest.
    public let value: UInt32

    /// An address from its number.
    public init(_ value: UInt32) { self.value = value }

    /// Four numbers from 0 to 255 with dots. Leading zeros are refused, which some programs read as octal.
    public init?(configText: String) {
        let parts = configText.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard let octet = Digits.number(part), octet <= 255, part.utf8.count == 1 || !part.hasPrefix("0") else {
                return nil
            }
            value = value << 8 | octet
        }
        self.value = value
    }
    /// Whether an interface can have it: it is not of 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/4.
    public var canBeOfHost: Bool { value >> 24 != 0 && value >> 24 != 127 && value >> 28 != 0b1110 }
    /// Dotted decimal.
    public var description: String {
        [24, 16, 8, 0].map { String(value >> $0 & 0xff) }.joined(separator: ".")
    }
    /// Order by number.
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.value < right.value }
    /// In the words of an error message.
    public static var allowedText: String { "an IPv4 address such as 10.0.3.17" }
    /// In the manual.
    public static var typeName: String { "IPv4 address" }
}

/// An IPv4 address with the length of its prefix: `10.0.3.1/24`.
public struct IPv4Subnet: ConfigValue, Hashable, CustomStringConvertible {
    /// The address.
    public let address: IPv4Address
    /// The length of the prefix, 0 to 32.
    public let prefix: UInt32

    /// A subnet from its parts; nil for a prefix above 32.
    public init?(address: IPv4Address, prefix: UInt32) {
        guard prefix <= 32 else { return nil }
        self.address = address
        self.prefix = prefix
    }
    /// An address, a slash and a number from 0 to 32.
    public init?(configText: String) {
        let parts = configText.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(configText: String(parts[0])),
            let prefix = Digits.number(parts[1])
        else { return nil }
        self.init(address: address, prefix: prefix)
    }
    /// The bits of the prefix.
    public var mask: UInt32 { prefix == 0 ? 0 : ~UInt32(0) << (32 - prefix) }
    /// The first address of the subnet.
    public var network: IPv4Address { IPv4Address(address.value & mask) }
    /// The last address of the subnet.
    public var broadcast: IPv4Address { IPv4Address(address.value | ~mask) }
    /// Whether the two share an address.
    public func overlaps(_ other: IPv4Subnet) -> Bool {
        let common = mask & other.mask
        return address.value & common == other.address.value & common
    }
    /// Whether an address lies in it.
    public func contains(_ other: IPv4Address) -> Bool { other.value & mask == address.value & mask }
    /// CIDR notation.
    public var description: String { "\(address)/\(prefix)" }
    /// In the words of an error message.
    public static var allowedText: String { "an IPv4 address with its prefix such as 10.0.3.1/24" }
    /// In the manual.
    public static var typeName: String { "IPv4 address and prefix" }
}

/// An IPv6 address.
public struct IPv6Address: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    /// Eight groups of 16 bits.
    public let groups: [UInt16]

    /// Eight given groups; nil when they are not eight.
    public init?(groups: [UInt16]) {
        guard groups.count == 8 else { return nil }
        self.groups = groups
    }

    /// Groups of hexadecimal digits with colons, at most one `::` (RFC 4291, without the mixed form).
    public init?(configText: String) {
        let halves = Self.halves(configText)
        guard (1...2).contains(halves.count) else { return nil }
        var parsed: [[UInt16]] = []
        for half in halves {
            var groups: [UInt16] = []
            if !half.isEmpty {
                for part in half.split(separator: ":", omittingEmptySubsequences: false) {
                    guard (1...4).contains(part.utf8.count), let group = UInt16(part, radix: 16),
                        part.utf8.first != UInt8(ascii: "+"), part.utf8.first != UInt8(ascii: "-")
                    else { return nil }
                    groups.append(group)
                }
            }
            parsed.append(groups)
        }
        let count = parsed.reduce(0) { $0 + $1.count }
        if halves.count == 1 {
            guard count == 8 else { return nil }
            groups = parsed[0]
        } else {
            guard count < 8 else { return nil }
            groups = parsed[0] + Array(repeating: 0, count: 8 - count) + parsed[1]
        }
    }

    private static func halves(_ text: String) -> [String] {
        var halves: [String] = [""]
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix("::") {
                halves.append("")
                rest = rest.dropFirst(2)
            } else {
                halves[halves.count - 1].append(character)
                rest = rest.dropFirst()
            }
        }
        return halves
    }

    /// Whether an interface other than the loopback can have it: it is not `::`, `::1` or of ff00::/8.
    public var canBeOfHost: Bool {
        (groups.first ?? 0) >> 8 != 0xff && !(groups.dropLast().allSatisfy { $0 == 0 } && (groups.last ?? 0) <= 1)
    }

    /// The canonical text (RFC 5952): lower case, the longest run of zero groups as `::`.
    public var description: String {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8 && groups[end] == 0 { end += 1 }
            if end - start > best.count && end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }
    /// Order by number.
    public static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        left.groups.lexicographicallyPrecedes(right.groups)
    }
    /// In the words of an error message.
    public static var allowedText: String { "an IPv6 address such as fd42::1" }
    /// In the manual.
    public static var typeName: String { "IPv6 address" }
}

/// An IPv6 address with the length of its prefix: `fd42:1:2:3::1/64`.
public struct IPv6Subnet: ConfigValue, Hashable, CustomStringConvertible {
    /// The address.
    public let address: IPv6Address
    /// The length of the prefix, 0 to 128.
    public let prefix: UInt32

    /// A subnet from its parts; nil for a prefix above 128.
    public init?(address: IPv6Address, prefix: UInt32) {
        guard prefix <= 128 else { return nil }
        self.address = address
        self.prefix = prefix
    }
    /// An address, a slash and a number from 0 to 128.
    public init?(configText: String) {
        let parts = configText.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv6Address(configText: String(parts[0])),
            let prefix = Digits.number(parts[1])
        else { return nil }
        self.init(address: address, prefix: prefix)
    }
    /// The first address of the subnet.
    public var firstAddress: IPv6Address { filled(0) }
    /// The last address of the subnet.
    public var lastAddress: IPv6Address { filled(UInt16.max) }
    /// Whether an address lies in it.
    public func contains(_ other: IPv6Address) -> Bool { firstAddress <= other && other <= lastAddress }

    /// The address with the bits behind the prefix taken from `group`.
    private func filled(_ group: UInt16) -> IPv6Address {
        var bits = Int(prefix)
        let groups = address.groups.map { own in
            defer { bits -= 16 }
            let hosts: UInt16 = bits >= 16 ? 0 : bits <= 0 ? UInt16.max : UInt16.max >> UInt16(bits)
            return own & ~hosts | group & hosts
        }
        return IPv6Address(groups: groups) ?? address
    }

    /// CIDR notation.
    public var description: String { "\(address)/\(prefix)" }
    /// In the words of an error message.
    public static var allowedText: String { "an IPv6 address with its prefix such as fd42:1:2:3::1/64" }
    /// In the manual.
    public static var typeName: String { "IPv6 address and prefix" }
}

/// A setting that is a subnet, `none`, or (when a network is made) `auto` for one that lexd chooses.
public enum SubnetSetting<Subnet: ConfigValue & Equatable>: ConfigValue, Equatable {
    /// No addresses of this kind.
    case none
    /// One that lexd chooses; stored as what was chosen.
    case auto
    /// This one.
    case subnet(Subnet)

    /// `none`, `auto`, or a subnet.
    public init?(configText: String) {
        switch configText {
        case "none": self = .none
        case "auto": self = .auto
        default:
            guard let subnet = Subnet(configText: configText) else { return nil }
            self = .subnet(subnet)
        }
    }
    /// The subnet, when it is one.
    public var subnet: Subnet? { if case .subnet(let subnet) = self { subnet } else { nil } }
    /// In the words of an error message.
    public static var allowedText: String { "none, auto, or \(Subnet.allowedText)" }
    /// In the manual.
    public static var typeName: String { Subnet.typeName + ", none or auto" }
}
