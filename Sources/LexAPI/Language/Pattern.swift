/// A regular expression that is matched without regard to case, in a time that grows with the text and never faster.
///
/// The patterns come from requests, and engines that go back and try again, Swift's among them, need years for
/// `(a+)+$` on forty letters. This one follows all ways at once (https://swtch.com/~rsc/regexp/regexp1.html). It knows
/// what LXD's filters are written with: `.`, classes, `\d \s \w` and their opposites, groups, `|`, `* + ? {n,m}`, `^`
/// and `$`; nothing that needs memory of what was matched.
struct Pattern: Sendable {
    /// The longest pattern taken, in bytes.
    static let longest = 256
    /// The most steps a pattern may come to; counts such as `{500}` multiply.
    private static let mostSteps = 2000

    private enum Step: Sendable {
        case one(ScalarSet)
        /// Both ways.
        case branch(Int, Int)
        case jump(Int)
        case begin
        case end
        case match
    }
    private let steps: [Step]

    /// Reads a pattern; nil for what is none, or has what is not known here.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        var reader = PatternReader(text)
        guard let node = reader.alternatives(), reader.isAtEnd else { return nil }
        var steps: [Step] = []
        // Counts of what comes to no step, such as `(){900}`, multiply as well.
        var patience = 10 * Self.mostSteps
        guard Self.add(node, to: &steps, &patience) else { return nil }
        steps.append(.match)
        self.steps = steps
    }

    /// Adds the steps of a node; false when there are too many.
    private static func add(_ node: PatternNode, to steps: inout [Step], _ patience: inout Int) -> Bool {
        patience -= 1
        guard steps.count < mostSteps, patience > 0 else { return false }
        switch node {
        case .one(let set): steps.append(.one(set))
        case .begin: steps.append(.begin)
        case .end: steps.append(.end)
        case .sequence(let nodes):
            for node in nodes { guard add(node, to: &steps, &patience) else { return false } }
        case .alternatives(let nodes):
            var jumps: [Int] = []
            for (index, node) in nodes.enumerated() {
                let fork = steps.count
                if index < nodes.count - 1 { steps.append(.branch(fork + 1, 0)) }
                guard add(node, to: &steps, &patience) else { return false }
                if index < nodes.count - 1 {
                    jumps.append(steps.count)
                    steps.append(.jump(0))
                    steps[fork] = .branch(fork + 1, steps.count)
                }
            }
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(let node, let least, let most):
            for _ in 0..<least { guard add(node, to: &steps, &patience) else { return false } }
            guard let most else {
                let fork = steps.count
                steps.append(.branch(0, 0))
                guard add(node, to: &steps, &patience) else { return false }
                steps.append(.jump(fork))
                steps[fork] = .branch(fork + 1, steps.count)
                return true
            }
            for _ in least..<most {
                let fork = steps.count
                steps.append(.branch(0, 0))
                guard add(node, to: &steps, &patience) else { return false }
                steps[fork] = .branch(fork + 1, steps.count)
            }
        }
        return true
    }

    /// Whether it fits some part of the text; a pattern with `^` and `$` says itself which.
    func isFound(in text: some Sequence<Unicode.Scalar>) -> Bool {
        let scalars = Array(text)
        var threads = Threads(count: steps.count)
        for position in 0...scalars.count {
            // Besides what has begun before, a match may begin here.
            follow(0, at: position, of: scalars.count, into: &threads)
            if threads.isMatched { return true }
            guard position < scalars.count else { return false }
            let present = threads.list
            threads.list.removeAll(keepingCapacity: true)
            let forms = ScalarSet.forms(of: scalars[position])
            for step in present {
                if case .one(let set) = steps[step], set.contains(forms) {
                    follow(step + 1, at: position + 1, of: scalars.count, into: &threads)
                }
            }
        }
        return false
    }

    /// The ways that are followed, each once for each position.
    private struct Threads {
        var list: [Int] = []
        var seenAt: [Int]
        var isMatched = false

        init(count: Int) { seenAt = Array(repeating: -1, count: count) }
    }

    /// Follows a way up to where the next scalar decides.
    private func follow(_ first: Int, at position: Int, of count: Int, into threads: inout Threads) {
        var waiting = [first]
        while let step = waiting.popLast() {
            guard threads.seenAt[step] != position else { continue }
            threads.seenAt[step] = position
            switch steps[step] {
            case .one: threads.list.append(step)
            case .branch(let one, let other): waiting += [other, one]
            case .jump(let next): waiting.append(next)
            case .begin: if position == 0 { waiting.append(step + 1) }
            case .end: if position == count { waiting.append(step + 1) }
            case .match: threads.isMatched = true
            }
        }
    }
}

/// A set of scalars, without regard to case.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    var isNegated = false

    /// Whether one form of a letter is in it.
    func contains(_ forms: [Unicode.Scalar]) -> Bool {
        let isIn = forms.contains { form in ranges.contains { $0.contains(form) } }
        return isIn != isNegated
    }

    /// A letter, small and large.
    static func forms(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        let mappings = [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping]
        // A mapping to several scalars, as of ß, is another text and not another case.
        return [scalar] + mappings.compactMap { $0.unicodeScalars.count == 1 ? $0.unicodeScalars.first : nil }
    }
}

