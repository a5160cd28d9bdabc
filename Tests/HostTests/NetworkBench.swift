import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Logging
import Synchronization
import Testing

/// What a test of networks made, undone last first, also when the test fails.
actor Undoing {
    private var steps: [@Sendable () async throws -> Void] = []
    func add(_ step: @escaping @Sendable () async throws -> Void) { steps.append(step) }
    func run() async {
        while let step = steps.popLast() {
            do { try await step() } catch { Issue.record(error, "cleaning up") }
        }
    }
}

/// Waits until a condition holds; fails the test after `patience`.
func eventually(
    _ what: String, within patience: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(patience): \(what)", sourceLocation: sourceLocation)
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Log lines of a test.
final class LogLines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
    var all: [String] { lines.withLock { $0 } }
}

/// A network namespace in the role of an instance, or of the world outside.
struct Guest: Sendable {
    let namespace: String

    /// Runs a program in it.
    func run(_ arguments: String...) async throws -> Tool.Output {
        try await Tool("ip").run(["netns", "exec", namespace] + arguments)
    }

    /// Asks for an address by DHCP, with further arguments for busybox's udhcpc; answers whether it got one.
    func dhcp(_ script: String, _ arguments: [String] = []) async throws -> Bool {
        let output = try await Tool("ip").run(
            ["netns", "exec", namespace, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1"]
                + ["-s", script] + arguments)
        return output.status == 0
    }

    /// The addresses of eth0 of a family that others can reach, which are usable.
    func addresses(_ family: String) async throws -> [String] {
        let output = try await run("ip", "-o", "-\(family)", "addr", "show", "dev", "eth0", "scope", "global")
        return output.text.split(separator: "\n").filter { !$0.contains("tentative") }.compactMap { line in
            let fields = line.split(separator: " ")
            return fields.firstIndex { $0.hasPrefix("inet") }.flatMap { fields.dropFirst($0 + 1).first }
                .flatMap { $0.split(separator: "/").first }.map(String.init)
        }
    }

    /// What a name, or an address, resolves to.
    func resolve(_ name: String, _ type: String, server: String) async throws -> [String] {
        let kind = type == "ptr" ? [] : ["-type=" + type]
        let output = try await Tool("ip").run(
            ["netns", "exec", namespace, "busybox", "nslookup"] + kind + [name, server])
        let answers = output.text.split(separator: "\n").drop { !$0.hasPrefix("Address") }.dropFirst()
        return answers.compactMap { line in
            if line.hasPrefix("Address: ") { return String(line.dropFirst(9)) }
            return line.range(of: "name = ").map { String(line[$0.upperBound...]) }
        }
    }

    func ping(_ address: String) async throws -> Bool {
        let program = address.contains(":") ? "ping6" : "ping"
        return try await run("busybox", program, "-c", "1", "-W", "1", address).status == 0
    }

    /// A socket opened inside, as a helper process would hand it over: it stays in the namespace.
    func socket(_ domain: Int32, _ type: __socket_type, _ number: Int32 = 0) async throws -> Int32 {
        let path = "/run/netns/\(namespace)"
        return try await withCheckedThrowingContinuation { continuation in
            let order = SocketOrder(
                path: path, domain: domain, type: Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), number: number,
                continuation: continuation)
            var thread = pthread_t()
            // A thread of its own that ends: setns(2) changes only the thread that calls it.
            let rc = pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<SocketOrder>.fromOpaque(argument).takeRetainedValue().carryOut() }
                    return nil
                }, Unmanaged.passRetained(order).toOpaque())
            precondition(rc == 0)
            pthread_detach(thread)
        }
    }
}

private final class SocketOrder: Sendable {
    let path: String
    let domain: Int32, type: Int32, number: Int32
    let continuation: CheckedContinuation<Int32, any Error>

    init(
        path: String, domain: Int32, type: Int32, number: Int32, continuation: CheckedContinuation<Int32, any Error>
    ) {
        self.path = path
        self.domain = domain
        self.type = type
        self.number = number
        self.continuation = continuation
    }

    func carryOut() {
        let namespace = open(path, O_RDONLY | O_CLOEXEC)
        let entered = lex_setns(namespace, lex_clone_newnet)
        let descriptor = entered == 0 ? socket(domain, type, number) : -1
        close(namespace)
        if descriptor >= 0 {
            continuation.resume(returning: descriptor)
        } else {
            continuation.resume(throwing: SystemError("open a socket in", path))
        }
    }
}

/// An address with a port, for calls on sockets.
private struct SocketAddress {
    var storage = sockaddr_storage()
    var length: socklen_t

