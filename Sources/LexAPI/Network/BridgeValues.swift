/// The name of a network interface.
public struct InterfaceName: ConfigValue, Hashable, CustomStringConvertible {
    /// The text.
    public let text: String
    /// 2 to 15 letters, digits, hyphens, underscores and dots.
    public init?(configText: String) {
        guard (try? ObjectName.validateInterface(configText)) != nil else { return nil }
        text = configText
    }
    /// The text.
    public var description: String { text }
    /// In the words of an error message.
    public static var allowedText: String {
        "the name of an interface: 2 to 15 letters, digits, \"-\", \"_\" and \".\""
    }
    /// In the manual.
    public static var typeName: String { "interface" }
}

/// The name of a network ACL.
public struct NetworkACLName: ConfigValue, Hashable {
    /// The text.
    public let text: String
    /// 1 to 63 letters, digits and hyphens.
    public init?(configText: String) {
        guard (try? NetworkACL.validateName(configText)) != nil else { return nil }
        text = configText
    }
    /// In the words of an error message.
    public static var allowedText: String { "the name of a network ACL" }
    /// In the manual.
    public static var typeName: String { "network ACL" }
}

/// A DNS domain.
public struct DNSDomain: ConfigValue, Hashable, CustomStringConvertible {
    /// The text.
    public let text: String
    /// Labels of letters, digits and hyphens with dots between, at most 253 characters.
    public init?(configText: String) {
        guard (1...253).contains(configText.utf8.count) else { return nil }
        for label in configText.split(separator: ".", omittingEmptySubsequences: false) {
            let bytes = label.utf8
            guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-"),
                bytes.allSatisfy({ InstanceName.isLetter($0) || InstanceName.isDigit($0) || $0 == UInt8(ascii: "-") })
            else { return nil }
        }
        text = configText
    }
    /// The text.
    public var description: String { text }
    /// In the words of an error message.
    public static var allowedText: String { "a DNS domain such as lexd or web.example" }
    /// In the manual.
    public static var typeName: String { "DNS domain" }
}

/// Who says the names that resolve on a bridge.
public enum DNSMode: String, ConfigValue, CaseIterable {
    /// lexd: they are those of the instances.
    case managed
    /// The guests.
    case dynamic
    /// There are none.
    case none

    /// One of the words.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "managed, dynamic or none" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// Where the translation of addresses stands among the rules of others.
public enum NATOrder: String, ConfigValue, CaseIterable {
    /// Before those at the usual priority: it wins.
    case before
    /// After them: it takes what they left.
    case after

    /// One of the words.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "before or after" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// For how long an address is given out, in dnsmasq's words: `1h`, `2d`, `infinite`.
public struct LeaseTime: ConfigValue, Hashable, CustomStringConvertible {
    /// The text.
    public let text: String
    /// `infinite`, or a number of seconds, or a number with `m`, `h`, `d` or `w`; from two minutes on.
    public init?(configText: String) {
        text = configText
        if configText == "infinite" { return }
        let factors: [Character: UInt32] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
        let factor = configText.last.flatMap { factors[$0] }
        guard let number = Digits.number(factor == nil ? configText[...] : configText.dropLast()) else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: factor ?? 1)
        // dnsmasq itself makes two minutes of anything less.
        guard !overflow, seconds >= 120 else { return nil }
    }
    /// The text.
    public var description: String { text }
    /// In the words of an error message.
    public static var allowedText: String { "a time of two minutes or more such as 30m, 1h or 2d, or infinite" }
    /// In the manual.
    public static var typeName: String { "time" }
}

/// The name and the setting of a key `tunnel.NAME.SETTING`.
public struct TunnelKey: Sendable, Equatable {
    /// The tunnel's name, part of the name of its interface.
    public let name: String
    /// What is set.
    public let setting: Setting

    /// What can be set of a tunnel.
    public enum Setting: String, Sendable, CaseIterable {
        /// Multicast address of a vxlan without ends.
        case group
        /// Number of a vxlan.
        case id
        /// Interface of the host that a vxlan goes out by.
        case interface
        /// Address of this end.
        case local
        /// Port of a vxlan.
        case port
        /// `vxlan` or `gre`.
        case `protocol`
        /// Address of the other end.
        case remote
        /// Hops of a multicast vxlan.
        case ttl
    }

    /// Reads `NAME.SETTING`, what stands behind `tunnel.`; nil when it is not one.
    public init?(_ text: String) {
        guard let dot = text.lastIndex(of: "."),
            let setting = Setting(rawValue: String(text[text.index(after: dot)...]))
        else { return nil }
        let name = String(text[..<dot])
        guard (1...12).contains(name.utf8.count),
            name.utf8.allSatisfy({ InstanceName.isLetter($0) || InstanceName.isDigit($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.name = name
        self.setting = setting
    }
}
