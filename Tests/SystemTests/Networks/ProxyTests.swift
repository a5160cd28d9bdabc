import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Synchronization
import Testing

extension SystemTests {
    /// Devices that pass connections on between host and instance.
    @Suite struct Proxies {
        @Test func passConnectionsOn() async throws {
            try await withDaemon {
                try await $0.prepareProxies()
                try await $0.passStreams()
                try await $0.passUnixAndPackets()
                try await $0.tellsWhoConnects()
                try await $0.proxiesOutliveTheDaemon()
            }
        }

        /// With an instance its proxies end; that is no error.
        @Test func endWithTheirInstance() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                for device in ["a/b", "p2", "p3", "p4"] {
                    let socket = daemon.path("s-" + device.filter { $0 != "/" })
                    try await daemon.lx(
                        "config", "device", "add", "c1", device, "proxy", "listen=unix:\(socket)",
                        "connect=tcp:127.0.0.1:7000")
                }
                for how in [["stop", "--force", "c1"], ["stop", "c1"], ["exec", "c1", "--", "kill", "-9", "1"]] {
                    _ = try await daemon.lx.run(how[0] == "exec" ? ["exec", "c1", "--", "poweroff"] : how)
                    try await daemon.waitFor("c1", "Stopped")
                    try await daemon.start("c1")
                }
                #expect(!daemon.log.contains("cannot start a proxy again"))
            }
        }

        @Test func theKernelPassesOn() async throws { try await withDaemon { try await $0.passByNAT() } }
    }
}

private final class Flag: Sendable {
    let isSet = Atomic(false)
}

extension DaemonFixture {
    /// A port of this host that nobody listens on.
    private func freePort() throws -> UInt16 {
        let socket = OwnedDescriptor(taking: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var place = Loopback(0).address
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &place) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try checked("bind", "a port") { bind(socket.number, generic, length) }
                try checked("ask for", "a port") { getsockname(socket.number, generic, &length) }
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }

    private func add(_ device: String, _ options: String...) async throws {
        let output = try await lx.run(["config", "device", "add", "c1", device, "proxy"] + options)
        #expect(output.status == 0, "\(device): \(output.errors)")
    }

    /// An instance in which port 7000 answers with what it is sent.
    fileprivate func prepareProxies() async throws {
        try await launch("c1")
        try await shell("c1", "nc -ll -p 7000 -e cat >/dev/null 2>&1 &")
    }

    fileprivate func passStreams() async throws {
        let port = try freePort()
        try await add("web", "listen=tcp:127.0.0.1:\(port)", "connect=tcp:127.0.0.1:7000")
        // More than any buffer between holds, so that each side has to wait for the other.
        let many = (0..<(6 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
        let back = try await eventuallyEcho(port, many)
        #expect(back == many)
        // One side has said everything, the other not.
        #expect(try await Conversation.run(port, Array("half".utf8)) == Array("half".utf8))
        let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let word = Array("connection \(number)".utf8)
                    return try await Conversation.run(port, word) == word
                }
            }
            return try await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(answers.filter { $0 }.count == 60)

        // Live: another process, and nobody there closes the connection.
        let before = try #require(try proxyProcess("web"))
        try await lxc("config", "device", "set", "c1", "web", "connect", "tcp:127.0.0.1:7099")
        #expect(try proxyProcess("web") != before)
        #expect(try await Conversation.run(port, Array("x".utf8)) == [])
        try await lxc("config", "device", "set", "c1", "web", "connect", "tcp:127.0.0.1:7000")

        // A port that is taken: refused, and what was there goes on.
        let error = try await lx.run(
            "config", "device", "add", "c1", "second", "proxy", "listen=tcp:127.0.0.1:\(port)",
            "connect=tcp:127.0.0.1:1")
        #expect(error.status == 1 && error.errors.contains("second") && error.errors.contains("in use"))
        #expect(try await instance("c1").devices["second"] == nil)
        #expect(try await Conversation.run(port, Array("y".utf8)) == Array("y".utf8))
    }

    private func eventuallyEcho(_ port: UInt16, _ bytes: [UInt8]) async throws -> [UInt8] {
        try await eventually("the echo listens") { try await Conversation.run(port, [1]) == [1] }
        return try await Conversation.run(port, bytes)
    }

