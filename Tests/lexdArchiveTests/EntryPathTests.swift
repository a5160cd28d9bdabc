import Testing

@testable import lexd_archive

@Suite struct EntryPathTests {
    private func path(_ text: String, depth: UInt64 = 128) throws -> EntryPath {
        try EntryPath(Array(text.utf8), depth: depth)
    }

    @Test(arguments: [
        ("rootfs/etc/passwd", ["rootfs", "etc", "passwd"]), ("./rootfs/", ["rootfs"]), ("././a/b", ["a", "b"]),
        ("./", []), (".", []), ("a b/\u{e9}", ["a b", "\u{e9}"]), ("...", ["..."]), ("..a/b..", ["..a", "b.."]),
        (".hidden", [".hidden"]),
    ])
    func takes(_ text: String, _ names: [String]) throws {
        let path = try path(text)
        #expect((0..<path.count).map { String(decoding: path.name($0), as: UTF8.self) } == names)
        #expect(path.joined == Array(names.joined(separator: "/").utf8))
        for (index, name) in names.enumerated() {
            #expect(path.withName(index) { String(cString: $0) } == name)
        }
    }

    @Test(arguments: [
        ("", "no name"), ("/etc/passwd", "absolute"), ("//", "absolute"), ("../x", "\"..\""), ("a/../b", "\"..\""),
        ("a/..", "\"..\""), ("./../x", "\"..\""), ("a//b", "empty"), ("a/b//", "empty"), (".//a", "empty"),
        ("a/./b", "\".\""), ("a\u{0}b", "zero byte"), (String(repeating: "x", count: 256), "256 bytes"),
        (String(repeating: "abc/", count: 1100), "4096"), ("a/b/c/d", "4 directories deep; 3 are allowed"),
    ])
    func refuses(_ text: String, _ rule: String) {
        let depth: UInt64 = text == "a/b/c/d" ? 3 : 128
        let refusal = #expect(throws: Refusal.self) { try EntryPath(Array(text.utf8), depth: depth) }
        #expect(refusal?.sentence.contains(rule) == true, "\(refusal?.sentence ?? "")")
    }

    @Test func takesTheLongest() throws {
        #expect(try path(String(repeating: "x", count: 255)).count == 1)
        let deep = Array(repeating: "a", count: 128).joined(separator: "/")
        #expect(try path(deep).count == 128)
        #expect(throws: Refusal.self) { try path(deep + "/a") }
    }

    @Test func joinsTheFirstNames() throws {
        let path = try path("a/bc/d")
        #expect(path.joined(0) == [])
        #expect(path.joined(1) == Array("a".utf8))
        #expect(path.joined(2) == Array("a/bc".utf8))
        #expect(path.joined(9) == Array("a/bc/d".utf8))
        #expect(path.name(7) == [])
        #expect(path.withName(7) { String(cString: $0) } == "")
    }

    @Test func quotesForAPerson() {
        #expect(quoted(Array("a\"b\\".utf8)) == #""a\"b\\""#)
        #expect(quoted(Array("Főtan\u{202e}\u{1b}[31m\n".utf8)) == #""Főtan\xe2\x80\xae\x1b[31m\x0a""#)
        #expect(quoted([0xff, 0x61]) == #""\xffa""#)
        #expect(quoted(Array(repeating: 0x61, count: 1000)).utf8.count < 210)
    }

    @Test func warningsAreBounded() {
        var warnings = Warnings()
        for number in 0..<1000 { warnings.add("\(number)") }
        #expect(warnings.all.count == 100)
        #expect(warnings.all.last == "and 901 more like these")
    }
}
