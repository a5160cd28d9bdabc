import LexTestKit
import Testing

@testable import LexAPI

private let web: JSONValue = [
    "name": "web", "status": "Running", "ephemeral": false, "status_code": 103, "description": "a web server",
    "config": ["user.role": "test", "limits.cpu": "2", "user": ["inner": "deep"]],
    "expanded_devices": ["eth0": ["network": "lexdbr0"]], "profiles": ["default"], "backups": .null,
]

@Suite struct FilterTests {
    @Test(
        arguments: [
            ("", true), ("  ", true), ("name eq web", true), ("name eq WEB", true), ("name eq we", false),
            ("name ne web", false), ("name ne db", true), ("not name eq web", false), ("NOT name eq db", true),
            ("not name ne web", true), ("status EQ running", true), ("name eq web and status eq Stopped", false),
            ("name eq db or status eq Running", true), ("config.user.role eq test", true),
            ("config.user.role eq no", false),
            ("config.limits.cpu eq 2", true), ("config.user.inner eq deep", true), ("ephemeral eq false", true),
            ("status_code eq 103", true), ("expanded_devices.eth0.network eq lexdbr0", true),
            // From left to right, without precedence: (false and false) or true; (true or true) and false.
            ("name eq db and name eq db or name eq web", true), ("name eq web or name eq web and name eq db", false),
            ("name eq web or not name eq web and name eq web", true),
            // What is not there, or is no text, is equal to nothing.
            ("nothing eq web", false), ("nothing ne web", true), ("config.none eq x", false), ("config eq x", false),
            ("profiles eq default", false), ("backups eq null", false), ("name.x eq web", false), (". eq web", false),
            // Quotes and white space.
            ("description eq \"a web server\"", true), ("description eq \"a web\"", false), ("name eq \"\"", false),
            ("name\teq\tweb", true), ("  name   eq   web  ", true), ("name eq \"web\"", true),
            // Regular expressions, from end to end unless they say so themselves.
            ("name eq w.b", true), ("name eq w", false), ("name eq ^w", true), ("name eq b$", true),
            ("name eq w.*", true),
            ("name eq web|db", true), ("name eq (web|db)", true), ("name eq [a-w]+", true), ("name eq \\w{3}", true),
            ("name eq \\w{4}", false), ("name ne w.*", false), ("name eq W[EF]B", true),
            // What is no regular expression is compared as it stands.
            ("name eq [", false), ("name eq *", false), ("name eq (", false),
        ])
    func judges(text: String, fits: Bool) throws {
        #expect(try Filter(text).fits(web) == fits)
    }

    @Test func whatIsNoPatternIsComparedAsItStands() throws {
        for text in ["c++", "a(b", "[x", "*", "\\", "a{1,0}", "(?i)x", "\\b"] {
            #expect(try Filter("name eq \(text)").fits(["name": .string(text.uppercased())]), "\(text)")
        }
    }

    @Test(
        arguments: [
            ("name", "clause has no operator"), ("name eq", "clause has no value"), ("not", "incomplete not clause"),
            ("name eq web and", "unterminated compound clause"),
            ("name eq web xor name eq db", "invalid clause composition"),
            ("name like web", "no operator \"like\""), ("name eq \"web", "a quote is not closed"),
            ("name eq web name eq db", "invalid clause composition"), ("\"\"", "clause has no operator"),
        ])
    func refuses(text: String, why: String) {
        let error = #expect(throws: APIError.self) { try Filter(text) }
        #expect(error?.status == 400 && error?.message.hasPrefix("Invalid filter: ") == true)
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "")")
    }

    @Test func sizesAreLimited() throws {
        let long = "name eq " + String(repeating: "x", count: 4089)
        #expect(throws: APIError.self) { try Filter(long) }
        #expect(try !Filter(String(long.dropLast())).fits(web))
        let error = #expect(throws: APIError.self) { try Filter("name eq ." + String(repeating: "x", count: 256)) }
        #expect(error?.message.contains("256 bytes") == true)
        #expect(try Filter(String(repeating: "(", count: 4000) + " eq x").fits(web) == false)
        #expect(try Filter(String(repeating: "a.", count: 2000) + " eq x").fits(web) == false)
    }

    @Test(
        arguments: [
            "(a+)+$", "(a|aa)+$", "(a*)*b", "(a|a)*b", "(.*a){20}b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a?){60}a{60}b",
            "((a{100}){100}){100}", "(((){900}){900}){900}", "((((((((((a*)*)*)*)*)*)*)*)*)*)*b",
            String(repeating: "(", count: 128), String(repeating: "(a*", count: 80) + String(repeating: ")*", count: 8),
            String(repeating: "a?", count: 100) + String(repeating: "a", count: 50), "(.+.+.+.+.+.+.+.+.+.+)+x",
        ])
    func patternsThatGrowElsewhereEndHere(_ pattern: String) throws {
        let filter = try Filter("config.user.x eq \(pattern)")
        let text = String(repeating: "a", count: 1023) + "!"
        let clock = ContinuousClock()
        let time = clock.measure { _ = filter.fits(["config": ["user.x": .string(text)]]) }
        #expect(time < .seconds(20), "took \(time)")
    }
}

