import FoundationEssentials
public import LexAPI

extension JSONValue {
    /// Reads JSON text; throws a ``ClientError`` that names the place of the fault.
    public static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        do {
            return try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw ClientError.protocolViolation(describe(error))
        }
    }

    /// The value as one of LexAPI's types.
    public func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: JSONEncoder().encode(self))
        } catch {
            throw ClientError.protocolViolation(describe(error))
        }
    }

    /// The value as JSON text without spaces, its keys sorted.
    public var jsonText: String {
        // Encoding fails for numbers that JSON has no words for; none can come out of JSON.
        (try? JSONEncoder.wire.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}

extension JSONEncoder {
    func text(_ value: some Encodable) throws -> String { String(decoding: try encode(value), as: UTF8.self) }
}
