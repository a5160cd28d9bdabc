/// Why an archive is not taken: a sentence for whoever sent it, naming the entry and the rule.
struct Refusal: Error, Equatable {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }

    /// `entry "…" RULE`
    init(_ entry: some Collection<UInt8>, _ rule: String) { sentence = "entry \(quoted(entry)) \(rule)" }
}

/// A name from an archive, for a person to read: in quotes, letters as they are, whatever could deceive or disturb
/// escaped, 200 bytes at most.
func quoted(_ name: some Collection<UInt8>) -> String {
    var text = "\""
    let shown = name.prefix(200)
    if let letters = String(validating: shown, as: UTF8.self) {
        for scalar in letters.unicodeScalars { append(scalar, to: &text) }
    } else {
        for byte in shown {
            if byte < 0x80 { append(UnicodeScalar(byte), to: &text) } else { appendEscaped(byte, to: &text) }
        }
    }
    return text + (name.count > 200 ? "…\"" : "\"")
}

private func append(_ scalar: UnicodeScalar, to text: inout String) {
    switch scalar {
    case "\"", "\\":
        text += "\\"
        text.unicodeScalars.append(scalar)
    case " "..."~":
        text.unicodeScalars.append(scalar)
    default:
        // Letters, but not what turns a line around or cannot be seen.
        if scalar.value >= 0x80, scalar.properties.isAlphabetic {
            text.unicodeScalars.append(scalar)
        } else {
            for byte in String(Character(scalar)).utf8 { appendEscaped(byte, to: &text) }
        }
    }
}

private func appendEscaped(_ byte: UInt8, to text: inout String) {
    let digits = String(byte, radix: 16)
    text += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
}

/// What was left out: 100 sentences at most, and a count of the others.
struct Warnings {
    private var sentences: [String] = []
    private var more = 0

    mutating func add(_ sentence: String) {
        if sentences.count < 99 { sentences.append(sentence) } else { more += 1 }
    }

    var all: [String] { more == 0 ? sentences : sentences + ["and \(more) more like these"] }
}