@Suite struct PatternTests {
    @Test(
        arguments: [
            ("", "", true), ("", "a", true), ("a", "xAx", true), ("^a", "ba", false), ("a$", "ab", false),
            ("^$", "", true),
            ("^$", "a", false), ("^a.c$", "a\nc", false), ("[abc]", "B", true), ("[^abc]", "B", false),
            ("[^abc]", "d", true),
            ("[]a]", "]", true), ("[a-]", "-", true), ("[\\d-f]", "5", true), ("[\\]]", "]", true), ("\\.", "x", false),
            ("\\.", ".", true), ("\\d+", "abc5", true), ("^\\D+$", "abc5", false), ("^\\s$", " ", true),
            ("^\\S$", " ", false),
            ("^\\W$", "-", true), ("^a{2}$", "aa", true), ("^a{2}$", "aaa", false), ("^a{2,}$", "aaaa", true),
            ("^a{1,3}$", "aaaa", false), ("^a{,3}$", "a{,3}", true), ("^a{$", "a{", true), ("^(ab)*$", "ababab", true),
            ("^(ab)*$", "aba", false), ("^(?:a|b|)c$", "c", true), ("^a*?b+?$", "aab", true), ("^ä$", "Ä", true),
            ("^ß$", "SS", false), ("^Σ$", "σ", true), ("^.$", "👩", true), ("a|^b", "xb", false),
            ("(^a|b$)", "xb", true),
            ("^(a|ab)(c|bcd)$", "abcd", true), ("x*", "", true), ("^(|a)+$", "aaa", true), ("^(a*)+$", "b", false),
        ])
    func fits(pattern: String, text: String, isFound: Bool) throws {
        #expect(try #require(Pattern(pattern)).isFound(in: text.unicodeScalars) == isFound)
    }

    @Test(
        arguments: [
            "*", "+a", "?", "a**", "a+*", "(", ")", "a)", "(a", "[", "[a", "[]", "[^]", "[z-a]", "\\", "a\\", "\\b",
            "\\1", "\\pL",
            "(?i)a", "(?=a)", "(?<n>a)", "[[:alpha:]]", "^*", "$+", "a{3,2}", "a{1001}", "[a-\\d]",
            "((a{100}){100}){100}",
        ])
    func knowsNot(_ pattern: String) { #expect(Pattern(pattern) == nil) }

    /// Swift's own engine as a judge, on texts so short that it ends.
    @Test func agreesWithAnotherEngine() throws {
        var random = SeededGenerator("patterns")
        func pattern(_ depth: Int) -> String {
            switch Int.random(in: 0...(depth > 0 ? 7 : 3), using: &random) {
            case 0, 1: return ["a", "b", "A"].randomElement(using: &random) ?? "a"
            case 2: return ["[ab]", "[^a]", ".", "\\w"].randomElement(using: &random) ?? "."
            case 3: return Bool.random(using: &random) ? "" : "ab"
            case 4: return pattern(depth - 1) + pattern(depth - 1)
            case 5: return "(?:" + pattern(depth - 1) + "|" + pattern(depth - 1) + ")"
            default:
                let count = ["*", "+", "?", "{2}", "{1,2}", "{0,}"].randomElement(using: &random) ?? "*"
                return "(?:" + pattern(depth - 1) + ")" + count
            }
        }
        for _ in 0..<3000 {
            let core = pattern(4)
            let text = [core, "^(?:\(core))$", "^(?:\(core))", "(?:\(core))$"].randomElement(using: &random) ?? core
            guard text.utf8.count <= Pattern.longest, let ours = Pattern(text) else { continue }
            let theirs = try Regex(text).ignoresCase()
            for _ in 0..<4 {
                let subject = String(
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in "abAx".randomElement(using: &random) ?? "a" }
                )
                let wanted = try theirs.firstMatch(in: subject) != nil
                #expect(
                    ours.isFound(in: subject.unicodeScalars) == wanted, "\(text) on \(subject), seed \(random.seed)")
            }
        }
    }
}