private indirect enum PatternNode {
    case one(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    case repeated(PatternNode, least: Int, most: Int?)
    case begin
    case end
}

/// Takes the text of a pattern apart; nil wherever it is none.
private struct PatternReader {
    private var rest: ArraySlice<Unicode.Scalar>

    init(_ text: String) { rest = Array(text.unicodeScalars)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard rest.first == scalar else { return false }
        rest.removeFirst()
        return true
    }

    mutating func alternatives() -> PatternNode? {
        var nodes: [PatternNode] = []
        repeat {
            guard let node = sequence() else { return nil }
            nodes.append(node)
        } while skip("|")
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() -> PatternNode? {
        var nodes: [PatternNode] = []
        while let next = rest.first, next != "|", next != ")" {
            guard let atom = atom(), let node = counted(atom) else { return nil }
            nodes.append(node)
        }
        return .sequence(nodes)
    }

    private mutating func counted(_ atom: PatternNode) -> PatternNode? {
        guard let (least, most) = count() else { return atom }
        switch atom {
        case .begin, .end: return nil
        default: break
        }
        // The short way or the long one: whether it fits is the same.
        _ = skip("?")
        guard count() == nil, least <= 1000, most.map({ $0 >= least && $0 <= 1000 }) != false else { return nil }
        return .repeated(atom, least: least, most: most)
    }

    private mutating func count() -> (least: Int, most: Int?)? {
        if skip("*") { return (0, nil) }
        if skip("+") { return (1, nil) }
        if skip("?") { return (0, 1) }
        // `{` that begins no count stands for itself.
        let before = rest
        if skip("{"), let least = number() {
            if skip("}") { return (least, least) }
            if skip(",") {
                if skip("}") { return (least, nil) }
                if let most = number(), skip("}") { return (least, most) }
            }
        }
        rest = before
        return nil
    }

    private mutating func number() -> Int? {
        let digits = rest.prefix { ("0"..."9").contains($0) }
        guard (1...4).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1.value - 48) }
    }

    private mutating func atom() -> PatternNode? {
        guard let scalar = rest.popFirst() else { return nil }
        switch scalar {
        case "^": return .begin
        case "$": return .end
        case ".": return .one(ScalarSet(ranges: ["\n"..."\n"], isNegated: true))
        case "(":
            if skip("?"), !skip(":") { return nil }
            guard let node = alternatives(), skip(")") else { return nil }
            return node
        case "[": return bracketed().map { .one($0) }
        case "\\": return escaped().map { .one($0) }
        case "*", "+", "?": return nil
        default: return .one(ScalarSet(ranges: [scalar...scalar]))
        }
    }

    private mutating func escaped() -> ScalarSet? {
        guard let scalar = rest.popFirst() else { return nil }
        let digits: [ClosedRange<Unicode.Scalar>] = ["0"..."9"]
        let words: [ClosedRange<Unicode.Scalar>] = ["0"..."9", "A"..."Z", "_"..."_", "a"..."z"]
        let spaces: [ClosedRange<Unicode.Scalar>] = ["\t"..."\n", "\u{c}"..."\r", " "..." "]
        switch scalar {
        case "d", "D": return ScalarSet(ranges: digits, isNegated: scalar == "D")
        case "w", "W": return ScalarSet(ranges: words, isNegated: scalar == "W")
        case "s", "S": return ScalarSet(ranges: spaces, isNegated: scalar == "S")
        case "t": return ScalarSet(ranges: ["\t"..."\t"])
        case "n": return ScalarSet(ranges: ["\n"..."\n"])
        case "r": return ScalarSet(ranges: ["\r"..."\r"])
        default:
            let isSign = scalar.isASCII && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar)
            return isSign ? ScalarSet(ranges: [scalar...scalar]) : nil
        }
    }

    private mutating func bracketed() -> ScalarSet? {
        var set = ScalarSet(isNegated: skip("^"))
        var isFirst = true
        while let scalar = rest.popFirst() {
            if scalar == "]", !isFirst { return set }
            isFirst = false
            var first = scalar
            if scalar == "\\" {
                guard let escaped = escaped(), !escaped.isNegated else { return nil }
                guard let only = escaped.ranges.first, escaped.ranges.count == 1, only.lowerBound == only.upperBound
                else {
                    set.ranges += escaped.ranges
                    continue
                }
                first = only.lowerBound
            } else if scalar == "[", rest.first == ":" {
                return nil
            }
            guard rest.first == "-", rest.dropFirst().first != "]" else {
                set.ranges.append(first...first)
                continue
            }
            rest.removeFirst()
            guard var last = rest.popFirst() else { return nil }
            if last == "\\" {
                guard let escaped = escaped(), let only = escaped.ranges.first, escaped.ranges.count == 1,
                    only.lowerBound == only.upperBound, !escaped.isNegated
                else { return nil }
                last = only.lowerBound
            }
            guard first <= last else { return nil }
            set.ranges.append(first...last)
        }
        return nil
    }
}