    init(_ text: String, port: UInt16) {
        if text.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            inet_pton(AF_INET6, text, &address.sin6_addr)
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            inet_pton(AF_INET, text, &address.sin_addr)
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        }
    }

    /// The address without the port.
    var text: String {
        withUnsafeBytes(of: storage) { bytes in
            let isIPv6 = storage.ss_family == sa_family_t(AF_INET6)
            let range = isIPv6 ? 8..<24 : 4..<8
            return InterfaceAddress(index: 0, bytes: Array(bytes[range]), prefix: 0).text
        }
    }

    mutating func with<Result>(_ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Result) -> Result {
        var length = length
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }
}

extension StringProtocol {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// A place to try networks in: a directory in the role of LEXD_DIR with names of its own.
struct NetworkBench: Sendable {
    /// `lxt` and four random characters; the beginning of the names of everything that is made.
    let id: String
    let directory: String
    let identity: NetworkIdentity
    let firewall: Firewall
    let undoing: Undoing
    let log = LogLines()
    let logger: Logger

    init(undoing: Undoing) async throws {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        id = "lxt" + String((0..<4).compactMap { _ in letters.randomElement() })
        directory = "/tmp/\(id)"
        identity = NetworkIdentity(directory: directory)
        let log = log
        logger = Logger(label: id) { _ in log }
        firewall = Firewall(identity: identity, logger: logger)
        self.undoing = undoing
        try placeDirectory(directory, mode: 0o711)
        try placeDirectory(directory + "/networks", mode: 0o711)
        let (path, firewall) = (directory, firewall)
        await undoing.add {
            _ = try await Tool("rm").run(["-rf", path])
            _ = firewall
        }
        try placeFile(dhcpScript, Self.scriptText, mode: 0o755)
    }

    var dhcpScript: String { directory + "/dhcp" }
    private static let scriptText = """
        #!/bin/sh
        case $1 in
        bound|renew)
            ip -4 addr flush dev $interface
            ip -4 addr add $ip/$mask dev $interface
            ip -4 route replace default via $router ;;
        esac

        """

    /// A name for a bridge.
    func name(_ suffix: String = "0") -> String { id + suffix }

    /// A driver for a network that is taken away at the end, started or not.
    func driver(
        _ config: [String: String] = [:], name: String? = nil, identity: NetworkIdentity? = nil,
        firewall: Firewall? = nil, dnsmasq: Tool = Tool("dnsmasq")
    ) async throws -> BridgeDriver {
        let name = name ?? self.name()
        let done = try await BridgeDriver.completed(
            Config(config), name: name, taken: TakenSubnets(), hardwareAddresses: [])
        let driver = BridgeDriver(
            settings: try BridgeSettings(name: name, config: done), directory: "\(directory)/networks/\(name)",
            identity: identity ?? self.identity, firewall: firewall ?? self.firewall, dnsmasq: dnsmasq, logger: logger)
        await undoing.add { try await driver.delete() }
        return driver
    }

    /// Another driver for the same network, as a lexd that was started anew makes it.
    func successor(_ driver: BridgeDriver, _ changes: [String: String] = [:]) async throws -> BridgeDriver {
        let settings = await driver.settings
        var config = [
            "ipv4.address": settings.ipv4.map { "\($0)" } ?? "none", "ipv4.nat": "\(settings.ipv4Passage.nat)",
            "ipv6.address": settings.ipv6.map { "\($0)" } ?? "none", "ipv6.nat": "\(settings.ipv6Passage.nat)",
            "volatile.bridge.hwaddr": "\(settings.hardwareAddress)", "bridge.mtu": "\(settings.mtu)",
        ]
        config.merge(changes) { $1 }
        return BridgeDriver(
            settings: try BridgeSettings(name: settings.name, config: Config(config)),
            directory: "\(directory)/networks/\(settings.name)", identity: identity,
            firewall: Firewall(identity: identity, logger: logger), logger: logger)
    }

    /// Runs `watch` beside the test, until its end or until what this answers is called.
    @discardableResult
    func watch(_ driver: BridgeDriver) async -> @Sendable () async -> Void {
        let task = Task { await driver.watch() }
        let stop: @Sendable () async -> Void = {
            task.cancel()
            await task.value
        }
        await undoing.add { await stop() }
        return stop
    }

    func nic(_ instance: String, _ number: UInt8, ipv4: String? = nil, device: String = "eth0") throws -> NIC {
        NIC(
            owner: NICOwner(project: "default", instance: instance, device: device), name: try InstanceName(instance),
            hardwareAddress: try #require(MACAddress(bytes: [0x00, 0x16, 0x3e, 0xee, 0, number])),
            ipv4: ipv4.flatMap { IPv4Address(configText: $0) })
    }

