/// A type whose values are written as text in a configuration, where every value is a string.
public protocol ConfigValue: Sendable {
    /// Reads the text; nil when it is not such a value.
    init?(configText: String)
    /// What is allowed, in words that end the sentence "X must be …".
    static var allowedText: String { get }
    /// The type's name in the manual: `bool`, `integer`, `string` …
    static var typeName: String { get }
    /// Whether the text may have more lines than one.
    static var hasLines: Bool { get }
    /// The part of a text that is no such value, for the message about it; nil for the whole.
    static func fault(in text: String) -> String?
}

/// When a changed value of a key takes effect.
public enum ConfigEffect: String, Sendable, Codable {
    /// At once, also on a running instance.
    case live
    /// At the next start.
    case onRestart = "restart"
    /// Only when the thing is made.
    case atCreation = "creation"
}

/// One configuration key: everything the daemon, the client and the manual know about it.
public struct ConfigKey<Value: ConfigValue>: Sendable {
    /// The full name, `limits.memory`.
    public let name: String
    /// One sentence on what it does.
    public let summary: String
    /// The value it has when it is not set.
    public let defaultValue: Value?
    /// The default as it would be written.
    public let defaultText: String?
    /// When a change takes effect.
    public let effect: ConfigEffect
    /// What the key needs that this version lacks, as the end of "… needs X"; nil for one that acts.
    public let lacking: String?
    /// A further rule for the value; answers the words that end "X must be …" when it is broken.
    public let check: (@Sendable (Value) -> String?)?

    /// Declares a key.
    ///
    /// - Parameter lacking: What the key needs that this version lacks.
    public init(
        _ name: String, default defaultText: String? = nil, effect: ConfigEffect, _ summary: String,
        lacking: String? = nil, check: (@Sendable (Value) -> String?)? = nil
    ) {
        self.name = name
        self.summary = summary
        self.defaultText = defaultText
        self.defaultValue = defaultText.flatMap(Value.init(configText:))
        self.effect = effect
        self.lacking = lacking
        self.check = check
    }

    /// Reads a value of this key.
    public func parse(_ text: String) throws(APIError) -> Value {
        guard !text.utf8.contains(0) else {
            throw .badRequest("Invalid value for \"\(name)\": it must be without NUL bytes")
        }
        guard Value.hasLines || !text.utf8.contains(where: { $0 == 10 || $0 == 13 }) else {
            throw .badRequest("Invalid value for \"\(name)\": it must be one line")
        }
        guard let value = Value(configText: text) else {
            let fault = clipped(Value.fault(in: text) ?? text)
            throw .badRequest("Invalid value for \"\(name)\": \"\(fault)\" must be \(Value.allowedText)")
        }
        if let broken = check?(value) {
            throw .badRequest("Invalid value for \"\(name)\": \"\(clipped(text))\" must be \(broken)")
        }
        return value
    }
}

/// A text short enough for an error message. Counted in scalars: a character can be of any length.
func clipped(_ text: String) -> String {
    text.unicodeScalars.count <= 64 ? text : String(text.unicodeScalars.prefix(61)) + "…"
}

/// What can be asked of a key without knowing the type of its value.
public protocol AnyConfigKey: Sendable {
    /// The full name.
    var name: String { get }
    /// One sentence on what it does.
    var summary: String { get }
    /// The default as text.
    var defaultText: String? { get }
    /// When a change takes effect.
    var effect: ConfigEffect { get }
    /// The type's name in the manual.
    var typeName: String { get }
    /// What the key needs that this version lacks; nil for one that acts.
    var lacking: String? { get }
    /// Whether a value means the same as the default.
    func isDefault(_ text: String) -> Bool
    /// Throws a 400 that names the key and what is allowed.
    func validate(_ text: String) throws(APIError)
}

extension ConfigKey: AnyConfigKey {
    /// The type's name in the manual.
    public var typeName: String { Value.typeName }
    /// Throws a 400 that names the key and what is allowed.
    public func validate(_ text: String) throws(APIError) { _ = try parse(text) }
    /// Whether a value means the same as the default: `1` and `true` do.
    public func isDefault(_ text: String) -> Bool {
        guard let defaultText else { return false }
        if text == defaultText { return true }
        guard Value.self == Bool.self, let value = Value(configText: text) as? Bool else { return false }
        return value == defaultValue as? Bool
    }
}

/// A family of keys that share a beginning: `user.*`, `environment.*`, `limits.kernel.*`.
public struct ConfigKeyFamily: Sendable {
    /// A key of a family that can be named.
    public struct Member: Sendable {
        /// What stands behind the prefix; a part in capitals stands for a name.
        public let name: String
        /// The value it has when it is not set, as text.
        public let defaultText: String
        /// One sentence on what it does.
        public let summary: String

        /// Makes the value.
        public init(_ name: String, default defaultText: String = "", _ summary: String) {
            self.name = name
            self.defaultText = defaultText
            self.summary = summary
        }
    }

