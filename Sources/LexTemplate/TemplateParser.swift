/// A part of a template.
indirect enum TemplateNode {
    case text(String)
    case output(TemplateExpression, line: Int)
    case condition([(test: TemplateExpression?, body: [TemplateNode])], line: Int)
    case loop(TemplateLoop, line: Int)
    case set([(name: String, value: TemplateExpression)], body: [TemplateNode]?, line: Int)
    case firstOf([TemplateExpression], line: Int)
    case spaceless([TemplateNode], line: Int)
    case filtered([(filter: TemplateFilter, argument: TemplateExpression?)], [TemplateNode], line: Int)
}

struct TemplateLoop {
    let key: String
    let value: String?
    let over: TemplateExpression
    let isReversed: Bool
    let body: [TemplateNode]
    let empty: [TemplateNode]
}

/// Makes a tree of a template's pieces.
struct TemplateParser {
    private let pieces: [TemplatePiece]
    private var position = 0
    private var depth = 0

    /// How deep blocks may be nested.
    private static let deepest = 40

    static func nodes(of source: String) throws(TemplateError) -> [TemplateNode] {
        var parser = TemplateParser(pieces: try TemplateLexer.pieces(of: source))
        let (nodes, end) = try parser.nodes(until: [])
        guard end == nil else { throw TemplateError(1, "the template ends in the middle") }
        return nodes
    }

    private init(pieces: [TemplatePiece]) { self.pieces = pieces }

    /// What stands up to one of the tags named, and the words of that tag.
    private mutating func nodes(
        until ends: Set<String>
    ) throws(TemplateError) -> (nodes: [TemplateNode], end: (name: String, words: TemplateWords)?) {
        var nodes: [TemplateNode] = []
        while position < pieces.count {
            let piece = pieces[position]
            position += 1
            switch piece.kind {
            case .text(let text): nodes.append(.text(text))
            case .output(let tokens):
                var words = TemplateWords(tokens, line: piece.line)
                let value = try words.expression()
                try words.finish()
                nodes.append(.output(value, line: piece.line))
            case .tag(let tokens):
                var words = TemplateWords(tokens, line: piece.line)
                let name = try words.name("the name of a tag")
                if ends.contains(name) { return (nodes, (name, words)) }
                depth += 1
                guard depth <= Self.deepest else {
                    throw words.mistake("blocks are nested more than \(Self.deepest) deep")
                }
                nodes += try node(name, words)
                depth -= 1
            }
        }
        return (nodes, nil)
    }

    /// The same where one of the tags must follow.
    private mutating func body(
        _ begin: TemplateWords, until ends: Set<String>
    ) throws(TemplateError) -> (nodes: [TemplateNode], name: String, words: TemplateWords) {
        let (nodes, end) = try nodes(until: ends)
        guard let end else {
            throw begin.mistake("there is no \(ends.sorted().joined(separator: " or ")) for what begins here")
        }
        return (nodes, end.name, end.words)
    }

    private mutating func node(_ name: String, _ words: TemplateWords) throws(TemplateError) -> [TemplateNode] {
        var words = words
        switch name {
        case "if": return [try condition(words)]
        case "ifequal", "ifnotequal": return [try equality(words, isEqual: name == "ifequal")]
        case "for": return [try loop(words)]
        case "set":
            let name = try words.name("the name of a variable")
            guard words.take(symbol: "=") else { throw words.mistake("\"=\" is missing") }
            let value = try words.expression()
            try words.finish()
            return [.set([(name, value)], body: nil, line: words.line)]
        case "with": return [try with(words)]
        case "autoescape":
            // Nothing is ever escaped: what is written is no web page.
            _ = try words.name("on or off")
            try words.finish()
            return try block(words, "endautoescape")
        case "spaceless":
            try words.finish()
            return [.spaceless(try block(words, "endspaceless"), line: words.line)]
        case "filter": return [try filtered(words)]
        case "firstof":
            var values: [TemplateExpression] = []
            while !words.isAtEnd { values.append(try words.expression()) }
            return [.firstOf(values, line: words.line)]
        case "templatetag": return [.text(try templateTag(words))]
        case "include", "import", "extends", "ssi", "block", "macro", "now", "lorem":
            throw words.mistake("the tag \(name) is not taken: a template sees what it is given, and nothing else")
        default: throw words.mistake("there is no tag \(quoted(name)) here")
        }
    }

