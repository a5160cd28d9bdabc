import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Testing

/// How long the steps take that an instance's start and `lx list` wait for. The figures are printed; the limits
/// only catch what is wrong altogether, since other tests run beside.
@Suite(.serialized) struct NetworkSpeedTests {
    private func measure(
        _ what: String, _ count: Int, limit: Duration, _ body: (Int) async throws -> Void
    ) async throws {
        var times: [Duration] = []
        for number in 0..<count {
            let start = ContinuousClock.now
            try await body(number)
            times.append(start.duration(to: .now))
        }
        times.sort()
        let (best, middle, worst) = (times[0], times[times.count / 2], times[times.count - 1])
        print("\(what): best \(milliseconds(best)), median \(milliseconds(middle)), worst \(milliseconds(worst)) ms")
        #expect(middle < limit, "\(what)")
    }
    private func milliseconds(_ duration: Duration) -> String {
        let thousandths = (duration / .microseconds(10)).rounded()
        return "\(thousandths / 100)"
    }

    @Test func attachingAndDetaching() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            var attached: [AttachedNIC] = []
            try await measure("attach", 30, limit: .milliseconds(150)) { number in
                attached.append(try await driver.attach(bench.nic("n\(number)", UInt8(number))))
            }
            try await measure("detach", 30, limit: .seconds(1)) { try await driver.detach(attached[$0]) }
            try await measure("start of what runs", 10, limit: .milliseconds(300)) { _ in _ = try await driver.start() }
            try await measure("firewall recheck", 30, limit: .milliseconds(100)) { _ in
                _ = try await bench.firewall.recheck()
            }
        }
    }

    @Test func readingAnInstance() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let (web, nic) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await web.dhcp(bench.dhcpScript))
            let session = try NetlinkSession(OwnedDescriptor(taking: try await web.socket(AF_NETLINK, SOCK_RAW)))
            try await measure("links, addresses and counters of an instance", 200, limit: .milliseconds(10)) { _ in
                let inside = try Instance.Network.all(session, hostNames: ["eth0": nic.hostName])
                #expect(inside.count == 2)
            }
            try await measure("state of the bridge", 50, limit: .milliseconds(100)) { _ in
                _ = try await Network.State.read(bench.name())
            }
        }
    }

    /// From the first packet to the acknowledgement, without a client's own pauses.
    @Test func givingAnAddress() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            let socket = OwnedDescriptor(taking: try await web.socket(AF_INET, SOCK_DGRAM))
            let number = socket.number
            defer { withExtendedLifetime(socket) {} }
            var yes: Int32 = 1
            var limit = timeval(tv_sec: 2, tv_usec: 0)
            setsockopt(number, SOL_SOCKET, SO_BROADCAST, &yes, 4)
            setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(number, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5)
            var own = sockaddr_in()
            own.sin_family = sa_family_t(AF_INET)
            own.sin_port = UInt16(68).bigEndian
            var all = own
            all.sin_port = UInt16(67).bigEndian
            all.sin_addr.s_addr = UInt32.max
            func with<Result>(
                _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
            ) -> Result {
                withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, 16) }
                }
            }
            let bound = with(&own) { bind(number, $0, $1) }
            #expect(bound == 0)
            func exchange(_ options: [UInt8]) -> [UInt8] {
                // The broadcast flag: the address is not there yet.
                var message: [UInt8] = [1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0] + [UInt8](repeating: 0, count: 16)
                message += [0x00, 0x16, 0x3e, 0xee, 0, 1] + [UInt8](repeating: 0, count: 10 + 192)
                message += [99, 130, 83, 99] + options + [255]
                _ = with(&all) { sendto(number, message, message.count, 0, $0, $1) }
                var answer = [UInt8](repeating: 0, count: 1500)
                let count = recv(number, &answer, answer.count, 0)
                return count > 240 ? Array(answer.prefix(count)) : []
            }
            try await measure("DHCP, discover to ack", 100, limit: .milliseconds(100)) { _ in
                let offer = exchange([53, 1, 1])
                try #require(offer.count > 20)
                let server = Array(offer[20..<24])
                let ack = exchange([53, 1, 3, 50, 4] + offer[16..<20] + [54, 4] + server)
                try #require(ack.count > 242)
                #expect(ack[242] == 5)
            }
        }
    }
}
