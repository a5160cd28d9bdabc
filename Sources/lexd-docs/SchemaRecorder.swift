import LexAPI

/// What Codable types look like as JSON, found by decoding each from a decoder that notes what it is asked for.
///
/// Nothing is said twice so: a field that is added to a type is in the schema.
final class SchemaRecorder {
    /// The schemas of structures, by their names.
    private(set) var components: [String: JSONValue] = [:]
    /// The types that refused every value offered: their schemas are not whole.
    private(set) var failures: [String] = []
    private var known: [ObjectIdentifier: Any] = [:]
    private var underWay: Set<ObjectIdentifier> = []

    /// The schema of a type: a reference where it is a structure.
    func schema<Value: Decodable>(of type: Value.Type) -> JSONValue {
        switch type {
        case let plain as any PlainSchema.Type: return plain.schema
        case let optional as any OptionalSchema.Type:
            return Self.nullable(schema(of: optional.wrapped))
        case let list as any ListSchema.Type: return ["type": "array", "items": schema(of: list.element)]
        case let map as any MapSchema.Type:
            return ["type": "object", "additionalProperties": schema(of: map.element)]
        case let word as any (CaseIterable & RawRepresentable).Type:
            return ["type": "string", "enum": .array(Self.words(of: word).map { .string($0) })]
        default: return structure(type).schema
        }
    }

    /// Something of the type, for the initialiser of what contains it.
    func sample<Value: Decodable>(of type: Value.Type) throws -> Value {
        let sample: Any? =
            switch type {
            case let plain as any PlainSchema.Type: plain.sample
            case let optional as any OptionalSchema.Type: optional.none
            case let list as any ListSchema.Type: list.empty
            case let map as any MapSchema.Type: map.empty
            case let word as any (CaseIterable & RawRepresentable).Type: Self.first(of: word)
            default: structure(type).sample
            }
        guard let value = sample as? Value else { throw NoSample(type: "\(type)") }
        return value
    }

    private struct NoSample: Error { let type: String }

    private func structure<Value: Decodable>(_ type: Value.Type) -> (schema: JSONValue, sample: Value?) {
        let name = Self.name(of: type)
        let reference: JSONValue = ["$ref": .string("#/components/schemas/\(name)")]
        if components[name] != nil || underWay.contains(ObjectIdentifier(type)) {
            return (plain[name] ?? reference, known[ObjectIdentifier(type)] as? Value)
        }
        underWay.insert(ObjectIdentifier(type))
        defer { underWay.remove(ObjectIdentifier(type)) }
        let notes = SchemaNotes()
        let sample: Value?
        do {
            sample = try Value(from: NotingDecoder(recorder: self, notes: notes))
        } catch {
            failures.append("\(name): \(error)")
            sample = nil
        }
        known[ObjectIdentifier(type)] = sample
        if let single = notes.single {
            // It is written as what it holds.
            plain[name] = single
            components[name] = single
            return (single, sample)
        }
        components[name] = notes.schema
        return (reference, sample)
    }
    private var plain: [String: JSONValue] = [:]

    /// `LexAPI.Instance.Creation` is `Instance.Creation`; what a generic type is made of follows it.
    static func name(of type: Any.Type) -> String {
        let words = String(reflecting: type).replacing("LexAPI.", with: "").replacing("Swift.", with: "")
        return String(words.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" })
    }

    /// The same schema, that null fits too.
    static func nullable(_ schema: JSONValue) -> JSONValue {
        guard var members = schema.members else { return schema }
        if members["$ref"] != nil { return ["allOf": [schema], "nullable": true] }
        if members["type"] == nil { return schema }
        members["nullable"] = true
        return .object(members)
    }

    private static func words<Word: CaseIterable & RawRepresentable>(of type: Word.Type) -> [String] {
        type.allCases.map { "\($0.rawValue)" }
    }
    private static func first<Word: CaseIterable & RawRepresentable>(of type: Word.Type) -> Word? {
        type.allCases.first
    }
}

/// What one structure was asked for.
final class SchemaNotes {
    private var fields: [String: JSONValue] = [:]
    private var optional: Set<String> = []
    /// The schema of what is written in the structure's place.
    var single: JSONValue?

    func note(_ field: String, _ schema: JSONValue) { fields[field] = schema }
    func mayLack(_ field: String) { optional.insert(field) }

    var schema: JSONValue {
        var properties: [String: JSONValue] = [:]
        for (name, schema) in fields {
            properties[name] = optional.contains(name) ? SchemaRecorder.nullable(schema) : schema
        }
        var members: [String: JSONValue] = ["type": "object", "properties": .object(properties)]
        let required = fields.keys.filter { !optional.contains($0) }.sorted()
        if !required.isEmpty { members["required"] = .array(required.map { .string($0) }) }
        return .object(members)
    }
}
