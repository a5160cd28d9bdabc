/// A word of an expression.
enum TemplateToken: Equatable {
    case name(String)
    case number(String)
    case text(String)
    case symbol(String)
}

/// What a template consists of.
struct TemplatePiece {
    enum Kind {
        case text(String)
        case output([TemplateToken])
        case tag([TemplateToken])
    }
    let kind: Kind
    let line: Int
}

/// Takes a template apart: plain text, `{{ … }}`, `{% … %}`; what stands in `{# … #}` goes.
struct TemplateLexer {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var pieces: [TemplatePiece] = []
    /// Whether the white space that follows goes, by `-%}`.
    private var trimsNext = false

    /// The most pieces and words a template may have.
    private static let most = 100_000
    private var words = 0

    private init(_ source: String) { bytes = Array(source.utf8) }

    static func pieces(of source: String) throws(TemplateError) -> [TemplatePiece] {
        var lexer = TemplateLexer(source)
        try lexer.run()
        return lexer.pieces
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        let index = position + offset
        return index < bytes.count ? bytes[index] : 0
    }
    private func starts(_ text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
        for offset in 0..<text.utf8CodeUnitCount where bytes[position + offset] != (text.utf8Start + offset).pointee {
            return false
        }
        return true
    }

    private mutating func run() throws(TemplateError) {
        while position < bytes.count {
            try takeText()
            guard position < bytes.count else { return }
            let begin = line
            if starts("{#") {
                try skip(past: "#}", begin, "comment")
            } else {
                let isTag = starts("{%")
                position += 2
                if byte() == UInt8(ascii: "-") {
                    position += 1
                    trimLast()
                }
                let tokens = try takeTokens(isTag, begin)
                guard isTag else {
                    pieces.append(TemplatePiece(kind: .output(tokens), line: begin))
                    continue
                }
                switch tokens.first {
                case .name("comment"): try skipBlock("endcomment", begin, keeps: false)
                case .name("verbatim"): try skipBlock("endverbatim", begin, keeps: true)
                default: pieces.append(TemplatePiece(kind: .tag(tokens), line: begin))
                }
            }
        }
    }

    private mutating func takeText() throws(TemplateError) {
        let begin = position
        let beginLine = line
        while position < bytes.count, !starts("{{"), !starts("{%"), !starts("{#") { advance() }
        add(begin..<position, beginLine)
        words += 1
        guard words <= Self.most else { throw TemplateError(line, "the template has more than \(Self.most) words") }
    }

    private mutating func add(_ range: Range<Int>, _ line: Int) {
        var text = bytes[range]
        if trimsNext { text = text.drop(while: Self.isSpace) }
        if !range.isEmpty { trimsNext = false }
        guard !text.isEmpty else { return }
        pieces.append(TemplatePiece(kind: .text(String(decoding: text, as: UTF8.self)), line: line))
    }

    private mutating func trimLast() {
        guard let last = pieces.last, case .text(let text) = last.kind else { return }
        var bytes = Array(text.utf8)
        while let end = bytes.last, Self.isSpace(end) { bytes.removeLast() }
        pieces.removeLast()
        if !bytes.isEmpty {
            pieces.append(TemplatePiece(kind: .text(String(decoding: bytes, as: UTF8.self)), line: last.line))
        }
    }

    private mutating func advance() {
        if byte() == 10 { line += 1 }
        position += 1
    }

    private mutating func skip(past end: StaticString, _ begin: Int, _ what: String) throws(TemplateError) {
        while position < bytes.count {
            if starts(end) {
                position += 2
                return
            }
            advance()
        }
        throw TemplateError(begin, "the \(what) that begins here has no end")
    }

    /// What stands up to `{% endNAME %}`: words of its own are none.
    private mutating func skipBlock(_ name: String, _ begin: Int, keeps: Bool) throws(TemplateError) {
        let start = position
        while position < bytes.count {
            guard starts("{%") else {
                advance()
                continue
            }
            let end = position
            let endLine = line
            position += 2
            while Self.isSpace(byte()) || byte() == UInt8(ascii: "-") { advance() }
            let word = bytes[position...].prefix(while: Self.isWord)
            guard word.elementsEqual(name.utf8) else { continue }
            position += word.count
            while position < bytes.count, !starts("%}") { advance() }
            position = min(position + 2, bytes.count)
            if keeps { add(start..<end, endLine) }
            return
        }
        throw TemplateError(begin, "there is no \(name) for what begins here")
    }

    private mutating func takeTokens(_ isTag: Bool, _ begin: Int) throws(TemplateError) -> [TemplateToken] {
        var tokens: [TemplateToken] = []
        while position < bytes.count {
            let end: StaticString = isTag ? "%}" : "}}"
            if Self.isSpace(byte()) {
                advance()
                continue
            }
            if starts(end) {
                position += 2
                return tokens
            }
            if byte() == UInt8(ascii: "-"), byte(1) == (isTag ? UInt8(ascii: "%") : UInt8(ascii: "}")),
                byte(2) == UInt8(ascii: "}")
            {
                position += 3
                trimsNext = true
                return tokens
            }
            tokens.append(try takeToken())
            words += 1
            guard words <= Self.most else { throw TemplateError(line, "the template has more than \(Self.most) words") }
        }
        throw TemplateError(begin, "what begins here with \(isTag ? "{%" : "{{") has no end")
    }

    private mutating func takeToken() throws(TemplateError) -> TemplateToken {
        let first = byte()
        if Self.isDigit(first) {
            let digits = bytes[position...].prefix(while: Self.isDigit)
            position += digits.count
            return .number(String(decoding: digits, as: UTF8.self))
        }
        if Self.isWord(first) {
            let word = bytes[position...].prefix(while: Self.isWord)
            position += word.count
            return .name(String(decoding: word, as: UTF8.self))
        }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") { return try takeText(in: first) }
        for symbol: StaticString in ["==", "!=", "<>", "<=", ">=", "&&", "||"] where starts(symbol) {
            position += 2
            return .symbol("\(symbol)")
        }
        let symbols = Array("+-*/%^.,()[]|:<>=!".utf8)
        guard symbols.contains(first) else {
            throw TemplateError(line, "\(quoted(String(decoding: [first], as: UTF8.self))) has no meaning here")
        }
        position += 1
        return .symbol(String(decoding: [first], as: UTF8.self))
    }

    private mutating func takeText(in quote: UInt8) throws(TemplateError) -> TemplateToken {
        let begin = line
        var text: [UInt8] = []
        position += 1
        while position < bytes.count {
            switch byte() {
            case quote:
                position += 1
                return .text(String(decoding: text, as: UTF8.self))
            case UInt8(ascii: "\\"):
                switch byte(1) {
                case UInt8(ascii: "n"): text.append(10)
                case UInt8(ascii: "t"): text.append(9)
                case UInt8(ascii: "r"): text.append(13)
                case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): text.append(byte(1))
                default: throw TemplateError(line, "a backslash stands before \\, \", ', n, r or t only")
                }
                position += 2
            default:
                text.append(byte())
                advance()
            }
        }
        throw TemplateError(begin, "a text that begins here has no end")
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }
}
