import LexAPI

/// A decoder that has no data: it notes what it is asked for, and answers with something of the kind.
struct NotingDecoder: Decoder {
    let recorder: SchemaRecorder
    let notes: SchemaNotes
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(NotingFields<Key>(decoder: self))
    }
    func unkeyedContainer() -> any UnkeyedDecodingContainer { NotingList(decoder: self) }
    func singleValueContainer() -> any SingleValueDecodingContainer { NotingValue(decoder: self) }
}

private struct NotingFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: NotingDecoder
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }

    // Only who takes an absent field asks whether it is there.
    func contains(_ key: Key) -> Bool {
        decoder.notes.mayLack(key.stringValue)
        return true
    }
    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        decoder.notes.note(key.stringValue, decoder.recorder.schema(of: type))
        return try decoder.recorder.sample(of: type)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> {
        decoder.notes.note(key.stringValue, ["type": "object"])
        return NotingDecoder(recorder: decoder.recorder, notes: SchemaNotes()).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        decoder.notes.note(key.stringValue, ["type": "array", "items": [:]])
        return NotingList(decoder: decoder)
    }
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { decoder }
}

private struct NotingList: UnkeyedDecodingContainer {
    let decoder: NotingDecoder
    var codingPath: [any CodingKey] { [] }
    var count: Int? { 0 }
    var isAtEnd: Bool { true }
    var currentIndex: Int { 0 }

    mutating func decodeNil() -> Bool { true }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try decoder.recorder.sample(of: type)
    }
    mutating func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type
    ) throws -> KeyedDecodingContainer<NestedKey> { decoder.container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { self }
    mutating func superDecoder() throws -> any Decoder { decoder }
}

private struct NotingValue: SingleValueDecodingContainer {
    let decoder: NotingDecoder
    var codingPath: [any CodingKey] { [] }

    func decodeNil() -> Bool { false }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // The first kind it tries: others are what it also takes.
        if decoder.notes.single == nil { decoder.notes.single = decoder.recorder.schema(of: type) }
        return try decoder.recorder.sample(of: type)
    }
}