    /// An empty network namespace.
    func namespace(_ suffix: String) async throws -> Guest {
        let name = id + suffix
        try await Tool("ip").check(["netns", "add", name], doing: "make a network namespace")
        await undoing.add {
            let pids = try await Tool("ip").check(["netns", "pids", name], doing: "list what runs in a namespace")
            for id in pids.split(separator: "\n").compactMap({ Int32($0) }) {
                try await RunningProcess(id)?.end(within: .seconds(1))
            }
            try await Tool("ip").check(["netns", "del", name], doing: "remove a network namespace")
        }
        let guest = Guest(namespace: name)
        _ = try await guest.run("ip", "link", "set", "lo", "up")
        return guest
    }

    /// Gives a namespace the other end of a NIC as its eth0, as liblxc does.
    func plug(_ nic: AttachedNIC, into guest: Guest) async throws {
        try await Tool("ip").check(
            ["link", "set", nic.peerName, "netns", guest.namespace, "name", "eth0"], doing: "move a link")
        _ = try await guest.run("ip", "link", "set", "eth0", "up")
    }

    /// An attached namespace.
    func guest(_ driver: some NICAttaching, _ nic: NIC) async throws -> (Guest, AttachedNIC) {
        let guest = try await namespace("-" + nic.owner.instance + nic.owner.device.suffix(1))
        let attached = try await driver.attach(nic)
        await undoing.add { try await driver.detach(attached) }
        try await plug(attached, into: guest)
        return (guest, attached)
    }

    /// A namespace in the role of the internet, which knows no way back to what is behind this host.
    func outside() async throws -> Outside {
        let guest = try await namespace("-out")
        let (number, host) = (UInt32.random(in: 0..<1 << 15), id + "w")
        let base = 198 << 24 | 18 << 16 | number * 4
        let (here, there) = (IPv4Address(base + 1), IPv4Address(base + 2))
        let prefix = "2001:db8:\(String(number, radix: 16))::"
        func ip(_ arguments: String...) async throws { try await Tool("ip").check(arguments, doing: "make an outside") }
        try await ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", guest.namespace)
        await undoing.add { try NetlinkSession().deleteLink(host) }
        try await ip("addr", "add", "\(here)/30", "dev", host)
        try await ip("-6", "addr", "add", prefix + "1/64", "dev", host, "nodad")
        try await ip("link", "set", host, "up")
        _ = try await guest.run("ip", "addr", "add", "\(there)/30", "dev", "eth0")
        _ = try await guest.run("ip", "-6", "addr", "add", prefix + "2/64", "dev", "eth0", "nodad")
        _ = try await guest.run("ip", "link", "set", "eth0", "up")
        return Outside(
            guest: guest, ipv4: "\(there)", ipv6: prefix + "2", hostIPv4: "\(here)", hostIPv6: prefix + "1")
    }

    struct Outside {
        let guest: Guest
        let ipv4: String, ipv6: String
        /// The host's addresses towards it.
        let hostIPv4: String, hostIPv6: String
    }

