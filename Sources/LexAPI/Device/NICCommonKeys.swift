/// The options every network interface has.
public struct NICCommonKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: nic.")
    /// The kind of interface.
    public let nictype = ConfigKey<NICDevice.Kind>(
        "nictype", effect: .onRestart, "The kind of interface, where no managed network says it.")
    /// Its name inside.
    public let name = ConfigKey<InterfaceName>("name", effect: .onRestart, "Its name inside the instance.")
    /// Its hardware address.
    public let hwaddr = ConfigKey<MACAddress>("hwaddr", effect: .onRestart, "Its hardware address.")
    /// The largest packet.
    public let mtu = ConfigKey<Int64>(
        "mtu", effect: .onRestart, "The largest packet it takes, in bytes.",
        check: { $0 >= 68 && $0 <= 65535 ? nil : "from 68 to 65535" })
    /// All of them.
    public init() {}

    static let table: @Sendable (Int64) -> String? = {
        $0 >= 1 && $0 <= Int64(UInt32.max) ? nil : "the number of a table of routes, from 1 to 4294967295"
    }
}

/// The option of interfaces that says in which order they are made.
public struct NICBootKeys: ConfigKeySet {
    /// In which order.
    public let priority = ConfigKey<Int64>(
        "boot.priority", effect: .onRestart, "Interfaces with a higher priority are made first.",
        check: { $0 >= 0 && $0 <= Int64(UInt32.max) ? nil : "from 0 to 4294967295" })
    /// All of them.
    public init() {}
}

/// The options of interfaces with an end on the host.
public struct NICHostKeys: ConfigKeySet {
    /// Its name on the host.
    public let hostName = ConfigKey<InterfaceName>(
        "host_name", effect: .onRestart, "The name of its other end on the host.")
    /// What waits.
    public let queueLength = ConfigKey<Int64>(
        "queue.tx.length", effect: .live, "How many packets may wait to be sent at its end on the host.",
        check: { $0 >= 0 && $0 <= Int64(UInt32.max) ? nil : "from 0 to 4294967295" })
    /// To it.
    public let ingress = ConfigKey<BitRate>(
        "limits.ingress", effect: .live, "The most it receives, in bits for each second.", check: BitRate.isLimit)
    /// From it.
    public let egress = ConfigKey<BitRate>(
        "limits.egress", effect: .live, "The most it sends, in bits for each second.", check: BitRate.isLimit)
    /// Both ways.
    public let max = ConfigKey<BitRate>(
        "limits.max", effect: .live, "Both limits.ingress and limits.egress.", check: BitRate.isLimit)
    /// Whose packets come first.
    public let priority = ConfigKey<Int64>(
        "limits.priority", effect: .live, "The priority of the packets it sends, before limits.network.priority.",
        check: { $0 >= 0 && $0 <= 65535 ? nil : "from 0 to 65535" })
    /// All of them.
    public init() {}
}

/// The options that say which networks are behind an interface.
public struct NICRouteKeys: ConfigKeySet {
    /// IPv4.
    public let ipv4 = ConfigKey<ConfigList<IPv4Subnet>>(
        "ipv4.routes", effect: .live, "Networks behind it, with commas between, to which the host makes routes.",
        check: NICRouteKeys.check4)
    /// IPv6.
    public let ipv6 = ConfigKey<ConfigList<IPv6Subnet>>(
        "ipv6.routes", effect: .live, "Networks behind it, with commas between, to which the host makes routes.",
        check: NICRouteKeys.check6)
    /// All of them.
    public init() {}

    static let check4: @Sendable (ConfigList<IPv4Subnet>) -> String? = { list in
        list.elements.allSatisfy { $0.address == $0.network && $0.prefix > 0 }
            ? nil : "a list, with commas between, of IPv4 networks such as 192.0.2.0/24"
    }
    static let check6: @Sendable (ConfigList<IPv6Subnet>) -> String? = { list in
        list.elements.allSatisfy { $0.address == $0.firstAddress && $0.prefix > 0 }
            ? nil : "a list, with commas between, of IPv6 networks such as 2001:db8:1::/64"
    }
}

/// The options of interfaces that belong to one of the host.
public struct NICParentKeys: ConfigKeySet {
    /// Which.
    public let parent = ConfigKey<InterfaceName>("parent", effect: .onRestart, "The interface of the host.")
    /// Its VLAN.
    public let vlan = ConfigKey<VLANOrNone>("vlan", effect: .onRestart, "The VLAN of the interface of the host.")
    /// Whether switches are told.
    public let gvrp = ConfigKey<Bool>(
        "gvrp", default: "false", effect: .onRestart, "Whether switches are told of the VLAN by GVRP.")
    /// All of them.
    public init() {}
}

