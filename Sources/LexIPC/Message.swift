/// A value that passes between our processes. Fields are written and read in one fixed order, without names: both
/// sides are always of the same build.
package protocol Message: Sendable {
    func write(to writer: inout MessageWriter)
    init(from reader: inout MessageReader) throws(MessageError)
}

/// Bytes that are not the message they should be.
package struct MessageError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ what: String) { description = "malformed message between lexd and its helper: \(what)" }
}

/// Collects the fields of a message.
package struct MessageWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    package init() {}

    package mutating func put(_ value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }
    package mutating func put(_ value: Int64) { put(UInt64(bitPattern: value)) }
    package mutating func put(_ value: Int32) { put(Int64(value)) }
    package mutating func put(_ value: UInt32) { put(UInt64(value)) }
    package mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
    package mutating func put(_ value: String) { put(Array(value.utf8)) }
    package mutating func put(_ value: [UInt8]) {
        put(UInt64(value.count))
        bytes.append(contentsOf: value)
    }
    package mutating func put(_ value: [String]) {
        put(UInt64(value.count))
        for element in value { put(element) }
    }
    package mutating func put<Element: Message>(_ value: [Element]) {
        put(UInt64(value.count))
        for element in value { element.write(to: &self) }
    }
    package mutating func put<Value: Message>(_ value: Value) { value.write(to: &self) }
    package mutating func put<Value: Message>(optional value: Value?) {
        put(value != nil)
        if let value { put(value) }
    }
    package mutating func put(optional value: String?) {
        put(value != nil)
        if let value { put(value) }
    }
}

/// Takes the fields of a message apart; anything that does not fit is an error, never a trap.
package struct MessageReader: Sendable {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func take(_ count: UInt64) throws(MessageError) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count - position) else { throw MessageError("it ends too early") }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }
    package mutating func uint64() throws(MessageError) -> UInt64 {
        try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    package mutating func int64() throws(MessageError) -> Int64 { Int64(bitPattern: try uint64()) }
    package mutating func int32() throws(MessageError) -> Int32 {
        guard let value = Int32(exactly: try int64()) else { throw MessageError("a number is out of range") }
        return value
    }
    package mutating func uint32() throws(MessageError) -> UInt32 {
        guard let value = UInt32(exactly: try uint64()) else { throw MessageError("a number is out of range") }
        return value
    }
    package mutating func bool() throws(MessageError) -> Bool { try take(1).first == 1 }
    package mutating func blob() throws(MessageError) -> [UInt8] { Array(try take(try uint64())) }
    package mutating func string() throws(MessageError) -> String {
        String(decoding: try take(try uint64()), as: UTF8.self)
    }
    package mutating func optionalString() throws(MessageError) -> String? { try bool() ? try string() : nil }
    package mutating func strings() throws(MessageError) -> [String] {
        var result: [String] = []
        for _ in 0..<(try count()) { result.append(try string()) }
        return result
    }
    package mutating func list<Element: Message>(_: Element.Type = Element.self) throws(MessageError) -> [Element] {
        var result: [Element] = []
        for _ in 0..<(try count()) { result.append(try Element(from: &self)) }
        return result
    }
    package mutating func value<Value: Message>(_: Value.Type = Value.self) throws(MessageError) -> Value {
        try Value(from: &self)
    }
    package mutating func optional<Value: Message>(_: Value.Type = Value.self) throws(MessageError) -> Value? {
        try bool() ? try Value(from: &self) : nil
    }
    /// A count of elements: never more than there are bytes left, so that a lie cannot make us allocate.
    private mutating func count() throws(MessageError) -> Int {
        let count = try uint64()
        guard count <= UInt64(bytes.count - position) else { throw MessageError("a list is longer than the message") }
        return Int(count)
    }
}
