import LexAPI
import Testing

@testable import lx

@Suite struct YAMLTests {
    /// Each as the stock client writes it.
    @Test(arguments: [
        ("plain", "plain"), ("", "\"\""), ("yes", "\"yes\""), ("y", "\"y\""), ("Null", "\"Null\""), ("~", "\"~\""),
        ("1", "\"1\""), ("-5", "\"-5\""), ("+5", "\"+5\""), ("1.5", "\"1.5\""), ("6.", "\"6.\""), ("1e3", "\"1e3\""),
        ("0x1f", "\"0x1f\""), ("0b11", "\"0b11\""), ("0o17", "\"0o17\""), ("017", "\"017\""), ("1_000", "\"1_000\""),
        (".inf", "\".inf\""), ("1.2.3", "1.2.3"), ("5.0.2", "5.0.2"), ("12ab", "12ab"), ("1:30", "\"1:30\""),
        ("00:16:31:22:33:44", "\"00:16:31:22:33:44\""), ("00:16:3e:22:33:44", "00:16:3e:22:33:44"),
        ("10.79.0.1/24", "10.79.0.1/24"), ("2026-11-23", "\"2026-11-23\""),
        ("2026-11-23 07:32:59", "\"2026-11-23 07:32:59\""), ("2026-13-23", "2026-13-23"),
        ("2026-11-23T07:32:59.090959841Z", "\"2026-11-23T07:32:59.090959841Z\""), ("-", "'-'"),
        ("a: b", "'a: b'"), ("a #b", "'a #b'"), (" lead", "' lead'"), ("it's", "it's"), ("*a", "'*a'"),
        ("@x", "'@x'"), ("<<", "<<"), ("=", "="), ("Grüße", "Grüße"), ("a\tb", "\"a\\tb\""),
        ("a\nb", "|-\n  a\n  b"), ("a\nb\n", "|\n  a\n  b"), ("[{\"Isuid\":true}]", "'[{\"Isuid\":true}]'"),
    ]) func textIsQuotedLikeTheStockClientDoes(_ text: String, _ written: String) throws {
        #expect(try YAMLText.document(Tree(["k": text])) == "k: \(written)\n")
    }

    @Test func longTextIsFolded() throws {
        let text = Array(repeating: "word", count: 20).joined(separator: " ")
        let lines = try YAMLText.document(Tree(["user.long": text])).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last == "  word word word word word")
    }

    @Test func absentListsAndMapsAreEmptyOnes() throws {
        let network = Network(name: "br0", type: "bridge", description: "", config: [:], usedBy: [], managed: false)
        #expect(
            try YAMLText.document(Tree(network)) == """
                config: {}
                description: ""
                name: br0
                type: bridge
                used_by: []
                managed: false
                status: ""
                locations: []

                """)
        #expect(
            JSONText.compact(try Tree(network)).contains(
                #""used_by":null,"managed":false,"status":"","locations":null"#))
    }

    @Test func aFlatValueKeepsItsOrder() throws {
        let tree = try Tree(Instance.Full(instance: .sample(name: "web"), state: nil))
        guard case .map(let members) = tree else { Issue.record("not a map"); return }
        #expect(members.map(\.name).prefix(3) == ["architecture", "config", "devices"])
        #expect(members.map(\.name).suffix(4) == ["project", "backups", "state", "snapshots"])
        let yaml = try YAMLText.document(tree)
        #expect(yaml.contains("created_at: 2026-11-23T07:29:44.5Z\n"))
        #expect(yaml.hasSuffix("backups: []\nstate: null\nsnapshots: []\n"))
    }

    @Test func anythingCanBeEncoded() throws {
        struct Odd: Encodable {
            func encode(to encoder: any Encoder) throws {
                var map = encoder.container(keyedBy: Key.self)
                try map.encode(UInt8(7), forKey: .b)
                var list = map.nestedUnkeyedContainer(forKey: .a)
                try list.encode(1.5)
                try list.encodeNil()
                try list.encode(["x": true])
                var inner = map.nestedContainer(keyedBy: Key.self, forKey: .c)
                try inner.encodeNil(forKey: .a)
            }
            enum Key: String, CodingKey { case a, b, c }
        }
        #expect(JSONText.compact(try Tree(Odd())) == #"{"b":7,"a":[1.5,null,{"x":true}],"c":{"a":null}}"#)
    }

    @Test func whatWasWrittenIsReadBack() throws {
        let config = ["a": "yes", "b": "1\n2\n", "c": "- x", "d": "", "e": "0x10", "f": "2026-11-23", "g": "'"]
        let profile = Profile(name: "p", description: "d", config: config, devices: [:], usedBy: [])
        let read = try YAMLInput.decode(Profile.Update.self, from: YAMLText.document(Tree(profile)))
        #expect(read.config == config)
        #expect(read.description == "d")
    }

    @Test func textMayStandWithoutQuotes() throws {
        let read = try YAMLInput.decode(
            Instance.Creation.self, from: "config: {user.n: 5, user.t: true, limits.cpu: 0-1}\nunknown: [1]\n")
        #expect(read.config == ["user.n": "5", "user.t": "true", "limits.cpu": "0-1"])
        #expect(read.profiles == nil)
        #expect(try YAMLInput.decode(Instance.Creation.self, from: "").config == [:])
    }

    @Test func aFaultIsNamedWithItsPlace() {
        let error = #expect(throws: Failure.self) { try YAMLInput.decode(Profile.Update.self, from: "config: [") }
        #expect(error?.description.contains("line 2") == true)
        #expect(throws: Failure.self) { try YAMLInput.decode(Profile.Update.self, from: "config: [a]") }
    }
}
