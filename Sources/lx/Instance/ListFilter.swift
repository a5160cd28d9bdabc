import LexAPI

/// One condition of `lx list`; an instance is listed when it meets all of them.
enum ListFilter {
    /// The beginning of the name, or a pattern for all of it.
    case name(String, TextPattern?)
    /// One of the properties that have a name of their own, and the values wanted.
    case property(Property, [String])
    /// A field of the instance as it is on the wire, or a configuration key, perhaps shortened, and its value.
    case key(String, value: String, TextPattern?)

    enum Property: String {
        case type, status, architecture, location, ipv4, ipv6
    }

    static func parse(_ words: [String]) throws -> [ListFilter] {
        try words.map { word in
            guard let (key, value) = KeyValues.split(word) else { return .name(word, TextPattern(word)) }
            guard let property = Property(rawValue: key.lowercased()) else {
                return .key(key, value: value, TextPattern(value))
            }
            let values = value.split(separator: ",").map(String.init)
            if property == .ipv4 || property == .ipv6 {
                for value in values where AddressRange(value) == nil {
                    throw Failure("\"\(value)\" in \"\(word)\" is neither an address nor a subnet")
                }
            }
            return .property(property, values)
        }
    }

    /// Whether it is about something that the server has to look into the instance for.
    var needsState: Bool {
        if case .property(.ipv4, _) = self { return true }
        if case .property(.ipv6, _) = self { return true }
        return false
    }

    func accepts(_ full: Instance.Full) -> Bool {
        let instance = full.instance
        switch self {
        case .name(let text, let pattern):
            return instance.name.hasPrefix(text) || pattern?.matches(instance.name) == true
        case .property(let property, let values):
            return values.contains { Self.has(full, property, $0) }
        case .key(let key, let value, let pattern):
            // With several values it can only be about the configuration, as with the stock client.
            if !value.contains(","), let fits = OwnFields.fit(instance, key, value) { return fits }
            if instance.expandedConfig[key, default: ""] == value { return true }
            return instance.expandedConfig.contains { entry in
                DottedKey.isShort(key, of: entry.key) && (pattern?.matches(entry.value) ?? (entry.value == value))
            }
        }
    }

    private static func has(_ full: Instance.Full, _ property: Property, _ value: String) -> Bool {
        let instance = full.instance
        func equal(_ text: String) -> Bool { text.lowercased() == value.lowercased() }
        return switch property {
        case .type: equal(instance.type)
        case .status: equal(instance.status)
        case .architecture: equal(instance.architecture)
        case .location: equal(instance.location)
        case .ipv4: holds("inet", full, value)
        case .ipv6: holds("inet6", full, value)
        }
    }

    private static func holds(_ family: String, _ full: Instance.Full, _ value: String) -> Bool {
        guard let range = AddressRange(value) else { return false }
        return (full.state?.network ?? [:]).values.contains { network in
            network.addresses.contains { $0.family == family && range.contains($0.address) }
        }
    }
}

/// A regular expression that has to match all of a text, unless it says itself where it begins or ends.
struct TextPattern {
    private let regex: Regex<AnyRegexOutput>

    /// Nil for text that is no regular expression.
    init?(_ text: String, ignoringCase: Bool = false) {
        let whole = text.contains("^") || text.contains("$") ? text : "^(?:\(text))$"
        guard let regex = try? Regex(whole) else { return nil }
        self.regex = ignoringCase ? regex.ignoresCase() : regex
    }

    func matches(_ text: String) -> Bool { ((try? regex.firstMatch(in: text)) ?? nil) != nil }
}

/// What a thing has beside its maps and lists, by the names on the wire: `name`, `ephemeral`, `size`.
enum OwnFields {
    /// Whether the field has the value, in whatever case, or fits it as a regular expression; nil when there is no such
    /// field. A list or a map has no value.
    static func fit(_ thing: some Encodable, _ name: String, _ value: String) -> Bool? {
        guard case .map(let members)? = try? Tree(thing), let field = members.first(where: { $0.name == name }) else {
            return nil
        }
        guard let text = field.value.plainText else { return false }
        return text.lowercased() == value.lowercased() || TextPattern(value, ignoringCase: true)?.matches(text) == true
    }
}

extension Tree {
    /// A value without quotes; nil for a list, a map, and what is not there.
    fileprivate var plainText: String? {
        switch self {
        case .nothing, .list, .map: nil
        case .bool(let value): String(value)
        case .integer(let value): String(value)
        case .unsigned(let value): String(value)
        case .number(let value): String(value)
        case .text(let value), .moment(let value): value
        }
    }
}

/// Keys with dots, of which every part may be shortened.
enum DottedKey {
    static func isShort(_ short: String, of key: String) -> Bool {
        let short = short.split(separator: ".", omittingEmptySubsequences: false)
        let key = key.split(separator: ".", omittingEmptySubsequences: false)
        return short.count == key.count && zip(short, key).allSatisfy { $1.hasPrefix($0) }
    }
}

/// An address, or all addresses of a subnet.
enum AddressRange: Equatable {
    case ipv4(IPv4Subnet)
    case ipv6([UInt16], prefix: Int)

    init?(_ text: String) {
        let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = halves.first, !address.isEmpty else { return nil }
        let prefix = halves.count == 2 ? halves.last.flatMap { UInt32($0) } : nil
        if halves.count == 2 && prefix == nil { return nil }
        if let address = IPv4Address(configText: address) {
            guard let subnet = IPv4Subnet(address: address, prefix: prefix ?? 32) else { return nil }
            self = .ipv4(subnet)
        } else if let address = IPv6Address(configText: address), prefix ?? 128 <= 128 {
            self = .ipv6(address.groups, prefix: Int(prefix ?? 128))
        } else {
            return nil
        }
    }

    func contains(_ text: String) -> Bool {
        switch self {
        case .ipv4(let subnet): IPv4Address(configText: text).map { subnet.contains($0) } ?? false
        case .ipv6(let groups, let prefix):
            IPv6Address(configText: text).map { address in
                zip(groups, address.groups).enumerated().allSatisfy { index, pair in
                    let bits = min(16, max(0, prefix - index * 16))
                    let mask = bits == 0 ? 0 : UInt16.max << UInt16(16 - bits)
                    return pair.0 & mask == pair.1 & mask
                }
            } ?? false
        }
    }
}
