import Glibc
import Testing

@testable import lx

@Suite struct AliasTests {
    private static let own = [
        "ll": "list -c ns4", "list": "list -f csv", "login": "exec @ARGS@ -- su -l", "image": "image list",
        "image where": "image list -c lf", "twice": "@ARGS@ x @ARGS@", "say": "/bin/echo hello @ARGS@ bye",
        "loop": "loop x", "void": " ",
    ]

    @Test(arguments: [
        (["ll", "web"], ["list", "-c", "ns4", "web"]), (["list", "-c", "n"], ["list", "-f", "csv", "-c", "n"]),
        (["login", "web"], ["exec", "web", "--", "su", "-l"]), (["shell", "web"], ["exec", "web", "--", "su", "-l"]),
        (["image", "where", "x"], ["image", "list", "-c", "lf", "x"]), (["image", "x"], ["image", "list", "x"]),
        (["twice", "a"], ["a", "x", "a"]),
        (["-q", "--project", "p", "ll"], ["-q", "--project", "p", "list", "-c", "ns4"]),
        // Once: nothing goes round in circles.
        (["loop"], ["loop", "x"]),
    ]) func expansion(_ words: [String], _ expanded: [String]) {
        #expect(Aliases.expand(words, own: Self.own) == .words(expanded))
    }

    @Test func programs() {
        #expect(
            Aliases.expand(["say", "a", "b"], own: Self.own) == .program("/bin/echo", ["hello", "a", "b", "bye"]))
    }

    @Test(arguments: [["launch", "ll"], [], ["-q"], ["--", "ll"], ["void"], ["ll2"]])
    func othersStay(_ words: [String]) {
        #expect(Aliases.expand(words, own: Self.own) == nil)
    }
}

@Suite struct ClientConfigurationTests {
    private func withPath(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/lx-test-XXXXXX".utf8CString)
        #expect(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for file in ["\(directory)/a/b/config.yml", "\(directory)/a/b", "\(directory)/a", directory] {
                remove(file)
            }
        }
        try body("\(directory)/a/b/config.yml")
    }

    @Test func aliasesAndProjectsAreKept() throws {
        try withPath { path in
            var configuration = try ClientConfiguration(path: path)
            #expect(configuration.aliases == [:])
            #expect(configuration.project(of: .local) == nil)
            configuration.aliases["ll"] = "list -c ns4"
            configuration.aliases["yes"] = "1"
            configuration.setProject("blue", of: .local)
            try configuration.save()
            var again = try ClientConfiguration(path: path)
            #expect(again.aliases == ["ll": "list -c ns4", "yes": "1"])
            #expect(again.project(of: .local) == "blue")
            again.setProject(nil, of: .local)
            again.aliases["ll"] = nil
            try again.save()
            #expect(try ClientConfiguration(path: path).project(of: .local) == nil)
            #expect(try ClientConfiguration(path: path).aliases == ["yes": "1"])
            // Nothing but the file itself stays.
            #expect(rmdir(String(path.dropLast("/config.yml".count))) == -1)
            #expect(unlink(path) == 0)
            #expect(rmdir(String(path.dropLast("/config.yml".count))) == 0)
        }
    }

    @Test func whatIsNotKnownStays() throws {
        try withPath { path in
            try ClientConfiguration(path: path).save()
            let text = "default-remote: local\nremotes:\n  far:\n    addr: https://example.org\nlater:\n- 1\n- 2\n"
            try Files.write(text, to: path)
            var configuration = try ClientConfiguration(path: path)
            configuration.aliases["a"] = "b"
            try configuration.save()
            let written = try Files.read(path)
            for line in ["default-remote: local", "    addr: https://example.org", "later:\n- 1\n- 2\n", "  a: b"] {
                #expect(written.contains(line), "\(written)")
            }
            try Files.write("- a\n", to: path)
            #expect(throws: Failure.self) { try ClientConfiguration(path: path) }
            try Files.write("a: [\n", to: path)
            #expect(throws: Failure.self) { try ClientConfiguration(path: path) }
        }
    }
}
