/// An address of either family.
public enum IPAddress: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    /// IPv4.
    case v4(IPv4Address)
    /// IPv6.
    case v6(IPv6Address)

    /// An address of one of the families in its usual text.
    public init?(configText: String) {
        if let address = IPv4Address(configText: configText) {
            self = .v4(address)
        } else if let address = IPv6Address(configText: configText) {
            self = .v6(address)
        } else {
            return nil
        }
    }
    /// Whether it is IPv6.
    public var isIPv6: Bool { if case .v6 = self { true } else { false } }
    /// The address in its usual text.
    public var description: String {
        switch self {
        case .v4(let address): "\(address)"
        case .v6(let address): "\(address)"
        }
    }
    /// IPv4 before IPv6, then by number.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4(let left), .v4(let right)): left < right
        case (.v6(let left), .v6(let right)): left < right
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
    /// In the words of an error message.
    public static var allowedText: String { "an IP address such as 10.0.3.17 or fd42::1" }
    /// In the manual.
    public static var typeName: String { "IP address" }
}

/// Addresses of one family that follow each other: `10.0.3.10-10.0.3.20`, `10.0.3.0/24`, or one alone.
public struct AddressRange: ConfigValue, Hashable, CustomStringConvertible {
    /// The first of them.
    public let first: IPAddress
    /// The last of them, not before the first.
    public let last: IPAddress

    /// A range from its ends; nil when they are of two families or in the wrong order.
    public init?(_ first: IPAddress, _ last: IPAddress) {
        guard first.isIPv6 == last.isIPv6, first <= last else { return nil }
        self.first = first
        self.last = last
    }
    /// The addresses of a subnet.
    public init(_ subnet: IPv4Subnet) {
        first = .v4(subnet.network)
        last = .v4(subnet.broadcast)
    }
    /// The addresses of a subnet.
    public init(_ subnet: IPv6Subnet) {
        first = .v6(subnet.firstAddress)
        last = .v6(subnet.lastAddress)
    }
    /// Two addresses with a hyphen, a subnet, or an address.
    public init?(configText: String) {
        if let subnet = IPv4Subnet(configText: configText) {
            self.init(subnet)
        } else if let subnet = IPv6Subnet(configText: configText) {
            self.init(subnet)
        } else {
            let ends = configText.split(separator: "-", omittingEmptySubsequences: false)
                .map { IPAddress(configText: String($0)) }
            guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil else { return nil }
            self.init(first, last)
        }
    }
    /// Whether it is IPv6.
    public var isIPv6: Bool { first.isIPv6 }
    /// Whether an address lies in it.
    public func contains(_ address: IPAddress) -> Bool {
        address.isIPv6 == isIPv6 && first <= address && address <= last
    }
    /// Whether the other lies in it wholly.
    public func contains(_ other: AddressRange) -> Bool { contains(other.first) && contains(other.last) }
    /// Whether the two share an address.
    public func overlaps(_ other: AddressRange) -> Bool {
        isIPv6 == other.isIPv6 && first <= other.last && other.first <= last
    }
    /// The same addresses in as few ranges as can be, in order.
    public static func merged(_ ranges: [AddressRange]) -> [AddressRange] {
        var result: [AddressRange] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let previous = result.last, previous.overlaps(range) {
                let joined = AddressRange(previous.first, max(previous.last, range.last))
                if let joined { result[result.count - 1] = joined }
            } else {
                result.append(range)
            }
        }
        return result
    }
    /// The two ends with a hyphen, or the one address.
    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
    /// In the words of an error message.
    public static var allowedText: String {
        "a range of addresses such as 10.0.3.10-10.0.3.20, a subnet such as 10.0.3.0/24, or an address"
    }
    /// In the manual.
    public static var typeName: String { "range of IP addresses" }
}

/// Ports that follow each other: `80`, or `90-100`.
public struct PortRange: ConfigValue, Hashable, CustomStringConvertible {
    /// The first of them.
    public let first: UInt16
    /// The last of them, not before the first.
    public let last: UInt16

    /// A range from its ends; nil when they are in the wrong order.
    public init?(_ first: UInt16, _ last: UInt16) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
    }
    /// A number from 1 to 65535, or two with a hyphen.
    public init?(configText: String) {
        let ends = configText.split(separator: "-", omittingEmptySubsequences: false).map { text in
            Digits.number(text).flatMap { UInt16(exactly: $0) }
        }
        guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first > 0 else { return nil }
        self.init(first, last)
    }
    /// How many they are.
    public var count: Int { Int(last) - Int(first) + 1 }
    /// Each of them.
    public var ports: ClosedRange<UInt16> { first...last }
    /// The same ports in as few ranges as can be, in order.
    public static func merged(_ ranges: [PortRange]) -> [PortRange] {
        var result: [PortRange] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let previous = result.last, range.first <= previous.last {
                if let joined = PortRange(previous.first, max(previous.last, range.last)) {
                    result[result.count - 1] = joined
                }
            } else {
                result.append(range)
            }
        }
        return result
    }
    /// The two ends with a hyphen, or the one port.
    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
    /// In the words of an error message.
    public static var allowedText: String { "a port or a range of ports such as 80 or 90-100" }
    /// In the manual.
    public static var typeName: String { "ports" }
}

/// Values with commas between them.
public struct ConfigList<Element: ConfigValue>: ConfigValue {
    /// The values, in their order.
    public let elements: [Element]

    /// Values with commas; spaces around them are left out. Nil when one of them is no such value, or none.
    public init?(configText: String) {
        var elements: [Element] = []
        for part in configText.split(separator: ",", omittingEmptySubsequences: false) {
            guard let element = Element(configText: part.trimmed) else { return nil }
            elements.append(element)
        }
        self.elements = elements
    }
    /// In the words of an error message.
    public static var allowedText: String {
        "a list, with commas between, of values each of which is \(Element.allowedText)"
    }
    /// In the manual.
    public static var typeName: String { "list of " + Element.typeName }
}
extension ConfigList: Equatable where Element: Equatable {}

extension StringProtocol {
    /// Without spaces and tabs at its ends.
    var trimmed: String {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return String(rest)
    }
}
