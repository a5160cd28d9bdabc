import LexAPI

/// A place where lexd's answer is not LXD's.
struct GoldenDifference: Sendable, CustomStringConvertible {
    /// Group, request, and the way to the value, with dots between.
    let path: String
    let description: String

    /// All differences between two values.
    static func all(_ golden: JSONValue, _ ours: JSONValue, path: String) -> [GoldenDifference] {
        switch (golden, ours) {
        case (.object(let golden), .object(let ours)):
            Set(golden.keys).union(ours.keys).sorted().flatMap { name in
                member(golden[name], ours[name], path: "\(path).\(name)")
            }
        case (.array(let golden), .array(let ours)) where path.hasSuffix("api_extensions"):
            // lexd announces what it has; nobody shall find an extension there that LXD does not know.
            ours.filter { !golden.contains($0) }.flatMap { all(.null, $0, path: "\(path).\($0.text ?? "")") }
        case (.array(let golden), .array(let ours)) where golden.count == ours.count:
            zip(golden, ours).enumerated().flatMap { all($1.0, $1.1, path: "\(path).\($0)") }
        case _ where golden == ours: []
        default: [GoldenDifference(path, "LXD says \(shown(golden)), lexd \(shown(ours))")]
        }
    }

    private static func member(_ golden: JSONValue?, _ ours: JSONValue?, path: String) -> [GoldenDifference] {
        switch (golden, ours) {
        case (let golden?, let ours?): all(golden, ours, path: path)
        case (let golden?, nil): [GoldenDifference(path, "LXD says \(shown(golden)), lexd nothing")]
        case (nil, let ours?): [GoldenDifference(path, "LXD says nothing, lexd \(shown(ours))")]
        case (nil, nil): []
        }
    }

    private init(_ path: String, _ what: String) {
        self.path = path
        description = "\(path): \(what)"
    }

    private static func shown(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array(let elements): "[" + elements.map(shown).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.sorted { $0.key < $1.key }.map { "\($0): \(shown($1))" }.joined(separator: ", ") + "}"
        }
    }
}
