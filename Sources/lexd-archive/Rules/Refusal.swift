/// Why an archive is not taken: a sentence for whoever sent it, naming the entry and the rule.
struct Refusal: Error, Equatable {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }

    /// `entry "…" RULE`
    init(_ entry: some Collection<UInt8>, _ rule: String) { sentence = "entry \(quoted(entry)) \(rule)" }
}

/// A name from an archive, for a person to read: printable ASCII in quotes, everything else escaped, 200 bytes at most.
func quoted(_ name: some Collection<UInt8>) -> String {
    var text = "\""
    for byte in name.prefix(200) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\\(Character(UnicodeScalar(byte)))"
        case 0x20..<0x7f: text.unicodeScalars.append(UnicodeScalar(byte))
        default:
            let digits = String(byte, radix: 16)
            text += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
        }
    }
    return text + (name.count > 200 ? "…\"" : "\"")
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