    /// From the host to a Unix socket of the instance's that another proxy listens at, and from that back to the host.
    fileprivate func passUnixAndPackets() async throws {
        let (first, second, target) = (try freePort(), try freePort(), try freePort())
        let echo = try Program("busybox").start("nc", "-ll", "-p", "\(target)", "-e", "cat")
        defer { try? echo.signal(SIGKILL) }
        try await add(
            "in", "listen=unix:/run/in.sock", "connect=tcp:127.0.0.1:\(target)", "bind=instance", "mode=0640", "uid=5",
            "gid=6")
        try await add("out", "listen=tcp:127.0.0.1:\(first)", "connect=unix:/run/in.sock")
        #expect(try await shell("c1", "stat -c '%a %u %g %F' /run/in.sock") == "640 5 6 socket")
        #expect(try await eventuallyEcho(first, Array("by a file".utf8)) == Array("by a file".utf8))
        // Abstract names are each network's own.
        let name = "lexd-test-\(first)"
        try await add("ain", "listen=unix:@\(name)", "connect=tcp:127.0.0.1:\(target)", "bind=instance")
        try await add("aout", "listen=tcp:127.0.0.1:\(second)", "connect=unix:@\(name)", "security.uid=1000")
        #expect(try await Conversation.run(second, Array("by a name".utf8)) == Array("by a name".utf8))
        #expect(try !readFile("/proc/net/unix").contains(name))

        // A socket on the host, with a mode of its own, that goes with the device.
        let path = path("host.sock")
        try await add("file", "listen=unix:\(path)", "connect=tcp:127.0.0.1:7000", "mode=0600", "uid=7")
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600 && status.st_uid == 7)
        try await lx("config", "device", "remove", "c1", "file")
        #expect(access(path, F_OK) != 0)

        // Packets, to the instance and back.
        let (from, to) = (try freePort(), try freePort())
        try await add("uin", "listen=udp:127.0.0.1:7001", "connect=udp:127.0.0.1:\(to)", "bind=instance")
        try await add("uout", "listen=udp:127.0.0.1:\(from)", "connect=udp:127.0.0.1:7001")
        #expect(try await Conversation.packet(from, server: to, "hello") == "hello and back")
        for device in ["in", "out", "ain", "aout", "uin", "uout"] {
            try await lx("config", "device", "remove", "c1", device)
        }
    }

    fileprivate func tellsWhoConnects() async throws {
        let port = try freePort()
        try await shell("c1", "nc -l -p 7002 >/tmp/got 2>&1 &")
        try await add("who", "listen=tcp:127.0.0.1:\(port)", "connect=tcp:127.0.0.1:7002", "proxy_protocol=true")
        try await eventually("the line has come") {
            _ = try await Conversation.run(port, Array("body".utf8))
            return try await shell("c1", "cat /tmp/got").hasSuffix("body")
        }
        let said = try await shell("c1", "cat /tmp/got")
        #expect(said.hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 ") && said.contains(" \(port)\r\nbody"), "\(said)")
        try await lx("config", "device", "remove", "c1", "who")
    }

    private func proxyProcess(_ device: String) throws -> Int32? {
        try RunningProcess.all().first { id in
            let line = (try? readFile("/proc/\(id)/cmdline")) ?? ""
            return line.contains("proxy default/c1/\(device)\0")
                && (try? readFile("/run/\(tag)/instances/c1/proxy.\(device)"))?.hasPrefix("\(id)\n") == true
        }
    }

    fileprivate func proxiesOutliveTheDaemon() async throws {
        let process = try #require(try proxyProcess("web"))
        let facts = try readFile("/proc/\(process)/status")
        #expect(facts.contains("NoNewPrivs:\t1") && facts.contains("Seccomp:\t2"))
        #expect(facts.contains("CapEff:\t0000000000000000") && facts.contains("CapBnd:"))
        #expect(!facts.contains("Uid:\t0\t"))
        let listen = try #require(try await instance("c1").devices["web"]?["listen"])
        let port = try #require(UInt16(listen.split(separator: ":").last ?? ""))
        try await kill()
        #expect(try await Conversation.run(port, Array("alone".utf8)) == Array("alone".utf8))
        try await start()
        #expect(try proxyProcess("web") == process)
        #expect(try await disagreements() == [])

        // One that dies is started again, and the port answers.
        let corpse = try #require(try RunningProcess(process))
        try corpse.signal(SIGKILL)
        try await corpse.ended()
        try await eventually("the proxy is there again") {
            guard let next = try proxyProcess("web") else { return false }
            return next != process
        }
        #expect(try await Conversation.run(port, Array("again".utf8)) == Array("again".utf8))

        // Of a profile: it comes and goes with that.
        let other = try freePort()
        try await lxc(
            "profile", "device", "add", "default", "more", "proxy", "listen=tcp:127.0.0.1:\(other)",
            "connect=tcp:127.0.0.1:7000")
        #expect(try await Conversation.run(other, Array("p".utf8)) == Array("p".utf8))
        try await lxc("profile", "device", "remove", "default", "more")
        #expect(try proxyProcess("more") == nil)
        try await stop("c1", force: true)
        #expect(try proxyProcess("web") == nil)
        #expect(try await disagreements() == [])
    }

    // MARK: nat

    /// How many of those who connected one after the other until then were not served.
    private func refusals(_ port: UInt16, host: IPv4Address, until end: Flag) async throws -> Int {
        var count = 0
        repeat {
            if try await Conversation.run(port, [], host: host) != Array("hello\n".utf8) { count += 1 }
        } while !end.isSet.load(ordering: .relaxed)
        return count
    }

    fileprivate func passByNAT() async throws {
        let network = try await network()
        let settings = try await client.call(API.networks.get, as: Network.self, path: ["name": network])
        let subnet = try #require(IPv4Subnet(configText: settings.config["ipv4.address"] ?? ""))
        let fixed = IPv4Address(subnet.network.value + 77)
        let port = try freePort()
        try await create(
            "c1",
            devices: [
                "eth0": ["type": "nic", "network": network, "name": "eth0"],
                "web": [
                    "type": "proxy", "listen": "tcp:\(subnet.address):\(port)", "connect": "tcp:0.0.0.0:7000",
                    "nat": "true",
                ],
            ])
        let refused = try await lx.run("start", "c1")
        #expect(refused.status == 1 && refused.errors.contains("web") && refused.errors.contains("ipv4.address"))
        try await lx("config", "device", "set", "c1", "eth0", "ipv4.address", "\(fixed)")
        try await launch("c2")
        try await start("c1")
        for name in ["c1", "c2"] {
            try await eventually("\(name) has an address") {
                try await shell(name, "ip -4 addr show eth0").contains("inet ")
            }
        }
        try await shell("c1", "nc -ll -p 7000 -e echo hello >/dev/null 2>&1 &")
        // From the host, from a neighbour, and from itself.
        try await eventually("the host gets through") {
            try await Conversation.run(port, [], host: subnet.address) == Array("hello\n".utf8)
        }
        #expect(try await shell("c2", "timeout 10 nc \(subnet.address) \(port) </dev/null") == "hello")
        #expect(try await shell("c1", "timeout 10 nc \(subnet.address) \(port) </dev/null") == "hello")
        // Nobody is refused while lexd is gone, nor while it starts.
        let isBack = Flag()
        let caller = Task { try await refusals(port, host: subnet.address, until: isBack) }
        try await kill()
        try await start()
        isBack.isSet.store(true, ordering: .relaxed)
        #expect(try await caller.value == 0)
        #expect(try await shell("c2", "timeout 10 nc \(subnet.address) \(port) </dev/null") == "hello")
        try await lxc("config", "device", "remove", "c1", "web")
        #expect(try await Conversation.run(port, [], host: subnet.address) == [])
        try await stop("c1", force: true)
        try await stop("c2", force: true)
        #expect(try await disagreements() == [])
    }
}

