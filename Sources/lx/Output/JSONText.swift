/// JSON as the stock client writes it.
enum JSONText {
    /// On one line, without spaces.
    static func compact(_ tree: Tree) -> String {
        var text = ""
        write(tree, to: &text)
        return text
    }

    private static func write(_ tree: Tree, to text: inout String) {
        switch tree {
        case .nothing: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .number(let value): text += number(value)
        case .text(let value), .moment(let value): quote(value, to: &text)
        case .list(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                write(element, to: &text)
            }
            text += "]"
        case .map(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                quote(member.name, to: &text)
                text += ":"
                write(member.value, to: &text)
            }
            text += "}"
        }
    }

    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "null" }
        return Int64(exactly: value).map { String($0) } ?? "\(value)"
    }

    /// Quotes as Go does, which also escapes what would be dangerous inside an HTML page.
    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// Valid JSON text on many lines, one more tab for each level; the order of the keys stays as it is.
    static func indented(_ json: some Collection<UInt8>) -> String {
        var result: [UInt8] = []
        var depth = 0
        var inText = false
        var escaped = false
        // An opening bracket waits here until it is clear whether something stands in it.
        var opened = false
        func line() {
            result.append(UInt8(ascii: "\n"))
            result += Array(repeating: UInt8(ascii: "\t"), count: depth)
        }
        for byte in json {
            if inText {
                result.append(byte)
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inText = false
                }
                continue
            }
            if [0x20, 0x09, 0x0a, 0x0d].contains(byte) { continue }
            let closes = byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
            if opened && !closes {
                depth += 1
                line()
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): result.append(byte)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if !opened {
                    depth = Swift.max(0, depth - 1)
                    line()
                }
                result.append(byte)
            case UInt8(ascii: ","):
                result.append(byte)
                line()
            case UInt8(ascii: ":"): result += [byte, UInt8(ascii: " ")]
            default:
                inText = byte == UInt8(ascii: "\"")
                result.append(byte)
            }
            opened = byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[")
        }
        return String(decoding: result, as: UTF8.self)
    }
}
