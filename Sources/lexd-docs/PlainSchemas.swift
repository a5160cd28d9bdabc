import LexAPI

/// A type whose schema has no parts.
protocol PlainSchema {
    static var schema: JSONValue { get }
    static var sample: Self { get }
}

extension String: PlainSchema {
    static var schema: JSONValue { ["type": "string"] }
    static var sample: String { "" }
}
extension Bool: PlainSchema {
    static var schema: JSONValue { ["type": "boolean"] }
    static var sample: Bool { false }
}
extension Int: PlainSchema {
    static var schema: JSONValue { ["type": "integer", "format": "int64"] }
    static var sample: Int { 0 }
}
extension Int32: PlainSchema {
    static var schema: JSONValue { ["type": "integer", "format": "int32"] }
    static var sample: Int32 { 0 }
}
extension Int64: PlainSchema {
    static var schema: JSONValue { ["type": "integer", "format": "int64"] }
    static var sample: Int64 { 0 }
}
extension UInt32: PlainSchema {
    static var schema: JSONValue { ["type": "integer", "format": "int64", "minimum": 0] }
    static var sample: UInt32 { 0 }
}
extension UInt64: PlainSchema {
    static var schema: JSONValue { ["type": "integer", "minimum": 0] }
    static var sample: UInt64 { 0 }
}
extension Double: PlainSchema {
    static var schema: JSONValue { ["type": "number"] }
    static var sample: Double { 0 }
}
extension Timestamp: PlainSchema {
    static var schema: JSONValue { ["type": "string", "format": "date-time"] }
    static var sample: Timestamp { .epoch }
}
extension JSONValue: PlainSchema {
    static var schema: JSONValue { [:] }
    static var sample: JSONValue { .null }
}
extension Server.ConfigScalar: PlainSchema {
    static var schema: JSONValue { ["type": "string"] }
    static var sample: Server.ConfigScalar { Server.ConfigScalar(text: "") }
}

/// A type that may be null.
protocol OptionalSchema {
    static var wrapped: any Decodable.Type { get }
    static var none: Self { get }
}
extension Optional: OptionalSchema where Wrapped: Decodable {
    static var wrapped: any Decodable.Type { Wrapped.self }
}

/// A list.
protocol ListSchema {
    static var element: any Decodable.Type { get }
    static var empty: Self { get }
}
extension Array: ListSchema where Element: Decodable {
    static var element: any Decodable.Type { Element.self }
    static var empty: [Element] { [] }
}

/// An object with names of any kind.
protocol MapSchema {
    static var element: any Decodable.Type { get }
    static var empty: Self { get }
}
extension Dictionary: MapSchema where Key == String, Value: Decodable {
    static var element: any Decodable.Type { Value.self }
    static var empty: [String: Value] { [:] }
}
