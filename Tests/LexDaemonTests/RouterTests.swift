import FoundationEssentials
import LexAPI
import LexIPC
import LexStore
import LexTestKit
import NIOCore
import NIOHTTP1
import Testing

@testable import LexDaemon

@Suite struct RouterTests {
    private func router(_ paths: [(LexAPI.Method, String)]) -> Router {
        var router = Router()
        for (method, path) in paths { router.on(method, path) { _ in .text("") } }
        return router
    }

    private func parameters(_ router: Router, _ method: LexAPI.Method, _ path: String) -> [String: String]? {
        if case .found(_, let parameters) = router.match(method, path) { parameters } else { nil }
    }

    @Test func literalsComeBeforeParameters() {
        for paths in [
            [(LexAPI.Method.get, "/1.0/images/{f}"), (.get, "/1.0/images/aliases")],
            [(.get, "/1.0/images/aliases"), (.get, "/1.0/images/{f}")],
        ] {
            let router = router(paths)
            #expect(parameters(router, .get, "/1.0/images/aliases") == [:])
            #expect(parameters(router, .get, "/1.0/images/abc") == ["f": "abc"])
        }
    }

    /// The most literal pattern owns a path, whatever it can do with it.
    @Test func aKnownPathWithAnotherMethodIsNotAnotherPath() {
        let router = router([(.get, "/1.0/images/aliases"), (.delete, "/1.0/images/{f}")])
        guard case .noSuchMethod = router.match(.delete, "/1.0/images/aliases") else {
            Issue.record("an alias was looked for among the images")
            return
        }
        guard case .noSuchMethod = router.match(.post, "/1.0/images/abc"),
            case .notFound = router.match(.get, "/1.0/none")
        else {
            Issue.record("not 501 and 404")
            return
        }
    }

    @Test(
        arguments: [
            ("/", [:]), ("/1.0/i/a", ["n": "a"]), ("/1.0/i/a%20b", ["n": "a b"]), ("/1.0/i/a%2Fb", ["n": "a/b"]),
            ("/1.0/i/%2e%2e", ["n": ".."]), ("/1.0/i/a+b", ["n": "a+b"]), ("/1.0/i/%C3%BC", ["n": "ü"]),
            ("/1.0/i/ü", ["n": "ü"]),
            ("/1.0/i/a/l/f", ["n": "a", "f": "f"]), ("/1.0/i/a/l/..%2f..%2fx", ["n": "a", "f": "../../x"]),
            ("/1.0/i", nil), ("/1.0/i/", nil), ("/1.0/i//", nil), ("//1.0/i/a", nil), ("/1.0//i/a", nil),
            ("/1.0/i/a/", nil),
            ("/1.0/i//l/f", nil), ("/1.0/i/a%00", nil), ("/1.0/i/%", nil), ("/1.0/i/%2", nil), ("/1.0/i/%zz", nil),
            ("/1.0/i/%+1", nil), ("/1.0/i/%ff", nil), ("/1.0/I/a", nil), ("/%31.0/i/a", nil), ("", nil),
            ("1.0/i/a", nil),
        ] as [(String, [String: String]?)])
    func paths(path: String, wanted: [String: String]?) {
        let router = router([(.get, "/"), (.get, "/1.0/i/{n}"), (.get, "/1.0/i/{n}/l/{f}")])
        #expect(parameters(router, .get, path) == wanted)
    }

    @Test func whatIsMountedIsKept() {
        let router = router([(.get, "/b"), (.post, "/b"), (.get, "/a/{x}")])
        #expect(router.mounted == ["GET /b", "POST /b", "GET /a/{x}"])
    }

    @Test func randomPathsNeverTrap() {
        var random = SeededGenerator("paths")
        let router = router(API.all.map { ($0.method, $0.path) })
        let pieces = [
            "/", "1.0", "instances", "%", "2f", "{name}", "é", "images", "aliases", "..", "//", "%00", "%41", "\u{301}",
        ]
        for _ in 0..<5000 {
            let path = (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? ""
            }.joined()
            if case .found(_, let parameters) = router.match(.get, path) {
                #expect(
                    parameters.values.allSatisfy { !$0.isEmpty && !$0.utf8.contains(0) }, "\(path), seed \(random.seed)"
                )
            }
            _ = RequestTarget(path)
            _ = RequestTarget("/?" + path)
        }
    }
}

@Suite struct RequestTargetTests {
    @Test(
        arguments: [
            ("/", "/", [:]), ("/a?b=c", "/a", ["b": "c"]), ("/a?", "/a", [:]), ("/a?b", "/a", ["b": ""]),
            ("/a?b=", "/a", ["b": ""]),
            ("/a?=c", "/a", ["": "c"]), ("/a?b=c=d", "/a", ["b": "c=d"]), ("/a?b=1&b=2", "/a", ["b": "1"]),
            ("/a?b=x+y%20z%2B", "/a", ["b": "x y z+"]), ("/a?b=1&&c=2&", "/a", ["b": "1", "c": "2"]),
            ("/a?b?c=1", "/a", ["b?c": "1"]),
            ("/a%2Fb?c", "/a%2Fb", ["c": ""]), ("/a?%62=%C3%BC", "/a", ["b": "ü"]),
        ] as [(String, String, [String: String])])
    func targets(text: String, path: String, query: [String: String]) throws {
        let target = try #require(RequestTarget(text))
        #expect(target.path == path && target.query == query)
    }

