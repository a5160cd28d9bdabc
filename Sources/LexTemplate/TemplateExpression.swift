/// What a template computes.
indirect enum TemplateExpression {
    case literal(TemplateValue)
    case name(String)
    case member(TemplateExpression, TemplateExpression)
    case call(String, [TemplateExpression])
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case binary(Operator, TemplateExpression, TemplateExpression)
    case filter(TemplateExpression, TemplateFilter, TemplateExpression?)

    enum Operator: String {
        case and, or, equal = "==", notEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">"
        case greaterOrEqual = ">=", contained = "in", plus = "+", minus = "-", times = "*", divided = "/"
        case remainder = "%", power = "^"
    }
}

/// Reads the words of one `{{ … }}` or `{% … %}`, by Pongo2's grammar: `and` and `or` bind alike and to the right, and
/// `not` binds closer than a comparison.
struct TemplateWords {
    private let tokens: [TemplateToken]
    private var position = 0
    private var depth = 0
    let line: Int

    /// How deep what stands in brackets may be.
    private static let deepest = 40

    init(_ tokens: some Sequence<TemplateToken>, line: Int) {
        self.tokens = Array(tokens)
        self.line = line
    }

    var isAtEnd: Bool { position >= tokens.count }
    var next: TemplateToken? { position < tokens.count ? tokens[position] : nil }

    mutating func take() -> TemplateToken? {
        defer { position += 1 }
        return next
    }
    mutating func take(symbol: String) -> Bool {
        guard next == .symbol(symbol) else { return false }
        position += 1
        return true
    }
    mutating func take(word: String) -> Bool {
        guard next == .name(word) else { return false }
        position += 1
        return true
    }
    mutating func name(_ what: String) throws(TemplateError) -> String {
        guard case .name(let name) = take() else { throw mistake("\(what) is missing") }
        return name
    }
    func finish() throws(TemplateError) {
        guard let next else { return }
        throw mistake("\(Self.shown(next)) is too much")
    }
    func mistake(_ reason: String) -> TemplateError { TemplateError(line, reason) }

    private static func shown(_ token: TemplateToken) -> String {
        switch token {
        case .name(let text), .number(let text), .symbol(let text), .text(let text): quoted(text)
        }
    }

    // MARK: expressions

    mutating func expression() throws(TemplateError) -> TemplateExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw mistake("it is nested more than \(Self.deepest) deep") }
        let left = try comparison()
        if take(word: "and") || take(symbol: "&&") { return .binary(.and, left, try expression()) }
        if take(word: "or") || take(symbol: "||") { return .binary(.or, left, try expression()) }
        return left
    }

    private mutating func comparison() throws(TemplateError) -> TemplateExpression {
        let left = try sum()
        if take(word: "in") { return .binary(.contained, left, try sum()) }
        if take(symbol: "<>") { return .binary(.notEqual, left, try sum()) }
        for sign: TemplateExpression.Operator in [.equal, .notEqual, .lessOrEqual, .greaterOrEqual, .less, .greater]
        where take(symbol: sign.rawValue) {
            return .binary(sign, left, try sum())
        }
        return left
    }

    private mutating func sum() throws(TemplateError) -> TemplateExpression {
        let isNot = take(word: "not") || take(symbol: "!")
        let isNegative = !isNot && take(symbol: "-")
        var left = try product()
        if isNegative { left = .negative(left) }
        if isNot { left = .not(left) }
        while true {
            if take(symbol: "+") {
                left = .binary(.plus, left, try product())
            } else if take(symbol: "-") {
                left = .binary(.minus, left, try product())
            } else {
                return left
            }
            try grow()
        }
    }

    private mutating func product() throws(TemplateError) -> TemplateExpression {
        var left = try power()
        while true {
            if take(symbol: "*") {
                left = .binary(.times, left, try power())
            } else if take(symbol: "/") {
                left = .binary(.divided, left, try power())
            } else if take(symbol: "%") {
                left = .binary(.remainder, left, try power())
            } else {
                return left
            }
            try grow()
        }
    }

    private mutating func power() throws(TemplateError) -> TemplateExpression {
        let left = try filtered()
        guard take(symbol: "^") else { return left }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw mistake("it is nested more than \(Self.deepest) deep") }
        return .binary(.power, left, try power())
    }

    /// A chain is a tree as deep as it is long: what walks it must not run out of stack.
    private var links = 0
    private mutating func grow() throws(TemplateError) {
        links += 1
        guard links <= 200 else { throw mistake("it has more than 200 parts") }
    }

    private mutating func filtered() throws(TemplateError) -> TemplateExpression {
        var value = try factor()
        while take(symbol: "|") {
            let name = try name("the name of a filter")
            guard let filter = TemplateFilter(name: name) else {
                throw mistake("there is no filter \(quoted(name))")
            }
            value = .filter(value, filter, take(symbol: ":") ? try factor() : nil)
            try grow()
        }
        return value
    }

    private mutating func factor() throws(TemplateError) -> TemplateExpression {
        switch take() {
        case .symbol("("):
            let value = try expression()
            guard take(symbol: ")") else { throw mistake("\")\" is missing") }
            return value
        case .text(let text): return .literal(.text(text))
        case .number(let digits): return .literal(try number(digits))
        case .name(let name): return try variable(name)
        case .some(let token): throw mistake("\(Self.shown(token)) stands where a value should")
        case nil: throw mistake("a value is missing")
        }
    }

    private mutating func number(_ digits: String) throws(TemplateError) -> TemplateValue {
        if next == .symbol("."), position + 1 < tokens.count, case .number(let places) = tokens[position + 1] {
            position += 2
            guard let value = Double("\(digits).\(places)") else { throw mistake("\(quoted(digits)) is no number") }
            return .double(value)
        }
        guard let value = Int64(digits) else { throw mistake("\(quoted(digits)) is too large a number") }
        return .int(value)
    }

    private mutating func variable(_ name: String) throws(TemplateError) -> TemplateExpression {
        switch name {
        case "true", "True": return .literal(.bool(true))
        case "false", "False": return .literal(.bool(false))
        case "nil", "None", "none": return .literal(.none)
        case "and", "or", "not", "in", "as": throw mistake("\(quoted(name)) stands where a value should")
        default: break
        }
        if take(symbol: "(") { return .call(name, try arguments()) }
        var value = TemplateExpression.name(name)
        while true {
            if take(symbol: ".") {
                switch take() {
                case .name(let part), .number(let part): value = .member(value, .literal(.text(part)))
                default: throw mistake("a name is missing behind the point")
                }
                if next == .symbol("(") { throw mistake("only functions can be called, not what belongs to a value") }
            } else if take(symbol: "[") {
                value = .member(value, try expression())
                guard take(symbol: "]") else { throw mistake("\"]\" is missing") }
            } else {
                return value
            }
            try grow()
        }
    }

    private mutating func arguments() throws(TemplateError) -> [TemplateExpression] {
        var arguments: [TemplateExpression] = []
        if take(symbol: ")") { return arguments }
        while true {
            arguments.append(try expression())
            guard arguments.count <= 16 else { throw mistake("a function takes no more than 16 values") }
            if take(symbol: ")") { return arguments }
            guard take(symbol: ",") else { throw mistake("\")\" is missing") }
        }
    }
}