    private mutating func block(
        _ words: TemplateWords, _ end: String
    ) throws(TemplateError) -> [TemplateNode] {
        let (nodes, _, rest) = try body(words, until: [end])
        try rest.finish()
        return nodes
    }

    private mutating func condition(_ words: TemplateWords) throws(TemplateError) -> TemplateNode {
        var branches: [(test: TemplateExpression?, body: [TemplateNode])] = []
        var words = words
        let begin = words
        var test: TemplateExpression? = try words.expression()
        try words.finish()
        while true {
            let ends: Set<String> = test == nil ? ["endif"] : ["elif", "elseif", "else", "endif"]
            let (nodes, name, rest) = try body(begin, until: ends)
            branches.append((test, nodes))
            words = rest
            switch name {
            case "endif":
                try words.finish()
                return .condition(branches, line: begin.line)
            case "else": test = nil
            default: test = try words.expression()
            }
            try words.finish()
        }
    }

    private mutating func equality(_ words: TemplateWords, isEqual: Bool) throws(TemplateError) -> TemplateNode {
        var words = words
        let (left, right) = (try words.expression(), try words.expression())
        try words.finish()
        let end = isEqual ? "endifequal" : "endifnotequal"
        let (nodes, name, rest) = try body(words, until: ["else", end])
        try rest.finish()
        var branches: [(test: TemplateExpression?, body: [TemplateNode])] = [
            (.binary(isEqual ? .equal : .notEqual, left, right), nodes)
        ]
        if name == "else" { branches.append((nil, try block(words, end))) }
        return .condition(branches, line: words.line)
    }

    private mutating func loop(_ words: TemplateWords) throws(TemplateError) -> TemplateNode {
        var words = words
        let key = try words.name("the name of a variable")
        let value = words.take(symbol: ",") ? try words.name("the name of a second variable") : nil
        guard words.take(word: "in") else { throw words.mistake("\"in\" is missing") }
        let over = try words.expression()
        var isReversed = false
        while !words.isAtEnd {
            if words.take(word: "reversed") { isReversed = true } else if !words.take(word: "sorted") { break }
        }
        try words.finish()
        let (nodes, name, rest) = try body(words, until: ["empty", "endfor"])
        try rest.finish()
        let empty = name == "empty" ? try block(words, "endfor") : []
        return .loop(
            TemplateLoop(key: key, value: value, over: over, isReversed: isReversed, body: nodes, empty: empty),
            line: words.line)
    }

    /// `with a=1 b=2`, or `with 1 as a`.
    private mutating func with(_ words: TemplateWords) throws(TemplateError) -> TemplateNode {
        var words = words
        var values: [(name: String, value: TemplateExpression)] = []
        while !words.isAtEnd {
            var ahead = words
            if case .name(let name) = ahead.take(), ahead.take(symbol: "=") {
                words = ahead
                values.append((name, try words.expression()))
            } else {
                let value = try words.expression()
                guard words.take(word: "as") else { throw words.mistake("\"as\" is missing") }
                values.append((try words.name("the name of a variable"), value))
            }
        }
        return .set(values, body: try block(words, "endwith"), line: words.line)
    }

    private mutating func filtered(_ words: TemplateWords) throws(TemplateError) -> TemplateNode {
        var words = words
        var filters: [(filter: TemplateFilter, argument: TemplateExpression?)] = []
        repeat {
            let name = try words.name("the name of a filter")
            guard let filter = TemplateFilter(name: name) else {
                throw words.mistake("there is no filter \(quoted(name))")
            }
            filters.append((filter, words.take(symbol: ":") ? try words.expression() : nil))
        } while words.take(symbol: "|")
        try words.finish()
        return .filtered(filters, try block(words, "endfilter"), line: words.line)
    }

    private func templateTag(_ words: TemplateWords) throws(TemplateError) -> String {
        var words = words
        let name = try words.name("the name of a sign")
        try words.finish()
        let signs = [
            "openblock": "{%", "closeblock": "%}", "openvariable": "{{", "closevariable": "}}", "openbrace": "{",
            "closebrace": "}", "opencomment": "{#", "closecomment": "#}",
        ]
        guard let sign = signs[name] else { throw words.mistake("there is no sign \(quoted(name))") }
        return sign
    }
}
