/// Walks the tree of a template once, within its limits.
struct TemplateRenderer {
    private(set) var output: [UInt8] = []
    private var scopes: [[String: TemplateValue]]
    private let functions: [String: Template.Function]
    private let limits: Template.Limits
    private var steps = 0
    private var work = 0

    init(_ values: [String: TemplateValue], _ functions: [String: Template.Function], _ limits: Template.Limits) {
        scopes = [values]
        self.functions = functions
        self.limits = limits
    }

    // MARK: limits

    /// Counts a step, and the bytes of what it makes or looks through.
    mutating func charge(_ line: Int, bytes: Int = 0) throws(TemplateError) {
        steps += 1
        guard steps <= limits.steps else {
            throw TemplateError(line, "the template does more than \(limits.steps) things")
        }
        let (sum, overflows) = work.addingReportingOverflow(bytes)
        guard !overflows, sum <= limits.work else { throw tooLong(line) }
        work = sum
    }

    func tooLong(_ line: Int) -> TemplateError {
        TemplateError(line, "the template makes more than \(limits.work) bytes of text")
    }

    private mutating func write(_ text: String, _ line: Int) throws(TemplateError) {
        try charge(line, bytes: text.utf8.count)
        guard text.utf8.count <= limits.output - output.count else {
            throw TemplateError(line, "the template writes more than \(limits.output) bytes")
        }
        output += Array(text.utf8)
    }

    /// A value as text; a list or a map is none.
    func text(_ value: TemplateValue, _ line: Int) throws(TemplateError) -> String {
        guard let text = value.printed else {
            throw TemplateError(line, "a list or a map cannot be printed as a whole: take its parts with for or join")
        }
        return text
    }

    // MARK: parts

    mutating func render(_ nodes: [TemplateNode]) throws(TemplateError) {
        for node in nodes { try render(node) }
    }

    private mutating func render(_ node: TemplateNode) throws(TemplateError) {
        switch node {
        case .text(let text): try write(text, 1)
        case .output(let value, let line): try write(try text(try evaluate(value, line), line), line)
        case .condition(let branches, let line):
            for (test, body) in branches {
                if let test, try !evaluate(test, line).isTrue { continue }
                return try render(body)
            }
        case .loop(let loop, let line): try render(loop, line)
        case .set(let values, let body, let line):
            var made: [String: TemplateValue] = [:]
            for (name, value) in values { made[name] = try evaluate(value, line) }
            guard let body else {
                let last = scopes.count - 1
                scopes[last].merge(made) { $1 }
                return
            }
            scopes.append(made)
            try render(body)
            scopes.removeLast()
        case .firstOf(let values, let line):
            for value in values {
                let value = try evaluate(value, line)
                if value.isTrue { return try write(try text(value, line), line) }
            }
        case .spaceless(let body, let line): try write(Self.spaceless(try captured(body)), line)
        case .filtered(let filters, let body, let line):
            var value = TemplateValue.text(try captured(body))
            for (filter, argument) in filters {
                let argument = try argument.map { expression throws(TemplateError) in try evaluate(expression, line) }
                value = try apply(filter, to: value, argument, line: line)
            }
            try write(try text(value, line), line)
        }
    }

    /// What parts would write.
    private mutating func captured(_ nodes: [TemplateNode]) throws(TemplateError) -> String {
        let before = output
        output = []
        try render(nodes)
        let made = String(decoding: output, as: UTF8.self)
        output = before
        return made
    }

    private mutating func render(_ loop: TemplateLoop, _ line: Int) throws(TemplateError) {
        var items: [(TemplateValue, TemplateValue)]
        switch try evaluate(loop.over, line) {
        case .map(let values): items = values.sorted { $0.key < $1.key }.map { (.text($0.key), $0.value) }
        case .list(let values): items = values.map { ($0, .none) }
        case .text(let text): items = text.map { (.text(String($0)), .none) }
        case .int(let count): items = (0..<max(0, min(count, Int64(limits.steps)))).map { (.int($0), .none) }
        default: items = []
        }
        try charge(line, bytes: items.count)
        guard !items.isEmpty else { return try render(loop.empty) }
        if loop.isReversed { items.reverse() }
        let parent = lookUp("forloop")
        for (index, (key, value)) in items.enumerated() {
            try charge(line)
            var scope = [loop.key: key]
            if let name = loop.value { scope[name] = value }
            scope["forloop"] = Self.state(index, items.count, parent)
            scopes.append(scope)
            try render(loop.body)
            scopes.removeLast()
        }
    }

    /// How far a loop is.
    private static func state(_ index: Int, _ count: Int, _ parent: TemplateValue) -> TemplateValue {
        // One level of those around it: each holds the next, and copies of all would cost.
        var outer = parent
        if case .map(var members) = outer {
            members["Parentloop"] = nil
            outer = .map(members)
        }
        return .map([
            "Counter": .int(Int64(index + 1)), "Counter0": .int(Int64(index)),
            "Revcounter": .int(Int64(count - index)), "Revcounter0": .int(Int64(count - index - 1)),
            "First": .bool(index == 0), "Last": .bool(index == count - 1), "Parentloop": outer,
        ])
    }