/// 127.0.0.1, or another address, with a port.
private struct Loopback {
    var address = sockaddr_in()

    init(_ port: UInt16, _ host: IPv4Address = IPv4Address(0x7f00_0001)) {
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.value.bigEndian
    }

    func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// A client of its own, without anything between it and the socket.
private enum Conversation {
    /// Sends everything, says that it was everything, and answers what came back; nothing when nobody is there.
    static func run(
        _ port: UInt16, _ bytes: [UInt8], host: IPv4Address = IPv4Address(0x7f00_0001)
    ) async throws -> [UInt8] {
        try await blocking {
            let socket = OwnedDescriptor(
                taking: Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
            let number = socket.number
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            guard Loopback(port, host).with({ connect(number, $0, $1) }) == 0 else { return [] }
            _ = fcntl(number, F_SETFL, O_NONBLOCK)
            var sent = 0
            var hasSaid = false
            var back: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65536)
            while true {
                if sent == bytes.count, !hasSaid {
                    shutdown(number, Int32(SHUT_WR))
                    hasSaid = true
                }
                var watched = pollfd(
                    fd: number, events: Int16(POLLIN | (sent < bytes.count ? POLLOUT : 0)), revents: 0)
                guard poll(&watched, 1, 10_000) > 0 else { throw SystemError("wait for", "an answer", code: ETIMEDOUT) }
                if watched.revents & Int16(POLLOUT) != 0 {
                    let count = bytes.withUnsafeBytes {
                        send(number, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                    }
                    if count < 0, errno != EAGAIN { return back }
                    sent += max(0, count)
                }
                if watched.revents & ~Int16(POLLOUT) != 0 {
                    let got = recv(number, &chunk, chunk.count, 0)
                    if got == 0 || got < 0 && errno != EAGAIN { return back }
                    back += chunk.prefix(max(0, got))
                }
            }
        }
    }

    /// Sends one packet to a port, answers it at another one, and answers what came back.
    static func packet(_ port: UInt16, server: UInt16, _ text: String) async throws -> String {
        try await blocking {
            func make() -> OwnedDescriptor {
                let socket = OwnedDescriptor(
                    taking: Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
                var limit = timeval(tv_sec: 10, tv_usec: 0)
                setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                return socket
            }
            let here = make()
            let there = make()
            let (client, answerer) = (here.number, there.number)
            try checked("bind", "a port") { Loopback(server).with { bind(answerer, $0, $1) } }
            let words = Array(text.utf8)
            try checked("send", "a packet") { Loopback(port).with { sendto(client, words, words.count, 0, $0, $1) } }
            var buffer = [UInt8](repeating: 0, count: 1024)
            var peer = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let got = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(answerer, &buffer, buffer.count, 0, $0, &length)
                }
            }
            let answer = Array(buffer.prefix(max(0, got))) + Array(" and back".utf8)
            withUnsafePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = sendto(answerer, answer, answer.count, 0, $0, length)
                }
            }
            let count = recv(client, &buffer, buffer.count, 0)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
    }
}
