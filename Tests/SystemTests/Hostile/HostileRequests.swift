/// One request that no honest client sends, and what has to become of it.
struct HostileRequest: Sendable, CustomStringConvertible {
    /// What is wrong with it.
    let description: String
    /// Method and path.
    let line: String
    var headers: [(String, String)] = []
    var body: String?
    /// The status, where any of the 400s will not do.
    var status: Int?
    /// What the sentence of the refusal has to contain.
    var says = ""

    init(
        _ description: String, _ line: String, _ body: String? = nil, headers: [(String, String)] = [],
        status: Int? = nil, says: String = ""
    ) {
        self.description = description
        self.line = line
        self.body = body
        self.headers = headers
        self.status = status
        self.says = says
    }

    /// The request as it goes over the wire; the connection ends with it.
    var text: String {
        var text = "\(line) HTTP/1.1\r\nHost: lexd\r\nConnection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" }
        return body == nil ? text + "\r\n" : text
    }
}

extension HostileRequest {
    /// Names and paths that lead out of where they belong (class A of SECURITY.md's sources: traversal).
    static let paths: [HostileRequest] = [
        .init("an instance by a way out", "GET /1.0/instances/..%2f..%2f..%2fetc%2fpasswd", status: 404),
        .init("an instance's state by a way out", "GET /1.0/instances/..%2fc1/state", status: 404),
        .init("a log by a way out", "GET /1.0/instances/c1/logs/..%2f..%2f..%2fetc%2fshadow"),
        .init("a log by an absolute path", "GET /1.0/instances/c1/logs/%2fetc%2fshadow"),
        .init("a log with a zero byte", "GET /1.0/instances/c1/logs/lxc.log%00.txt", status: 404),
        .init("two dots for a log", "GET /1.0/instances/c1/logs/.."),
        .init("an image by a way out", "GET /1.0/images/..%2F..%2Fetc%2Fpasswd/export", status: 404),
        .init("an image by a pattern", "GET /1.0/images/%25/export", status: 404),
        .init("an image by nothing", "GET /1.0/images//export", status: 404),
        .init("a path that begins with two dots", "GET /../../etc/passwd", status: 404),
        .init("a path that is broken", "GET /1.0/instances/%zz", status: 404),
        .init("a path that is no UTF-8", "GET /1.0/instances/%ff%fe", status: 404),
        creation("../x"), creation("a/b"), creation("."), creation("-a"), creation("a-"), creation("1a"),
        creation("a\\nb"), creation("a\\u0000b"), creation("ä"), creation(String(repeating: "a", count: 64)),
        creation("a b"), creation("a;id"), creation("$(id)"),
        .init(
            "a rename to a way out", "POST /1.0/instances/c1", #"{"name": "../../c2"}"#),
        .init("a profile named by a way out", "POST /1.0/profiles", #"{"name": "../x"}"#, status: 400),
        .init("a profile with a slash", "POST /1.0/profiles", #"{"name": "a/b"}"#, status: 400),
        .init("a profile without a name", "POST /1.0/profiles", "{}", status: 400),
        .init("a network named by a way out", "POST /1.0/networks", #"{"name": "../../x"}"#, status: 400),
        .init("a network with a line end", "POST /1.0/networks", #"{"name": "x\ny"}"#, status: 400),
        .init("a network with a command", "POST /1.0/networks", #"{"name": "x;id"}"#, status: 400),
        .init("a network too long for a link", "POST /1.0/networks", #"{"name": "abcdefghijklmnop"}"#, status: 400),
        .init(
            "a pool named by a way out", "POST /1.0/storage-pools", #"{"name": "../x", "driver": "overlay"}"#,
            status: 400),
        .init(
            "a pool without a driver", "POST /1.0/storage-pools", #"{"name": "x"}"#, status: 400),
        .init(
            "a secret that is none", "GET /1.0/operations/00000000-0000-0000-0000-000000000000/websocket?secret=../x",
            headers: [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ], status: 404),
    ]

    private static func creation(_ name: String) -> HostileRequest {
        .init(
            "an instance named \(name.prefix(20))", "POST /1.0/instances",
            #"{"name": "\#(name)", "source": {"type": "none"}}"#, status: 400)
    }

    /// Values that would become lines of a file, or words of a command (class C: injection).
    static let injections: [HostileRequest] = [
        key("environment.A", #"b\nlxc.hook.pre-start = /bin/sh"#), key(#"environment.A\nB"#, "b"),
        key("environment.A=B", "c"), key("environment.", "b"), key("raw.lxc", "lxc.hook.start=/bin/sh"),
        key("limits.memory", #"1GiB\nlxc.x=y"#), key("limits.cpu", #"0\n1"#), key("limits.cpu", "0;id"),
        key("limits.processes", "99999999999999999999"), key("limits.memory", "9223372036854775807TiB"),
        key("limits.cpu", "0-99999999999"), key("limits.cpu.allowance", "9999999999999999999%"),
        key("volatile.idmap.base", "0"), key("volatile.last_state.idmap", "[1]"),
        key("security.privileged", #"true\n"#),
        key("", "x"), key("../../x", "y"), key("user", "y"), key(#"boot.autostart\u0000"#, "1"),
        device("../x", #""type": "disk", "path": "/x", "source": "/nonexistent-lexd""#),
        device("x", #""type": "disk", "path": "../../x", "source": "/nonexistent-lexd""#),
        device("x", #""type": "disk", "path": "/x\n/y", "source": "/nonexistent-lexd""#),
        device("eth0", #""type": "nic", "nictype": "bridged", "parent": "br0\nx""#),
        device("eth0", #""type": "nic", "network": "../x""#),
        device("eth0", #""type": "nic", "name": "a/b", "network": "nothing""#),
        device("eth0", #""type": "nic", "hwaddr": "00:16:3e:00:00:01\nx""#),
        device("eth0", #""type": 7"#), device("x", #""type": "nonsense""#), device("x", ""),
        device(String(repeating: "d", count: 300), #""type": "none""#),
        .init(
            "a network's domain with a line end", "POST /1.0/networks",
            #"{"name": "lxtest0", "config": {"dns.domain": "x\naddress=/#/1.2.3.4"}}"#, status: 400),
        .init(
            "a network's address with a line end", "POST /1.0/networks",
            #"{"name": "lxtest0", "config": {"ipv4.address": "10.0.0.1/24\ndhcp-script=/bin/sh"}}"#, status: 400),
        .init(
            "a network's key that is none", "POST /1.0/networks",
            #"{"name": "lxtest0", "config": {"../x": "y"}}"#, status: 400),
        address("ipv4", "127.0.0.1/8"), address("ipv4", "127.1.2.3/24"), address("ipv4", "224.0.0.1/24"),
        address("ipv4", "239.1.2.3/24"), address("ipv4", "0.1.2.3/24"), address("ipv4", "255.255.255.255/24"),
        address("ipv6", "::1/64"), address("ipv6", "ff02::1/64"), address("ipv6", "::/64"),
        metadata(#""architecture": "../x""#), metadata(#""architecture": "nonsense""#),
        metadata(#""templates": {"/etc/../../x": {"when": ["start"], "template": "a.tpl"}}"#),
        metadata(#""templates": {"/x": {"when": ["start"], "template": "../../x"}}"#),
        .init(
            "a packer with arguments", "POST /1.0/images",
            #"{"source": {"type": "instance", "name": "c1"}, "compression_algorithm": "gzip -c; id"}"#),
        .init(
            "an image from an address of this machine", "POST /1.0/images",
            #"{"source": {"type": "url", "url": "http://127.0.0.1:1/x"}}"#),
        exec(#""command": []"#), exec(#""command": "ls""#), exec(#""command": ["a\u0000b"]"#), exec(""),
        exec(#""command": ["ls"], "environment": {"A=B": "c"}"#),
        exec(#""command": ["ls"], "environment": {"A": "b\u0000c"}"#),
        exec(#""command": ["ls"], "user": -5"#), exec(#""command": ["ls"], "user": 99999999999"#),
        exec(#""command": ["ls"], "cwd": "/x\u0000y""#),
    ]

    private static func key(_ key: String, _ value: String) -> HostileRequest {
        .init(
            "the key \(key) as \(value.prefix(30))", "PATCH /1.0/instances/c1",
            #"{"config": {"\#(key)": "\#(value)"}}"#, status: 400)
    }

    private static func device(_ name: String, _ keys: String) -> HostileRequest {
        .init(
            "the device \(name.prefix(20)) as \(keys.prefix(60))", "PATCH /1.0/instances/c1",
            #"{"devices": {"\#(name)": {\#(keys)}}}"#, status: 400)
    }

    private static func address(_ family: String, _ address: String) -> HostileRequest {
        let other = family == "ipv4" ? "ipv6" : "ipv4"
        return .init(
            "a network at \(address)", "POST /1.0/networks",
            #"{"name": "lxtest0", "config": {"\#(family).address": "\#(address)", "\#(other).address": "none"}}"#,
            status: 400, says: "Invalid value for \"\(family).address\"")
    }

    private static func metadata(_ fields: String) -> HostileRequest {
        .init(
            "metadata with \(fields)", "PUT /1.0/instances/c1/metadata", "{\(fields)}", status: 400,
            says: "The metadata has")
    }

    private static func exec(_ keys: String) -> HostileRequest {
        .init("a command as \(keys.prefix(50))", "POST /1.0/instances/c1/exec", "{\(keys)}")
    }
}
