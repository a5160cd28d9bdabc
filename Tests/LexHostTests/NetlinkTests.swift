import CNetlink
import Glibc
import Testing

@testable import LexHost

@Suite struct NetlinkTests {
    @Test func writesAttributesAsTheKernelReadsThem() {
        var request = NetlinkRequest(16, flags: 0x600, header: UInt32(0x0403_0201))
        request.put(3, "eth0")
        request.nest(18) { $0.put(1, UInt16(0x0605)) }
        #expect(request.body[0..<4] == [1, 2, 3, 4])
        #expect(request.body[4..<16] == [9, 0, 3, 0, 101, 116, 104, 48, 0, 0, 0, 0])
        #expect(request.body[16..<28] == [12, 0, 18, 0x80, 6, 0, 1, 0, 5, 6, 0, 0])
        let message = request.encoded(sequence: 7, flags: 5)
        #expect(message[0..<16] == [44, 0, 0, 0, 16, 0, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test(
        arguments: [
            [], [1], [4, 0, 1], [3, 0, 1, 0], [0, 0, 1, 0], [255, 255, 1, 0, 9], [8, 0, 1, 0, 1, 2, 3],
        ] as [[UInt8]])
    func stopsAtMalformedAttributes(_ bytes: [UInt8]) {
        var count = 0
        bytes[...].forEachAttribute { _, _ in count += 1 }
        #expect(count == 0)
    }

    @Test func readsAttributesOneAfterTheOther() {
        let bytes: [UInt8] = [5, 0, 1, 0, 9, 0, 0, 0, 8, 0, 2, 0x80, 1, 2, 3, 4, 9, 0, 3, 0]
        var found: [Int: [UInt8]] = [:]
        bytes[...].forEachAttribute { found[$0] = Array($1) }
        #expect(found == [1: [9], 2: [1, 2, 3, 4]])
        #expect(bytes.dropFirst(8).attribute(2)?.number(UInt32.self) == 0x0403_0201)
        #expect(bytes[...].number(UInt32.self, at: 17) == nil)
        #expect(bytes[...].number(UInt32.self, at: -1) == nil)
    }

    @Test func randomAnswersNeverTrap() {
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...120)).map { _ in UInt8.random(in: 0...40) }
            _ = Link(bytes[...])
            _ = InterfaceAddress(bytes[...])
        }
    }

    @Test func readsTheLoopback() throws {
        let session = try NetlinkSession()
        let lo = try #require(try session.link(named: "lo"))
        #expect(lo.flags.contains(.loopback) && lo.kind == "" && lo.hardwareAddress == [0, 0, 0, 0, 0, 0])
        #expect(try session.links().contains { $0.index == lo.index })
        for name in ["lxt-no-such", "", "a-name-that-is-too-long-for-a-link", "a/b"] {
            #expect(try session.link(named: name) == nil)
        }
    }

    @Test func addressTexts() {
        #expect(InterfaceAddress(index: 1, bytes: [10, 0, 0, 1], prefix: 24).description == "10.0.0.1/24")
        let ipv6 = InterfaceAddress(index: 1, bytes: [0xfd] + [UInt8](repeating: 0, count: 14) + [1], prefix: 64)
        #expect(ipv6.description == "fd00::1/64" && ipv6.isIPv6)
        #expect(InterfaceAddress(index: 1, bytes: [1, 2], prefix: 1).text == "")
    }
}

@Suite struct OneAtATimeTests {
    @Test func runsInOrder() async throws {
        let turn = OneAtATime()
        let order = Order()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    await turn.run {
                        await order.enter()
                        await Task.yield()
                        await order.leave(number)
                    }
                }
            }
        }
        #expect(await order.done.count == 20)
        #expect(await order.most == 1)
    }

    private actor Order {
        var inside = 0
        var most = 0
        var done: [Int] = []
        func enter() {
            inside += 1
            most = max(most, inside)
        }
        func leave(_ number: Int) {
            inside -= 1
            done.append(number)
        }
    }
}

@Suite struct RunningProcessTests {
    @Test func seesItselfAndNoOther() throws {
        let own = try #require(try RunningProcess(getpid()))
        #expect(!own.hasEnded && own.program?.isEmpty == false && own.arguments?.isEmpty == false)
        #expect(try RunningProcess(0) == nil)
        #expect(try RunningProcess(Int32.max) == nil)
        #expect(try RunningProcess.all().contains(getpid()))
    }
}
