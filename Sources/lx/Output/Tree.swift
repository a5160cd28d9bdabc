import LexAPI

/// A value on its way to being written as JSON or YAML: what `Encodable` describes, with the order of its keys kept.
///
/// The keys of LexAPI's types stand in the order the stock client prints them; the keys of a dictionary are sorted.
indirect enum Tree: Equatable {
    /// What an absent value would have been: YAML shows an absent list as `[]`, JSON as `null`.
    enum Shape: Equatable {
        case value, list, map
    }

    case nothing(Shape)
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    /// Text that YAML knows as a moment and leaves without quotes.
    case moment(String)
    case list([Tree])
    case map([Member])

    struct Member: Equatable {
        let name: String
        let value: Tree
    }

    /// The tree of any value that can be encoded.
    init(_ value: some Encodable) throws {
        if let value = value as? any TreeSource {
            self = try value.tree()
        } else {
            let recorder = TreeRecorder(codingPath: [])
            try value.encode(to: recorder)
            self = recorder.tree
        }
    }
}

/// A type whose tree is not what its `encode` would give.
protocol TreeSource {
    /// What stands for a missing value of the type.
    static var absent: Tree.Shape { get }
    func tree() throws -> Tree
}

extension Timestamp: TreeSource {
    static var absent: Tree.Shape { .value }
    func tree() -> Tree { .moment(text) }
}

extension Optional: TreeSource where Wrapped: Encodable {
    static var absent: Tree.Shape { (Wrapped.self as? any TreeSource.Type)?.absent ?? .value }
    func tree() throws -> Tree {
        switch self {
        case nil: .nothing(Self.absent)
        case let value?: try Tree(value)
        }
    }
}

extension Nullable: TreeSource {
    static var absent: Tree.Shape { Optional<Value>.absent }
    func tree() throws -> Tree { try wrappedValue.tree() }
}

extension Lenient: TreeSource {
    static var absent: Tree.Shape { Optional<Value>.absent }
    func tree() throws -> Tree { try Tree(wrappedValue) }
}

extension Array: TreeSource where Element: Encodable {
    static var absent: Tree.Shape { .list }
    func tree() throws -> Tree { .list(try map { try Tree($0) }) }
}

extension Dictionary: TreeSource where Key == String, Value: Encodable {
    static var absent: Tree.Shape { .map }
    func tree() throws -> Tree {
        .map(try sorted { $0.key < $1.key }.map { Tree.Member(name: $0.key, value: try Tree($0.value)) })
    }
}

extension JSONValue: TreeSource {
    static var absent: Tree.Shape { .value }
    func tree() throws -> Tree {
        switch self {
        case .null: .nothing(.value)
        case .bool(let value): .bool(value)
        case .int(let value): .integer(value)
        case .double(let value): .number(value)
        case .string(let value): .text(value)
        case .array(let value): try value.tree()
        case .object(let value): try value.tree()
        }
    }
}
