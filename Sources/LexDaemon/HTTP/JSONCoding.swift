import FoundationEssentials
import LexAPI

/// JSON as it is on LXD's wire.
enum JSONCoding {
    /// Writes a value: keys in order, slashes as they are, as Go writes them.
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    /// Reads a value from a client. Throws a 400 that says where it does not fit.
    static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in LowercasedKey(path) }
        do {
            return try decoder.decode(type, from: data)
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context)
        {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw APIError.badRequest(
                "The body of the request does not fit at \"\(place)\": \(context.debugDescription)")
        } catch DecodingError.dataCorrupted(let context) {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw APIError.badRequest(
                "The body of the request is not valid JSON\(place.isEmpty ? "" : " at \"\(place)\"")"
                    + ": \(context.debugDescription)")
        }
    }

    /// A value as the open JSON that metadata and events carry.
    static func value(_ value: some Encodable) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: encode(value))
    }
}

/// A key in lower case: Go's decoder does not look at the case of keys, and every key of ours is lower case.
private struct LowercasedKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ path: [any CodingKey]) {
        stringValue = path.last?.stringValue.lowercased() ?? ""
        intValue = path.last?.intValue
    }
    init?(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }
    init?(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }
}
