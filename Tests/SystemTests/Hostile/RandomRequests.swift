import LexAPI
import LexTestKit

/// Requests by chance for every declared endpoint: true to its path, with names, bodies and headers that mostly do not
/// fit. The same seed makes the same ones.
struct RandomRequests {
    private var random: SeededGenerator
    /// Names of what is there; a name that is there lets a request come further.
    private let names: [String]

    init(names: [String]) {
        random = SeededGenerator("random requests")
        self.names = names
    }

    private static let words = [
        "", "x", "..", "../x", "%2e%2e", "a%2Fb", "%00", "%ff", "default", "c1", "custom", "container", "-1", "0",
        "99999999999999999999", "a b", "%c3%a4", "1.0", "{name}", "*", "%25",
    ]
    private static let keys = [
        "name", "config", "devices", "profiles", "source", "type", "alias", "fingerprint", "action", "timeout", "force",
        "stateful", "description", "ephemeral", "architecture", "command", "environment", "interactive", "width",
        "height", "user", "group", "cwd", "target", "properties", "public", "auto_update", "expires_at", "aliases",
        "filename", "driver", "protocol", "server", "mode", "instance_type", "restore", "migration", "project", "pool",
        "instances", "status", "wait-for-websocket", "record-output", "secret", "cert", "listen_address", "ports",
        "ingress", "egress", "content_type", "volume_only", "instance_only", "base-image", "certificate", "",
    ]
    private static let texts = [
        "", "x", "none", "image", "copy", "template", "stop", "freeze", "..", "../../nonexistent-lexd",
        "/nonexistent-lexd", "a\\u0000b", "a\\nb", "\\ud83d\\ude00", "true", "1", "-1", "99999999999999999999", "1GiB",
        "%s%n", "$(id)", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999999-99-99T99:99:99Z", "c1", "default",
        "user.a", "limits.cpu", "nic", "disk", "root", "unix://", "debian/12;x",
    ]
    private static let numbers = [
        "0", "1", "-1", "7", "2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5",
        "1e300", "1e999", "-0",
    ]
    private static let headers = [
        ("If-Match", "\"x\""), ("If-Match", ""), ("Content-Type", "text/plain"),
        ("Content-Type", "multipart/form-data"),
        ("Content-Type", "multipart/form-data; boundary=x"), ("Content-Type", "application/octet-stream"),
        ("Accept", "*/*"), ("Accept-Encoding", "gzip"), ("Expect", "100-continue"), ("Range", "bytes=5-1"),
        ("Range", "bytes=-9223372036854775808"), ("X-LXD-type", "directory"), ("X-LXD-mode", "0999"),
        ("X-LXD-uid", "-1"), ("X-LXD-fingerprint", "../x"), ("X-LXD-filename", "../../x"), ("X-LXD-public", "x"),
        ("X-LXD-properties", "%zz"), ("X-LXD-aliases", "&&=="), ("User-Agent", "lxd"), ("Origin", "http://x"),
        ("Upgrade", "websocket"), ("Upgrade", "h2c"), ("Cookie", "x=y"), ("X-Requested-With", "\u{7f}"),
    ]
    private static let queries = [
        "recursion=1", "recursion=2", "recursion=-1", "recursion=99999999999999999999", "project=default", "project=x",
        "project=", "filter=name%20eq%20x", "filter=%22", "all-projects=true", "target=x", "public=1", "timeout=0",
        "timeout=-9", "secret=x", "path=/etc/passwd", "type=x", "force=1", "%zz", "a=b&a=c", "=", "&&", "pool=default",
    ]

    /// A request for an endpoint, whole.
    mutating func next(for endpoint: any AnyEndpoint) -> String {
        let path = endpoint.path.split(separator: "/").map { part in
            guard part.hasPrefix("{") else { return String(part) }
            return Bool.random(using: &random) ? pick(names) : pick(Self.words)
        }
        var text = "\(endpoint.method.rawValue) /\(path.joined(separator: "/"))"
        // Waiting for an operation that does not end, or for events, is no fault: they wait for a moment only.
        let query = endpoint.path.hasSuffix("/wait") ? ["timeout=0"] : chosen(Self.queries, upTo: 2)
        if !query.isEmpty { text += "?\(query.joined(separator: "&"))" }
        text += " HTTP/1.1\r\nHost: lexd\r\nConnection: close\r\n"
        for (name, value) in chosen(Self.headers, upTo: 2) { text += "\(name): \(value)\r\n" }
        guard [.post, .put, .patch].contains(endpoint.method) || Int.random(in: 0..<8, using: &random) == 0 else {
            return text + "\r\n"
        }
        let body = body()
        return text + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private mutating func body() -> String {
        var body = Int.random(in: 0..<10, using: &random) == 0 ? value(0) : object(0)
        // Now and then one that is broken.
        if Int.random(in: 0..<6, using: &random) == 0, !body.isEmpty {
            let cut = Int.random(in: 0..<body.count, using: &random)
            let place = body.index(body.startIndex, offsetBy: cut)
            body =
                Bool.random(using: &random)
                ? String(body[..<place]) : body[..<place] + pick(Self.numbers) + body[place...]
        }
        return body
    }

    private mutating func value(_ depth: Int) -> String {
        switch Int.random(in: 0..<(depth < 4 ? 9 : 6), using: &random) {
        case 0: "null"
        case 1: Bool.random(using: &random) ? "true" : "false"
        case 2: pick(Self.numbers)
        case 3...5: "\"\(pick(Self.texts))\""
        case 6: "[\((0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth + 1) }.joined(separator: ","))]"
        default: object(depth + 1)
        }
    }

    private mutating func object(_ depth: Int) -> String {
        let members = (0..<Int.random(in: 0...5, using: &random)).map { _ in
            "\"\(pick(Self.keys))\":\(value(depth + 1))"
        }
        return "{\(members.joined(separator: ","))}"
    }

    private mutating func pick<Element>(_ list: [Element]) -> Element where Element: Sendable {
        list[Int.random(in: list.indices, using: &random)]
    }

    private mutating func chosen<Element>(_ list: [Element], upTo most: Int) -> [Element] where Element: Sendable {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in pick(list) }
    }
}
