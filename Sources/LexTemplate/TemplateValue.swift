/// A value that a template works with.
package enum TemplateValue: Sendable, Equatable {
    /// What a name stands for that nothing was given under.
    case none
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(String)
    case list([TemplateValue])
    case map([String: TemplateValue])

    /// A map of texts.
    package init(_ texts: [String: String]) { self = .map(texts.mapValues { .text($0) }) }

    /// Whether a condition with this value holds, by Pongo2's rules.
    var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .text(let value): !value.isEmpty
        case .list(let values): !values.isEmpty
        case .map(let values): !values.isEmpty
        }
    }

    /// The value as a whole number; 0 for what is none.
    var integer: Int64 {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        case .double(let value): Int64(exactly: value.rounded(.towardZero)) ?? 0
        case .text(let value): Int64(value) ?? Double(value).flatMap { Int64(exactly: $0.rounded(.towardZero)) } ?? 0
        default: 0
        }
    }

    /// The value as a number; 0 for what is none.
    var number: Double {
        switch self {
        case .double(let value): value
        case .text(let value): Double(value) ?? 0
        default: Double(integer)
        }
    }

    var isNumber: Bool {
        switch self {
        case .int, .double: true
        default: false
        }
    }
    var isDouble: Bool { if case .double = self { true } else { false } }

    /// The value as a template prints it; nil for a list or a map.
    var printed: String? {
        switch self {
        case .none: ""
        case .bool(let value): value ? "True" : "False"
        case .int(let value): String(value)
        case .double(let value): decimal(value, places: 6)
        case .text(let value): value
        case .list, .map: nil
        }
    }

    /// How much it is of what has a length; 0 for the rest.
    var length: Int {
        switch self {
        case .text(let value): value.unicodeScalars.count
        case .list(let values): values.count
        case .map(let values): values.count
        default: 0
        }
    }

    /// What is found under a name or, in a list, at a place.
    func member(_ name: String) -> TemplateValue {
        switch self {
        case .map(let values): return values[name] ?? .none
        case .list(let values): return Int(name).flatMap { values.indices.contains($0) ? values[$0] : nil } ?? .none
        default: return .none
        }
    }

    /// Whether a value is part of this one.
    func contains(_ value: TemplateValue) -> Bool {
        switch self {
        case .text(let text): value.printed.map { isPart($0, of: text) } ?? false
        case .list(let values): values.contains { $0.equals(value) }
        case .map(let values): value.printed.map { values[$0] != nil } ?? false
        default: false
        }
    }

    /// Equality as Pongo2 has it: a number is never equal to a text.
    func equals(_ other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.int(let one), .double(let two)): Double(one) == two
        case (.double(let one), .int(let two)): one == Double(two)
        default: self == other
        }
    }
}

/// Whether a text is found in another, byte for byte.
func isPart(_ part: String, of text: String) -> Bool { !positions(of: part, in: Array(text.utf8), most: 1).isEmpty }

/// Where a text begins in bytes; occurrences do not overlap. An empty one is found at the beginning.
func positions(of part: String, in bytes: [UInt8], most: Int = .max) -> [Int] {
    let part = Array(part.utf8)
    guard let first = part.first else { return [0] }
    var found: [Int] = []
    var index = 0
    while index + part.count <= bytes.count, found.count < most {
        if bytes[index] == first, bytes[index..<index + part.count].elementsEqual(part) {
            found.append(index)
            index += part.count
        } else {
            index += 1
        }
    }
    return found
}

/// A number with so many digits behind the point.
func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    let whole = (scaled / scale).rounded(.down)
    let rest = scaled - whole * scale
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard let whole = Int64(exactly: whole), let rest = Int64(exactly: rest.rounded()) else { return "\(value)" }
    guard places > 0 else { return "\(sign)\(whole)" }
    let digits = String(rest)
    return "\(sign)\(whole)." + String(repeating: "0", count: max(0, places - digits.count)) + digits
}
