/// A message as it travels: its length (4 bytes, little-endian) and its bytes.
package func framed(_ message: some Message) -> [UInt8] {
    var writer = MessageWriter()
    message.write(to: &writer)
    let body = writer.bytes
    let length = UInt32(truncatingIfNeeded: body.count)
    return (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * UInt32($0))) } + body
}

/// Puts messages together from the bytes of a peer that is not trusted, as they come: whoever reads them never has to
/// wait for the rest of one.
package struct MessageBuffer: Sendable {
    private var bytes: [UInt8] = []
    private let limit: Int

    /// - Parameter limit: The most bytes of one message.
    package init(limit: Int) { self.limit = limit }

    /// Adds what was received.
    package mutating func append(_ new: some Collection<UInt8>) { bytes.append(contentsOf: new) }

    /// Whether part of a message is here.
    package var isEmpty: Bool { bytes.isEmpty }

    /// Takes the next message; nil when it is not all here yet.
    package mutating func next<Value: Message>(_: Value.Type = Value.self) throws(MessageError) -> Value? {
        guard bytes.count >= 4 else { return nil }
        let length = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit else { throw MessageError("it says it has \(length) bytes, more than \(limit)") }
        guard bytes.count - 4 >= length else { return nil }
        var reader = MessageReader(Array(bytes[4..<4 + length]))
        bytes.removeFirst(4 + length)
        return try Value(from: &reader)
    }
}