    private static func spaceless(_ text: String) -> String {
        // Between `>` and `<`, as in Pongo2.
        var result: [UInt8] = []
        var space: [UInt8] = []
        for byte in text.utf8 {
            if byte == 32 || (9...13).contains(byte) {
                space.append(byte)
                continue
            }
            if byte != UInt8(ascii: "<") || result.last != UInt8(ascii: ">") { result += space }
            space = []
            result.append(byte)
        }
        return String(decoding: result + space, as: UTF8.self)
    }

    // MARK: expressions

    private func lookUp(_ name: String) -> TemplateValue {
        for scope in scopes.reversed() { if let value = scope[name] { return value } }
        return .none
    }

    private mutating func evaluate(
        _ expression: TemplateExpression, _ line: Int
    ) throws(TemplateError) -> TemplateValue {
        try charge(line)
        switch expression {
        case .literal(let value): return value
        case .name(let name): return lookUp(name)
        case .member(let value, let name):
            let value = try evaluate(value, line)
            return value.member(try evaluate(name, line).printed ?? "")
        case .call(let name, let arguments):
            guard let function = functions[name] else {
                throw TemplateError(line, "there is no function \(quoted(name))")
            }
            var values: [TemplateValue] = []
            for argument in arguments { values.append(try evaluate(argument, line)) }
            return function(values)
        case .not(let value):
            let value = try evaluate(value, line)
            // Of a number a number, as in Pongo2: `not 1 == 0` holds, since `not` binds closer.
            if case .int = value { return .int(value.isTrue ? 0 : 1) }
            return .bool(!value.isTrue)
        case .negative(let value):
            let value = try evaluate(value, line)
            if value.isDouble { return .double(-value.number) }
            return try int(line, Int64(0).subtractingReportingOverflow(value.integer))
        case .filter(let value, let filter, let argument):
            let value = try evaluate(value, line)
            let argument = try argument.map { expression throws(TemplateError) in try evaluate(expression, line) }
            return try apply(filter, to: value, argument, line: line)
        case .binary(let sign, let left, let right): return try evaluate(sign, left, right, line)
        }
    }

    private mutating func evaluate(
        _ sign: TemplateExpression.Operator, _ left: TemplateExpression, _ right: TemplateExpression, _ line: Int
    ) throws(TemplateError) -> TemplateValue {
        let left = try evaluate(left, line)
        switch sign {
        // The other side is not looked at where the first decides.
        case .and where !left.isTrue: return .bool(false)
        case .or where left.isTrue: return .bool(true)
        case .and, .or: return .bool(try evaluate(right, line).isTrue)
        default: break
        }
        let right = try evaluate(right, line)
        switch sign {
        case .equal: return .bool(left.equals(right))
        case .notEqual: return .bool(!left.equals(right))
        case .contained:
            try charge(line, bytes: right.length)
            return .bool(right.contains(left))
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return .bool(Self.compare(sign, left, right))
        case .plus: return try sum(left, right, line)
        default: return try calculate(sign, left, right, line)
        }
    }

    private static func compare(
        _ sign: TemplateExpression.Operator, _ left: TemplateValue, _ right: TemplateValue
    ) -> Bool {
        func holds<Value: Comparable>(_ one: Value, _ two: Value) -> Bool {
            switch sign {
            case .less: one < two
            case .lessOrEqual: one <= two
            case .greater: one > two
            default: one >= two
            }
        }
        if left.isDouble || right.isDouble { return holds(left.number, right.number) }
        return holds(left.integer, right.integer)
    }

    /// What `add` makes: of two numbers their sum, of all else one text.
    mutating func added(
        _ left: TemplateValue, _ right: TemplateValue, line: Int
    ) throws(TemplateError) -> TemplateValue {
        if left.isNumber, right.isNumber { return try sum(left, right, line) }
        let text = try text(left, line) + text(right, line)
        try charge(line, bytes: text.utf8.count)
        return .text(text)
    }

    private func sum(
        _ left: TemplateValue, _ right: TemplateValue, _ line: Int
    ) throws(TemplateError) -> TemplateValue {
        if left.isDouble || right.isDouble { return .double(left.number + right.number) }
        return try int(line, left.integer.addingReportingOverflow(right.integer))
    }

    private mutating func calculate(
        _ sign: TemplateExpression.Operator, _ left: TemplateValue, _ right: TemplateValue, _ line: Int
    ) throws(TemplateError) -> TemplateValue {
        if left.isDouble || right.isDouble {
            let (one, two) = (left.number, right.number)
            switch sign {
            case .minus: return .double(one - two)
            case .times: return .double(one * two)
            case .divided where two != 0: return .double(one / two)
            default: break
            }
        }
        let (one, two) = (left.integer, right.integer)
        switch sign {
        case .minus: return try int(line, one.subtractingReportingOverflow(two))
        case .times: return try int(line, one.multipliedReportingOverflow(by: two))
        case .divided, .remainder:
            guard two != 0 else { throw TemplateError(line, "nothing can be divided by 0") }
            if sign == .divided { return try int(line, one.dividedReportingOverflow(by: two)) }
            return try int(line, one.remainderReportingOverflow(dividingBy: two))
        default:
            guard (0...64).contains(two) else { throw TemplateError(line, "a power is from 0 to 64") }
            return .double((0..<two).reduce(1) { result, _ in result * left.number })
        }
    }

    private func int(
        _ line: Int, _ result: (partialValue: Int64, overflow: Bool)
    ) throws(TemplateError) -> TemplateValue {
        guard !result.overflow else { throw TemplateError(line, "a number is too large") }
        return .int(result.partialValue)
    }
}