    /// What the names begin with, the last dot included.
    public let prefix: String
    /// One sentence on what it is for.
    public let summary: String
    /// When a change takes effect.
    public let effect: ConfigEffect
    /// Whether the part after the prefix is a name of this family.
    public let accepts: @Sendable (String) -> Bool
    /// A rule for the value; answers the words that end "X must be …" when it is broken.
    public let check: @Sendable (String) -> String?
    /// The keys that can be named.
    public let members: [Member]
    /// Whether there can be more than those.
    public let isOpen: Bool

    /// Declares a family, open unless all its members are named.
    public init(
        _ prefix: String, effect: ConfigEffect, _ summary: String, members: [Member] = [], isOpen: Bool? = nil,
        accepts: @escaping @Sendable (String) -> Bool = { !$0.isEmpty },
        check: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.prefix = prefix
        self.summary = summary
        self.effect = effect
        self.accepts = accepts
        self.check = check
        self.members = members
        self.isOpen = isOpen ?? members.isEmpty
    }

    /// Declares a family of these members and no others.
    public init(
        _ prefix: String, effect: ConfigEffect, _ summary: String, only members: [Member],
        check: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        let names = Set(members.map(\.name))
        self.init(
            prefix, effect: effect, summary, members: members, isOpen: false, accepts: { names.contains($0) },
            check: check)
    }
}

/// A set of keys, found through `Mirror` in its stored properties: keys, families, and nested sets.
public protocol ConfigKeySet: Sendable {
    /// Makes the set with all its declarations.
    init()
}

/// What `Mirror` found in a key set, once per type.
struct ConfigKeyTable: Sendable {
    var keys: [String: any AnyConfigKey] = [:]
    var families: [ConfigKeyFamily] = []

    init(_ set: some ConfigKeySet) { collect(set) }

    private mutating func collect(_ value: Any) {
        for child in Mirror(reflecting: value).children {
            switch child.value {
            case let key as any AnyConfigKey: keys[key.name] = key
            case let family as ConfigKeyFamily: families.append(family)
            case let set as any ConfigKeySet: collect(set)
            default: break
            }
        }
    }
}

/// The flat name-to-text configuration of the wire, read through the keys that may be in it.
public struct Config<Keys: ConfigKeySet>: Sendable, Equatable {
    /// The values as they are on the wire.
    public var values: [String: String]

    /// Wraps values as they came; `validate` checks them.
    public init(_ values: [String: String] = [:]) { self.values = values }

    /// Compares the values.
    public static func == (left: Config, right: Config) -> Bool { left.values == right.values }

    /// Every key of the set, by name.
    public static var keys: [any AnyConfigKey] { table.keys.values.sorted { $0.name < $1.name } }
    /// Every open family of the set.
    public static var families: [ConfigKeyFamily] { table.families }
    /// The declaration a name falls under.
    public static func key(named name: String) -> (any AnyConfigKey)? { table.keys[name] }

    /// Whether two values of a key mean the same; nil and what is empty mean the default.
    public static func isSame(_ name: String, _ left: String?, _ right: String?) -> Bool {
        let left = left ?? ""
        let right = right ?? ""
        if left == right { return true }
        guard let key = table.keys[name] else { return false }
        func isDefault(_ text: String) -> Bool { text.isEmpty || key.isDefault(text) }
        return isDefault(left) && isDefault(right) && key.defaultText != nil
    }

    /// The effect of the key or family a name falls under; nil for an unknown name.
    public static func effect(of name: String) -> ConfigEffect? {
        if let key = table.keys[name] { return key.effect }
        return family(of: name)?.effect
    }

    /// The value of a key, or its default, or nil.
    public subscript<Value>(_ path: KeyPath<Keys, ConfigKey<Value>>) -> Value? {
        get throws(APIError) {
            let key = Keys()[keyPath: path]
            guard let text = values[key.name], !text.isEmpty else { return key.defaultValue }
            return try key.parse(text)
        }
    }

    /// Throws a 400 for the first (by name) unknown key or bad value; `unknown` words the unknown key.
    public func validate(
        unknown: (String) -> String = { "Unknown configuration key: \($0)" }
    ) throws(APIError) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { try Self.validate(name, value, unknown: unknown) }
    }

    /// Throws a 400 when there is no such key or the value does not fit it. An empty value unsets and is always fine.
    public static func validate(
        _ name: String, _ value: String, unknown: (String) -> String = { "Unknown configuration key: \($0)" }
    ) throws(APIError) {
        if let key = table.keys[name] {
            if !value.isEmpty { try key.validate(value) }
            return
        }
        guard let family = family(of: name), family.accepts(String(name.dropFirst(family.prefix.count))),
            !name.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else { throw .badRequest(unknown(clipped(name))) }
        if let broken = family.check(value) {
            throw .badRequest("Invalid value for \"\(name)\": \"\(clipped(value))\" must be \(broken)")
        }
    }

    private static func family(of name: String) -> ConfigKeyFamily? {
        table.families.first { name.hasPrefix($0.prefix) }
    }
    private static var table: ConfigKeyTable { ConfigKeyTables.table(for: Keys.self) }
}

/// The tables of all key sets, each built when first used.
enum ConfigKeyTables {
    private static let tables = TableBox()

    static func table<Keys: ConfigKeySet>(for type: Keys.Type) -> ConfigKeyTable {
        tables.table(for: ObjectIdentifier(type)) { ConfigKeyTable(Keys()) }
    }
}
