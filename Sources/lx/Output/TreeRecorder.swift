/// The `Encoder` behind `Tree`: notes what a value encodes, in the order it encodes it.
final class TreeRecorder: Encoder {
    private enum Content {
        case nothing
        case value(Tree)
        case list([Slot])
        case map([(String, Slot)])
    }
    /// A nested container is filled after it was handed out, so its place holds the recorder and not the tree.
    private enum Slot {
        case tree(Tree)
        case later(TreeRecorder)

        var tree: Tree {
            switch self {
            case .tree(let tree): tree
            case .later(let recorder): recorder.tree
            }
        }
    }

    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    private var content = Content.nothing

    init(codingPath: [any CodingKey]) {
        self.codingPath = codingPath
    }

    var tree: Tree {
        switch content {
        case .nothing: .map([])
        case .value(let tree): tree
        case .list(let slots): .list(slots.map(\.tree))
        case .map(let slots): .map(slots.map { Tree.Member(name: $0.0, value: $0.1.tree) })
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        // A value may ask for its container twice: `Instance.Full` puts its own keys behind the instance's.
        if case .map = content {} else { content = .map([]) }
        return KeyedEncodingContainer(Keyed<Key>(recorder: self))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .list = content {} else { content = .list([]) }
        return Unkeyed(recorder: self)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { Single(recorder: self) }

    private func add(_ slot: Slot, key: (any CodingKey)?) {
        switch (content, key) {
        case (.map(var slots), let key?):
            slots.append((key.stringValue, slot))
            content = .map(slots)
        case (.list(var slots), _):
            slots.append(slot)
            content = .list(slots)
        default:
            content = .value(slot.tree)
        }
    }
    private func nested(key: (any CodingKey)?) -> TreeRecorder {
        let recorder = TreeRecorder(codingPath: codingPath + (key.map { [$0] } ?? []))
        add(.later(recorder), key: key)
        return recorder
    }
    private var count: Int { if case .list(let slots) = content { slots.count } else { 0 } }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let recorder: TreeRecorder
        var codingPath: [any CodingKey] { recorder.codingPath }

        func encodeNil(forKey key: Key) { recorder.add(.tree(.nothing(.value)), key: key) }
        func encode(_ value: Bool, forKey key: Key) { recorder.add(.tree(.bool(value)), key: key) }
        func encode(_ value: String, forKey key: Key) { recorder.add(.tree(.text(value)), key: key) }
        func encode(_ value: Double, forKey key: Key) { recorder.add(.tree(.number(value)), key: key) }
        func encode(_ value: Float, forKey key: Key) { recorder.add(.tree(.number(Double(value))), key: key) }
        func encode(_ value: Int, forKey key: Key) { recorder.add(.tree(.integer(Int64(value))), key: key) }
        func encode(_ value: Int8, forKey key: Key) { recorder.add(.tree(.integer(Int64(value))), key: key) }
        func encode(_ value: Int16, forKey key: Key) { recorder.add(.tree(.integer(Int64(value))), key: key) }
        func encode(_ value: Int32, forKey key: Key) { recorder.add(.tree(.integer(Int64(value))), key: key) }
        func encode(_ value: Int64, forKey key: Key) { recorder.add(.tree(.integer(value)), key: key) }
        func encode(_ value: UInt, forKey key: Key) { recorder.add(.tree(.unsigned(UInt64(value))), key: key) }
        func encode(_ value: UInt8, forKey key: Key) { recorder.add(.tree(.unsigned(UInt64(value))), key: key) }
        func encode(_ value: UInt16, forKey key: Key) { recorder.add(.tree(.unsigned(UInt64(value))), key: key) }
        func encode(_ value: UInt32, forKey key: Key) { recorder.add(.tree(.unsigned(UInt64(value))), key: key) }
        func encode(_ value: UInt64, forKey key: Key) { recorder.add(.tree(.unsigned(value)), key: key) }
        func encode(_ value: some Encodable, forKey key: Key) throws {
            recorder.add(.tree(try Tree(value)), key: key)
        }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> { recorder.nested(key: key).container(keyedBy: type) }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            recorder.nested(key: key).unkeyedContainer()
        }
        func superEncoder() -> any Encoder { recorder }
        func superEncoder(forKey key: Key) -> any Encoder { recorder.nested(key: key) }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let recorder: TreeRecorder
        var codingPath: [any CodingKey] { recorder.codingPath }
        var count: Int { recorder.count }

        func encodeNil() { recorder.add(.tree(.nothing(.value)), key: nil) }
        func encode(_ value: some Encodable) throws { recorder.add(.tree(try Tree(value)), key: nil) }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            recorder.nested(key: nil).container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { recorder.nested(key: nil).unkeyedContainer() }
        func superEncoder() -> any Encoder { recorder.nested(key: nil) }
    }

    private struct Single: SingleValueEncodingContainer {
        let recorder: TreeRecorder
        var codingPath: [any CodingKey] { recorder.codingPath }

        func encodeNil() { recorder.content = .value(.nothing(.value)) }
        func encode(_ value: Bool) { recorder.content = .value(.bool(value)) }
        func encode(_ value: String) { recorder.content = .value(.text(value)) }
        func encode(_ value: Double) { recorder.content = .value(.number(value)) }
        func encode(_ value: Float) { recorder.content = .value(.number(Double(value))) }
        func encode(_ value: Int) { recorder.content = .value(.integer(Int64(value))) }
        func encode(_ value: Int8) { recorder.content = .value(.integer(Int64(value))) }
        func encode(_ value: Int16) { recorder.content = .value(.integer(Int64(value))) }
        func encode(_ value: Int32) { recorder.content = .value(.integer(Int64(value))) }
        func encode(_ value: Int64) { recorder.content = .value(.integer(value)) }
        func encode(_ value: UInt) { recorder.content = .value(.unsigned(UInt64(value))) }
        func encode(_ value: UInt8) { recorder.content = .value(.unsigned(UInt64(value))) }
        func encode(_ value: UInt16) { recorder.content = .value(.unsigned(UInt64(value))) }
        func encode(_ value: UInt32) { recorder.content = .value(.unsigned(UInt64(value))) }
        func encode(_ value: UInt64) { recorder.content = .value(.unsigned(value)) }
        func encode(_ value: some Encodable) throws { recorder.content = .value(try Tree(value)) }
    }
}
