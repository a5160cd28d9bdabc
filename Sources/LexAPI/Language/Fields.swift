/// A type with a value that an absent or null JSON field stands for, as Go's zero values do on LXD's wire.
public protocol ZeroValue {
    /// The value an absent field has.
    static var zero: Self { get }
}

extension Bool: ZeroValue {
    /// `false`.
    public static var zero: Bool { false }
}
extension Int: ZeroValue {
    /// Nought.
    public static var zero: Int { 0 }
}
extension Int64: ZeroValue {
    /// Nought.
    public static var zero: Int64 { 0 }
}
extension UInt64: ZeroValue {
    /// Nought.
    public static var zero: UInt64 { 0 }
}
extension String: ZeroValue {
    /// The empty text.
    public static var zero: String { "" }
}
extension Array: ZeroValue {
    /// The empty list.
    public static var zero: [Element] { [] }
}
extension Dictionary: ZeroValue {
    /// The empty object.
    public static var zero: [Key: Value] { [:] }
}

/// A JSON field that may be absent or null and then has its type's zero value; always written.
@propertyWrapper
public struct Lenient<Value: Codable & ZeroValue & Sendable>: Codable, Sendable {
    /// The field's value.
    public var wrappedValue: Value
    /// Wraps a value.
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
    /// Reads the value; null is zero.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? .zero : try container.decode(Value.self)
    }
    /// Writes the bare value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}
extension Lenient: Equatable where Value: Equatable {}

/// A JSON field that is written as `null` when there is no value, and may be absent when read.
@propertyWrapper
public struct Nullable<Value: Codable & Sendable>: Codable, Sendable {
    /// The field's value, nil for null.
    public var wrappedValue: Value?
    /// Wraps a value.
    public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }
    /// Reads the value or null.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }
    /// Writes the bare value or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}
extension Nullable: Equatable where Value: Equatable {}

// Synthesised decoders call these for wrapped fields; without them an absent key would be an error.
extension KeyedDecodingContainer {
    /// Reads a lenient field, which may be absent.
    public func decode<Value>(_ type: Lenient<Value>.Type, forKey key: Key) throws -> Lenient<Value> {
        Lenient(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? .zero)
    }
    /// Reads a nullable field, which may be absent.
    public func decode<Value>(_ type: Nullable<Value>.Type, forKey key: Key) throws -> Nullable<Value> {
        Nullable(wrappedValue: try decodeIfPresent(Value.self, forKey: key))
    }
}

// Go reads null as zero inside maps too: `{"user.role":null}` is `{"user.role":""}`, which a PATCH takes away.
extension KeyedDecodingContainer {
    /// Reads a lenient map of texts; null in a text's place is the empty text.
    public func decode(_ type: Lenient<[String: String]>.Type, forKey key: Key) throws -> Lenient<[String: String]> {
        Lenient(wrappedValue: try texts(forKey: key) ?? .zero)
    }
    /// Reads a nullable map of texts; null in a text's place is the empty text.
    public func decode(_ type: Nullable<[String: String]>.Type, forKey key: Key) throws -> Nullable<[String: String]> {
        Nullable(wrappedValue: try texts(forKey: key))
    }
    /// Reads lenient maps of texts by name; null is the empty map, and in a text's place the empty text.
    public func decode(
        _ type: Lenient<[String: [String: String]]>.Type, forKey key: Key
    ) throws -> Lenient<[String: [String: String]]> {
        Lenient(wrappedValue: try mapsOfTexts(forKey: key) ?? .zero)
    }
    /// Reads nullable maps of texts by name; null is the empty map, and in a text's place the empty text.
    public func decode(
        _ type: Nullable<[String: [String: String]]>.Type, forKey key: Key
    ) throws -> Nullable<[String: [String: String]]> {
        Nullable(wrappedValue: try mapsOfTexts(forKey: key))
    }

    private func texts(forKey key: Key) throws -> [String: String]? {
        try decodeIfPresent([String: String?].self, forKey: key)?.mapValues { $0 ?? .zero }
    }
    private func mapsOfTexts(forKey key: Key) throws -> [String: [String: String]]? {
        try decodeIfPresent([String: [String: String?]?].self, forKey: key)?
            .mapValues { ($0 ?? .zero).mapValues { $0 ?? .zero } }
    }
}