/// The options that concern a MAAS server, which lexd does not speak to.
public struct NICOutsideKeys: ConfigKeySet {
    /// IPv4.
    public let ipv4 = ConfigKey<ConfigLine>(
        "maas.subnet.ipv4", effect: .onRestart, "The IPv4 subnet in MAAS, which lexd does not speak to.",
        check: NICOutsideKeys.refuse)
    /// IPv6.
    public let ipv6 = ConfigKey<ConfigLine>(
        "maas.subnet.ipv6", effect: .onRestart, "The IPv6 subnet in MAAS, which lexd does not speak to.",
        check: NICOutsideKeys.refuse)
    /// All of them.
    public init() {}

    private static let refuse: @Sendable (ConfigLine) -> String? = { _ in
        "left out: lexd does not register addresses with a MAAS server"
    }
}

/// A number of bits for each second.
public struct BitRate: ConfigValue, Hashable {
    /// Bits for each second.
    public let bits: Int64

    /// That many.
    public init(bits: Int64) { self.bits = bits }

    /// A number with an optional unit as LXD takes them: `bit`, `kbit` … `Ebit` in powers of 1000, `Kibit` … `Eibit`
    /// in powers of 1024.
    public init?(configText: String) {
        let digits = configText.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), let factor = Self.units[String(configText.dropFirst(digits.count))] else {
            return nil
        }
        let (bits, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { return nil }
        self.bits = bits
    }

    private static let units: [String: Int64] = {
        var units: [String: Int64] = ["": 1, "bit": 1, "kbit": 1000, "Kibit": 1024]
        var decimal: Int64 = 1000
        var binary: Int64 = 1024
        for letter in ["M", "G", "T", "P", "E"] {
            decimal *= 1000
            binary *= 1024
            units[letter + "bit"] = decimal
            units[letter + "ibit"] = binary
        }
        return units
    }()

    static let isLimit: @Sendable (BitRate) -> String? = {
        $0.bits >= 8 && $0.bits <= 10_000_000_000_000 ? nil : "from 8bit to 10Tbit"
    }

    /// In the words of an error message.
    public static var allowedText: String { "a number of bits for each second such as 10Mbit or 512kbit" }
    /// In the manual.
    public static var typeName: String { "bit rate" }
}

/// An address, or none at all.
public enum AddressOrNone<Address: ConfigValue & Hashable>: ConfigValue, Hashable {
    /// None may be used.
    case none
    /// This one.
    case address(Address)

    /// `none`, or an address.
    public init?(configText: String) {
        if configText == "none" {
            self = .none
        } else if let address = Address(configText: configText) {
            self = .address(address)
        } else {
            return nil
        }
    }
    /// The address, when it is one.
    public var address: Address? { if case .address(let address) = self { address } else { nil } }
    /// In the words of an error message.
    public static var allowedText: String { "none, or \(Address.allowedText)" }
    /// In the manual.
    public static var typeName: String { Address.typeName + " or none" }
}

/// Whether the host is the way out.
public enum GatewayMode: String, ConfigValue {
    /// It is.
    case auto
    /// There is none.
    case none

    /// `auto` or `none`.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "auto or none" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// The number of a VLAN, or none.
public enum VLANOrNone: ConfigValue, Hashable {
    /// None.
    case none
    /// This one.
    case id(UInt16)

    /// `none`, or a number from 0 to 4094.
    public init?(configText: String) {
        if configText == "none" {
            self = .none
        } else if let number = Digits.number(configText), number <= 4094 {
            self = .id(UInt16(number))
        } else {
            return nil
        }
    }
    /// In the words of an error message.
    public static var allowedText: String { "none, or the number of a VLAN from 0 to 4094" }
    /// In the manual.
    public static var typeName: String { "integer" }
}

/// Numbers of VLANs that follow each other: `100`, or `200-210`.
public struct VLANRange: ConfigValue, Hashable {
    /// Each of them.
    public let ids: ClosedRange<UInt16>

    /// A number from 0 to 4094, or two with a hyphen.
    public init?(configText: String) {
        let ends = configText.split(separator: "-", omittingEmptySubsequences: false).map { Digits.number($0) }
        guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last, last <= 4094
        else { return nil }
        ids = UInt16(first)...UInt16(last)
    }
    /// In the words of an error message.
    public static var allowedText: String { "the number of a VLAN from 0 to 4094, or two with a hyphen" }
    /// In the manual.
    public static var typeName: String { "VLANs" }
}