    @Test(arguments: ["", "a", "http://x/", "*", "?a", "/?%", "/?a=%0", "/?a=%00", "/?a=%ff", "/?%zz=1", "/?a=%+1"])
    func refused(_ text: String) { #expect(RequestTarget(text) == nil) }
}

@Suite struct JSONCodingTests {
    private struct Inner: Codable, Equatable { var number: Int }
    private struct Body: Codable {
        @Lenient var name: String
        @Lenient var config: [String: String]
        @Nullable var inner: Inner?
        @Nullable var open: JSONValue?
    }

    private func decode(_ text: String) throws -> Body { try JSONCoding.decode(Body.self, from: Data(text.utf8)) }

    @Test func keysOfFieldsAreReadInAnyCase() throws {
        let body = try decode(#"{"NAME":"x","Inner":{"Number":5},"unknown":[1,{"a":2}]}"#)
        #expect(body.name == "x" && body.inner == Inner(number: 5))
    }

    /// Names in a map are not fields: `environment.PATH` is not `environment.path`.
    @Test func keysOfMapsAreLeftAsTheyAre() throws {
        let body = try decode(#"{"Config":{"environment.PATH":"/bin","user.Aa":"x"},"open":{"Big":{"Inner":1}}}"#)
        #expect(body.config == ["environment.PATH": "/bin", "user.Aa": "x"])
        #expect(body.open == ["Big": ["Inner": 1]])
    }

    @Test func aKeyInTwoCasesIsNoTrap() throws {
        #expect(["a", "b"].contains(try decode(#"{"name":"a","NAME":"b"}"#).name))
        _ = try? decode(#"{"config":{"a":"1","a":"2"}}"#)
    }

    @Test(
        arguments: [
            (#"{"name":5}"#, "\"name\""), (#"{"config":{"a":5}}"#, "\"config.a\""), (#"{"config":[]}"#, "\"config\""),
            (#"{"inner":{"number":"x"}}"#, "\"inner.number\""), (#"{"inner":{}}"#, "\"inner\""), ("[]", "does not fit"),
            ("null", "does not fit"), ("", "not valid JSON"), ("{", "not valid JSON"), ("{}}", "not valid JSON"),
        ])
    func whatDoesNotFitIsSaidWithItsPlace(text: String, words: String) {
        let error = #expect(throws: APIError.self) { try decode(text) }
        #expect(error?.status == 400 && error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func writesAsGoDoes() throws {
        let text = String(decoding: try JSONCoding.encode(["b": "</&>", "a": "/1.0/x"]), as: UTF8.self)
        #expect(text == #"{"a":"/1.0/x","b":"</&>"}"#)
        #expect(try JSONCoding.value(["a": 1]) == ["a": 1])
    }
}

@Suite struct AnswerTests {
    @Test func tagsFollowTheWritablePart() throws {
        let one = try ETag.of(["a": "b", "c": "d"])
        #expect(one == (try ETag.of(["c": "d", "a": "b"])) && one.utf8.count == 64)
        #expect(one != (try ETag.of(["a": "b", "c": "e"])))
    }

    @Test func theTagOfARequestIsChecked() throws {
        let tag = try ETag.of(["a": "b"])
        func check(_ header: String?) throws {
            try ETag.check(header.map { ["If-Match": $0] } ?? [:], writable: ["a": "b"])
        }
        for fine in [nil, "", "*", tag, "\"\(tag)\""] { #expect(throws: Never.self) { try check(fine) } }
        for wrong in ["x", "\"\"", "\"", "\"\(tag)", tag.uppercased()] {
            let error = #expect(throws: APIError.self, "\(wrong)") { try check(wrong) }
            #expect(error?.status == 412 && error?.message.hasPrefix("ETag doesn't match") == true)
        }
    }

    @Test func errorsBecomeAnswers() {
        struct Odd: Error, CustomStringConvertible { let description = "odd" }
        let cases: [(any Error, Int, String)] = [
            (APIError.notFound("x"), 404, "x"), (CommitError.conflict(key: "/a"), 409, "repeat the change"),
            (CommitError.refused("large"), 400, "large"), (CommitError.unavailable(Odd()), 500, "odd"),
            (CancellationError(), 503, "cancelled"), (SystemError("write", "/x", code: 28), 500, "Free some space"),
            (SystemError("open", "/x", code: 2), 500, "cannot open /x"), (Odd(), 500, "odd"),
        ]
        for (error, status, words) in cases {
            let answer = ErrorAnswers.apiError(error)
            #expect(answer.status == status && answer.message.contains(words), "\(error)")
        }
    }

    @Test func datesAreOfHTTP() {
        #expect(HTTPDate.text(of: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(of: 1_795_415_844) == "Mon, 23 Nov 2026 06:37:24 GMT")
    }

    @Test func identitiesAreRandomAndWellFormed() {
        let ids = Set((0..<1000).map { _ in UUIDText.random() })
        #expect(ids.count == 1000)
        #expect(
            ids.allSatisfy { id in
                let parts = id.split(separator: "-").map(\.count)
                return parts == [8, 4, 4, 4, 12] && id.dropFirst(14).first == "4"
                    && "89ab".contains(id.dropFirst(19).first ?? "x")
            })
        let secret = Secret.random()
        #expect(secret.utf8.count == 64 && Secret.equal(secret, secret) && secret != Secret.random())
        #expect(!Secret.equal(secret, String(secret.dropLast())) && !Secret.equal("a", "b") && Secret.equal("", ""))
        #expect(hex([0, 15, 255]) == "000fff")
        for _ in 0..<200 { #expect(throws: Never.self) { try InstanceName(PetName.random()) } }
    }
}