    /// As whom the outside sees a guest that connects to it; nil when the guest cannot.
    func seen(_ guest: Guest, by outside: Outside, at address: String) async throws -> String? {
        let domain = address.contains(":") ? AF_INET6 : AF_INET
        let listener = OwnedDescriptor(taking: try await outside.guest.socket(domain, SOCK_STREAM))
        let caller = OwnedDescriptor(taking: try await guest.socket(domain, SOCK_STREAM))
        let (listening, calling) = (listener.number, caller.number)
        defer { _ = (listener.number, caller.number) }
        return try await blocking {
            var limit = timeval(tv_sec: 2, tv_usec: 0)
            setsockopt(calling, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            try Self.allowReuse(listening)
            var place = SocketAddress(address, port: 8080)
            try Self.share(listening, domain)
            try checked("bind", address) { place.with { bind(listening, $0, $1) } }
            try checked("listen", address) { listen(listening, 1) }
            guard place.with({ Glibc.connect(calling, $0, $1) }) == 0 else { return nil }
            let accepted = OwnedDescriptor(
                taking: try checked("accept", address) {
                    place.with { accept(listening, $0, &$1) }
                })
            _ = accepted.number
            return place.text
        }
    }

    /// Lets a listener have a port whose last connection, maybe one of the other family, is still being forgotten.
    private static func share(_ listener: Int32, _ domain: Int32) throws {
        var on: Int32 = 1
        try checked("setsockopt", "SO_REUSEADDR") {
            setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        guard domain == AF_INET6 else { return }
        try checked("setsockopt", "IPV6_V6ONLY") {
            setsockopt(listener, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// As whom a server in a guest sees a client that connects to some address and port; nil when it cannot. Without a
    /// client it is the host that connects.
    func connect(
        _ client: Guest?, to address: String, port: UInt16, served server: Guest, at serverPort: UInt16
    ) async throws -> String? {
        let domain = address.contains(":") ? AF_INET6 : AF_INET
        let listener = OwnedDescriptor(taking: try await server.socket(domain, SOCK_STREAM))
        let caller = OwnedDescriptor(taking: try await Self.socket(client, domain))
        let (listening, calling) = (listener.number, caller.number)
        defer { withExtendedLifetime((listener.number, caller.number)) {} }
        return try await blocking {
            try Self.limit(calling)
            try Self.allowReuse(listening)
            var place = SocketAddress(domain == AF_INET ? "0.0.0.0" : "::", port: serverPort)
            try Self.share(listening, domain)
            try checked("bind", address) { place.with { bind(listening, $0, $1) } }
            try checked("listen", address) { listen(listening, 1) }
            var target = SocketAddress(address, port: port)
            guard target.with({ Glibc.connect(calling, $0, $1) }) == 0 else { return nil }
            var peer = SocketAddress(address, port: 0)
            let accepted = OwnedDescriptor(
                taking: try checked("accept", address) { peer.with { accept(listening, $0, &$1) } })
            _ = accepted.number
            return peer.text
        }
    }

    /// What becomes of an attempt to connect to a server; without one, to a port where nobody listens.
    func outcome(_ client: Guest, to address: String, port: UInt16, served server: Guest?) async throws -> Outcome {
        let domain = address.contains(":") ? AF_INET6 : AF_INET
        let listener = OwnedDescriptor(taking: try await Self.socket(server, domain))
        let caller = OwnedDescriptor(taking: try await client.socket(domain, SOCK_STREAM))
        let (listening, calling, serves) = (listener.number, caller.number, server != nil)
        defer { withExtendedLifetime((listener.number, caller.number)) {} }
        return try await blocking {
            try Self.limit(calling)
            if serves {
                try Self.allowReuse(listening)
                var place = SocketAddress(domain == AF_INET ? "0.0.0.0" : "::", port: port)
                try Self.share(listening, domain)
                try checked("bind", address) { place.with { bind(listening, $0, $1) } }
                try checked("listen", address) { listen(listening, 1) }
            }
            var target = SocketAddress(address, port: port)
            if target.with({ Glibc.connect(calling, $0, $1) }) == 0 { return .connected }
            // EINPROGRESS: the time is up.
            return errno == EINPROGRESS || errno == EAGAIN || errno == ETIMEDOUT ? .silence : .refused
        }
    }

    private static func socket(_ guest: Guest?, _ domain: Int32) async throws -> Int32 {
        if let guest { return try await guest.socket(domain, SOCK_STREAM) }
        return try checked("open", "a socket") {
            Glibc.socket(domain, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        }
    }

    /// Has a port taken that was in use a moment ago.
    private static func allowReuse(_ descriptor: Int32) throws {
        var yes: Int32 = 1
        try checked("prepare", "a socket") {
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func limit(_ descriptor: Int32) throws {
        var limit = timeval(tv_sec: 1, tv_usec: 500_000)
        try checked("limit", "a socket") {
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// The process id in a network's pid file.
    func dnsmasq(_ name: String) -> Int32? {
        (try? readFile("\(directory)/networks/\(name)/dnsmasq.pid")).flatMap { Int32($0.prefix { $0 != "\n" }) }
    }

    /// The dnsmasq processes of this bench.
    func dnsmasqs() throws -> [Int32] {
        try RunningProcess.all().filter { id in
            guard let process = try? RunningProcess(id), process.program?.hasSuffix("/dnsmasq") == true else {
                return false
            }
            return process.arguments?.contains { $0.hasPrefix("--pid-file=\(directory)/") } == true
        }
    }

    func hasTable() throws -> Bool { try FirewallChain.all().contains { $0.table == identity.tag } }
}

/// Runs a test with a bench of its own.
func withNetworkBench(_ body: (NetworkBench) async throws -> Void) async throws {
    let undoing = Undoing()
    do {
        try await body(NetworkBench(undoing: undoing))
        await undoing.run()
    } catch {
        await undoing.run()
        throw error
    }
}
