extension HostileRequest {
    /// Bodies and queries that parsers break at (class D: crashes and unbounded input).
    static let bodies: [HostileRequest] = [
        json("nothing", ""), json("null", "null"), json("a list", "[]"), json("a number", "1"),
        json("half", #"{"name": "#),
        json("text behind it", "{} x"), json("a lone quote", "\""), json("a tab in text", "{\"name\": \"a\tb\"}"),
        json("a surrogate alone", #"{"name": "\ud800"}"#), json("a number for a name", #"{"name": 7}"#),
        json("a list for a name", #"{"name": ["a"]}"#), json("text for a map", #"{"name": "a", "config": "b"}"#),
        json("a list for a map", #"{"name": "a", "config": []}"#),
        json("a number for a value", #"{"name": "a", "source": {"type": "none"}, "config": {"user.a": 1}}"#),
        json("null for a device", #"{"name": "a", "source": {"type": "none"}, "devices": {"x": null}}"#),
        json("a map for a list", #"{"name": "a", "profiles": {}}"#),
        json("a deep list", String(repeating: "[", count: 100_000)),
        json("a deep map", String(repeating: #"{"a":"#, count: 50_000)),
        json("a number without end", #"{"name": "a", "x": 1e999999}"#),
        json("a source of no kind", #"{"name": "a", "source": {"type": "nonsense"}}"#),
        json("a machine", #"{"name": "a", "source": {"type": "none"}, "type": "virtual-machine"}"#),
        json("a copy of nothing", #"{"name": "a", "source": {"type": "copy", "source": "../x"}}"#),
        json("a migration from nowhere", #"{"name": "a", "source": {"type": "migration", "mode": "pull"}}"#),
        json("an image of no name", #"{"name": "a", "source": {"type": "image"}}"#),
        json("an image by a pattern", #"{"name": "a", "source": {"type": "image", "fingerprint": "%"}}"#),
        .init(
            "a body that is too large", "POST /1.0/profiles",
            #"{"name": ""# + String(repeating: "a", count: 5 << 20) + #""}"#,
            status: 413),
        .init("an action that is none", "PUT /1.0/instances/c1/state", #"{"action": "explode"}"#, status: 400),
        .init("a timeout beyond", "PUT /1.0/instances/c1/state", #"{"action": "stop", "timeout": 1e300}"#, status: 400),
        .init("a timeout as text", "PUT /1.0/instances/c1/state", #"{"action": "stop", "timeout": "1"}"#, status: 400),
        .init("a tag that fits nothing", "PUT /1.0/instances/c1", "{}", headers: [("If-Match", "\"x\"")], status: 412),
        .init("a filter without end", "GET /1.0/instances?filter=" + String(repeating: "a", count: 5000), status: 400),
        .init("a filter that is none", "GET /1.0/instances?filter=name%20eq", status: 400),
        .init("a filter that blows up", "GET /1.0/instances?filter=name%20eq%20(((((a*)*)*)*)*)*%20and", status: 400),
        .init("a project by a way out", "GET /1.0/instances?project=..%2fx", status: 404),
        .init("an operation that is none", "GET /1.0/operations/..%2fx", status: 404),
        .init("an operation to wait for that is none", "GET /1.0/operations/x/wait?timeout=99999999999999999999"),
        .init("an image of a wrong sum", "POST /1.0/images", "x", headers: [("X-LXD-fingerprint", "../../x")]),
        .init("a method that is none", "EXPLODE /1.0"), .init("a target that is no path", "GET http://x/1.0"),
    ]

    private static func json(_ description: String, _ body: String) -> HostileRequest {
        .init(description, "POST /1.0/instances", body)
    }

    /// What is no HTTP, or would be read as two requests by two readers: refused or cut off, never carried out.
    static let wire: [(description: String, text: String)] = {
        let long = String(repeating: "a", count: 200_000)
        func profile(_ headers: String, _ body: String) -> String {
            "POST /1.0/profiles HTTP/1.1\r\nHost: lexd\r\nConnection: close\r\n\(headers)\r\n\r\n\(body)"
        }
        let body = #"{"name": "smuggled"}"#
        return [
            ("noise", "\u{1}\u{2}\u{3}\r\n\r\n"), ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("HTTP/0.9", "GET /1.0\r\n\r\n"), ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n"),
            ("a head without end", "GET /1.0 HTTP/1.1\r\nX: \(long)\r\n\r\n"),
            ("a path without end", "GET /1.0/\(long) HTTP/1.1\r\nHost: lexd\r\n\r\n"),
            ("headers without end", "GET /1.0 HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 20_000))\r\n"),
            ("a length below nothing", profile("Content-Length: -1", body)),
            ("a length that is none", profile("Content-Length: 0x14", body)),
            ("a length beyond", profile("Content-Length: 99999999999999999999999", body)),
            ("two lengths", profile("Content-Length: 20\r\nContent-Length: 3", body)),
            ("a length and chunks", profile("Content-Length: 20\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + body)),
            ("chunks of no size", profile("Transfer-Encoding: chunked", "zz\r\n\(body)\r\n0\r\n\r\n")),
            ("chunks beyond", profile("Transfer-Encoding: chunked", "fffffffffffffffff\r\n\(body)\r\n0\r\n\r\n")),
            ("an encoding that is none", profile("Transfer-Encoding: nonsense", body)),
            ("a header without a colon", "GET /1.0 HTTP/1.1\r\nHost lexd\r\n\r\n"),
            ("a header with a space", "GET /1.0 HTTP/1.1\r\nHo st: lexd\r\n\r\n"),
            ("a header with a zero byte", "GET /1.0 HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n"),
        ]
    }()
}
