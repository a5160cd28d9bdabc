import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import LexTestKit
import Testing

/// Guests that send what is not theirs, packet by packet: with filters nothing of it arrives, without them all of it.
@Suite struct NetworkFilterTests {
    /// A network with a guest that lies, one that listens, and what the first may send.
    private struct Place {
        let bench: NetworkBench
        let liar: Guest, victim: Guest
        let card: AttachedNIC
        let mac: [UInt8]
        let victimMAC: [UInt8]

        init(_ bench: NetworkBench) async throws {
            self.bench = bench
            let driver = try await bench.driver(["ipv4.dhcp": "false", "ipv6.dhcp": "false"])
            _ = try await driver.start()
            let (first, second) = (try bench.nic("liar", 1), try bench.nic("victim", 2))
            (liar, card) = try await bench.guest(driver, first)
            (victim, _) = try await bench.guest(driver, second)
            mac = first.hardwareAddress.bytes
            victimMAC = second.hardwareAddress.bytes
            for guest in [liar, victim] {
                _ = try await guest.run("ip", "link", "set", "eth0", "up")
                _ = try await guest.run("sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/router_solicitations")
            }
        }

        func filter(ipv4: Bool = false, ipv6: Bool = false) async throws {
            var tuning = NICTuning()
            tuning.filter = NICFilter(
                hardwareAddress: MACAddress(bytes: mac),
                ipv4: ipv4 ? [AddressRange(configText: "10.9.8.7")].compactMap(\.self) : nil,
                ipv6: ipv6 ? [AddressRange(configText: "fd42::7")].compactMap(\.self) : nil)
            try await NICTuning.bring(card, from: nil, to: tuning, firewall: bench.firewall)
        }

        /// Sends frames from the liar, each with a word at its end; answers which of them the victim has seen.
        func arriving(_ frames: [(String, [UInt8])]) async throws -> Set<String> {
            let sender = OwnedDescriptor(taking: try await liar.socket(AF_PACKET, SOCK_RAW, Int32(UInt16(3).bigEndian)))
            let listener = OwnedDescriptor(
                taking: try await victim.socket(AF_PACKET, SOCK_RAW, Int32(UInt16(3).bigEndian)))
            let (from, to) = (sender.number, listener.number)
            defer { withExtendedLifetime((sender.number, listener.number)) {} }
            let index = try #require(
                Int32(
                    try await liar.run("cat", "/sys/class/net/eth0/ifindex").text.filter { $0.isNumber }))
            return try await blocking {
                // struct sockaddr_ll of packet(7), which Swift's Glibc does not show: family, protocol, interface, and
                // the length of an address.
                var place = [UInt8](repeating: 0, count: 20)
                withUnsafeBytes(of: UInt16(AF_PACKET)) { place.replaceSubrange(0..<2, with: $0) }
                withUnsafeBytes(of: index) { place.replaceSubrange(4..<8, with: $0) }
                place[11] = 6
                var limit = timeval(tv_sec: 5, tv_usec: 0)
                setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                // The last one is harmless: when it has arrived, so has everything before it.
                let end = ("end", Frame.ethernet(from: mac, type: 0x88b5, Array("lexd-test-end".utf8)))
                for (_, frame) in frames + [end] {
                    let sent = place.withUnsafeBytes { bytes in
                        bytes.withMemoryRebound(to: sockaddr.self) { generic in
                            sendto(from, frame, frame.count, 0, generic.baseAddress, 20)
                        }
                    }
                    try checked("send", "a frame") { sent }
                }
                var seen: Set<String> = []
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let got = try checked("receive", "a frame") { recv(to, &buffer, buffer.count, 0) }
                    let bytes = Array(buffer[..<got])
                    if bytes.suffix(13) == Array("lexd-test-end".utf8)[...] { return seen }
                    guard let number = Frame.number(bytes), frames.indices.contains(number) else { continue }
                    seen.insert(frames[number].0)
                }
            }
        }

        /// Everything a guest can lie about, by name.
        var lies: [(String, [UInt8])] {
            let wrong: [UInt8] = [0x02, 0, 0, 0, 0, 0x66]
            let own4: [UInt8] = [10, 9, 8, 7]
            let other4: [UInt8] = [10, 9, 8, 66]
            let own6 = Frame.ipv6("fd42::7")
            let other6 = Frame.ipv6("fd42::66")
            let local = Frame.ipv6("fe80::216:3eff:feee:1")
            var frames: [(String, [UInt8])] = [
                ("mac", Frame.ip4(from: wrong, own4)), ("arp mac", Frame.arp(from: mac, wrong, own4)),
                ("na mac", Frame.advertisement(from: mac, source: own6, target: own6, option: wrong)),
                ("ns mac", Frame.solicitation(from: mac, source: own6, option: wrong)),
                (
                    "na second option",
                    Frame.advertisement(from: mac, source: own6, target: own6, option: wrong, before: true)
                ),
                ("arp ip", Frame.arp(from: mac, mac, other4)),
                ("arp long", Frame.arp(from: mac, mac, other4, length: 8)),
                ("ip", Frame.ip4(from: mac, other4)), ("ip fragment", Frame.ip4(from: mac, other4, fragment: 0x2000)),
                ("ip later fragment", Frame.ip4(from: mac, other4, fragment: 0x0010)),
                ("dhcp answer", Frame.udp4(from: mac, own4, ports: (67, 68))),
                ("dhcp for another", Frame.dhcp(from: mac, chaddr: wrong)),
                ("no address", Frame.ip4(from: mac, [0, 0, 0, 0])),
                ("ip6", Frame.ip6(from: mac, other6)),
                ("na", Frame.advertisement(from: mac, source: own6, target: other6, option: mac)),
                ("na source", Frame.advertisement(from: mac, source: other6, target: own6, option: mac)),
                (
                    "na behind a header",
                    Frame.advertisement(from: mac, source: own6, target: other6, option: mac, header: true)
                ),
                ("ra", Frame.router(from: mac, source: local)),
                ("redirect", Frame.router(from: mac, source: local, type: 137)),
                ("dhcp6 answer", Frame.udp6(from: mac, own6, ports: (547, 546))),
                ("other link-local", Frame.ip6(from: mac, Frame.ipv6("fe80::66"))),
                ("ns source", Frame.solicitation(from: mac, source: other6, option: mac)),
            ]
            for type: UInt16 in [0x8100, 0x88a8] {
                frames.append(("tagged ip \(type)", Frame.tagged(Frame.ip4(from: mac, other4), type)))
                frames.append(("tagged arp \(type)", Frame.tagged(Frame.arp(from: mac, mac, other4), type)))
                frames.append(("tagged ra \(type)", Frame.tagged(Frame.router(from: mac, source: local), type)))
            }
            frames.append(("twice tagged", Frame.tagged(Frame.tagged(Frame.ip4(from: mac, other4), 0x8100), 0x8100)))
            return Frame.numbered(frames)
        }

        /// What a guest sends that means well.
        var truths: [(String, [UInt8])] {
            let own4: [UInt8] = [10, 9, 8, 7]
            let own6 = Frame.ipv6("fd42::7")
            let local = Frame.ipv6("fe80::216:3eff:feee:1")
            let frames: [(String, [UInt8])] = [
                ("ip", Frame.ip4(from: mac, own4)), ("arp", Frame.arp(from: mac, mac, own4)),
                ("arp probe", Frame.arp(from: mac, mac, [0, 0, 0, 0])), ("dhcp", Frame.dhcp(from: mac, chaddr: mac)),
                ("ip6", Frame.ip6(from: mac, own6)), ("local ip6", Frame.ip6(from: mac, local)),
                ("na", Frame.advertisement(from: mac, source: own6, target: own6, option: mac)),
                ("local na", Frame.advertisement(from: mac, source: local, target: local, option: mac)),
                ("ns", Frame.solicitation(from: mac, source: own6, option: mac)),
                ("dad", Frame.solicitation(from: mac, source: Frame.ipv6("::"), option: nil)),
                ("rs", Frame.router(from: mac, source: Frame.ipv6("fe80::77"), type: 133)),
                (
                    "dhcp6",
                    Frame.udp6(from: mac, Frame.ipv6("fe80::77"), ports: (546, 547), to: Frame.ipv6("ff02::1:2"))
                ),
            ]
            return Frame.numbered(frames)
        }
    }

    @Test func nothingButOnesOwnIsSent() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            // Without filters all of it arrives: the frames are whole. But where bridges hand packets to the firewall,
            // it waits for the other fragments.
            let all = try await place.arriving(place.lies)
            let lost = Set(place.lies.map(\.0)).subtracting(all)
            #expect(lost.isSubset(of: ["ip fragment", "ip later fragment"]), "\(lost)")
            try await place.filter()
            let hardware: Set = [
                "mac", "arp mac", "arp long", "na mac", "ns mac", "na second option", "na behind a header",
            ]
            #expect(try await place.arriving(place.lies) == all.subtracting(hardware))
            try await place.filter(ipv4: true, ipv6: true)
            #expect(try await place.arriving(place.lies) == [])
            #expect(try await place.arriving(place.truths) == Set(place.truths.map(\.0)))
            // Somebody empties the firewall: it is there again, for all.
            try await Tool("nft").check(["delete", "table", "netdev", bench.identity.tag], doing: "remove a table")
            #expect(try await place.arriving(place.lies) == all)
            _ = try await bench.firewall.recheck()
            #expect(try await place.arriving(place.lies) == [])
            try await bench.firewall.remove(card: place.card.hostName)
            #expect(try await place.arriving(place.lies) == all)
        }
    }

    @Test func oneFamilyAloneLeavesTheOther() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            try await place.filter(ipv4: true)
            let seen = try await place.arriving(place.lies)
            #expect(
                seen.isDisjoint(with: [
                    "ip", "arp ip", "ip fragment", "tagged ip 33024", "tagged ra 33024", "dhcp answer",
                ]))
            #expect(seen.isSuperset(of: ["ip6", "ra", "dhcp6 answer"]))
            try await bench.firewall.remove(card: place.card.hostName)
            try await place.filter(ipv6: true)
            let other = try await place.arriving(place.lies)
            #expect(other.isDisjoint(with: ["ip6", "ra", "na", "na source", "dhcp6 answer", "tagged ip 34984"]))
            #expect(other.isSuperset(of: ["ip", "arp ip", "dhcp answer"]))
            try await bench.firewall.remove(card: place.card.hostName)
            #expect(try !FirewallChain.all().contains { $0.family == "netdev" && $0.table == bench.identity.tag })
        }
    }
}

/// Frames of Ethernet, by hand. Checksums beside IPv4's are left out: nothing that filters looks at them.
private enum Frame {
    static let all: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]

    static func ethernet(from: [UInt8], type: UInt16, _ body: [UInt8]) -> [UInt8] {
        all + from + word(type) + body
    }
    static func word(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }

    /// Where what is in a frame begins, and what it is: behind the tags.
    private static func content(_ frame: [UInt8]) -> (type: UInt16, start: Int)? {
        var offset = 12
        while offset + 2 <= frame.count {
            let type = UInt16(frame[offset]) << 8 | UInt16(frame[offset + 1])
            guard [0x8100, 0x88a8].contains(type) else { return (type, offset + 2) }
            offset += 4
        }
        return nil
    }

    /// Where a frame has room for a number that nothing on the way changes or looks at: IPv4's identification, IPv6's
    /// flow, the hardware address ARP asks for.
    private static func place(_ frame: [UInt8]) -> Int? {
        guard let (type, start) = content(frame), frame.count >= start + 28 else { return nil }
        switch type {
        case 0x0800: return start + 4
        case 0x86dd: return start + 2
        case 0x0806: return start + 22
        default: return nil
        }
    }

    static func number(_ frame: [UInt8]) -> Int? {
        guard let place = place(frame) else { return nil }
        return (Int(frame[place]) << 8 | Int(frame[place + 1])) - 0x5500
    }

    /// The frames with padding and a number each, by which they are known when they arrive.
    static func numbered(_ frames: [(String, [UInt8])]) -> [(String, [UInt8])] {
        frames.enumerated().map { number, named in
            var frame = named.1 + [UInt8](repeating: 0x20, count: 28)
            if let place = place(frame), let (type, start) = content(frame) {
                frame.replaceSubrange(place..<place + 2, with: word(UInt16(0x5500 + number)))
                if type == 0x0800 { sign(&frame, start) }
            }
            return (named.0, frame)
        }
    }

    /// Where bridges hand packets to the firewall, one of IPv4 with a wrong sum goes no further.
    private static func sign(_ frame: inout [UInt8], _ start: Int) {
        frame.replaceSubrange(start + 10..<start + 12, with: [0, 0])
        var sum = stride(from: start, to: start + 20, by: 2).reduce(UInt32(0)) {
            $0 + (UInt32(frame[$1]) << 8 | UInt32(frame[$1 + 1]))
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        frame.replaceSubrange(start + 10..<start + 12, with: word(~UInt16(truncatingIfNeeded: sum)))
    }

    /// The same with a tag of VLAN 5 before what it is.
    static func tagged(_ frame: [UInt8], _ type: UInt16) -> [UInt8] {
        Array(frame[..<12]) + word(type) + [0, 5] + Array(frame[12...])
    }

    static func arp(from: [UInt8], _ sender: [UInt8], _ address: [UInt8], length: UInt8 = 6) -> [UInt8] {
        let isProbe = address == [0, 0, 0, 0]
        return ethernet(
            from: from, type: 0x0806,
            [0, 1, 8, 0, length, 4, 0, isProbe ? 1 : 2] + sender + address + all + [10, 9, 8, 1])
    }

    static func ip4(
        from: [UInt8], _ source: [UInt8], fragment: UInt16 = 0, transport: UInt8 = 17,
        to: [UInt8] = [255, 255, 255, 255],
        _ body: [UInt8] = [0x30, 0x39, 0x30, 0x39, 0, 20, 0, 0]
    ) -> [UInt8] {
        let length = UInt16(20 + body.count + 28)
        let header = [0x45, 0] + word(length) + [0, 1] + word(fragment) + [64, transport, 0, 0] + source + to
        return ethernet(from: from, type: 0x0800, header + body)
    }

    static func udp4(from: [UInt8], _ source: [UInt8], ports: (UInt16, UInt16), _ body: [UInt8] = []) -> [UInt8] {
        ip4(from: from, source, word(ports.0) + word(ports.1) + word(UInt16(8 + body.count + 28)) + [0, 0] + body)
    }

    static func dhcp(from: [UInt8], chaddr: [UInt8]) -> [UInt8] {
        udp4(
            from: from, [0, 0, 0, 0], ports: (68, 67),
            [1, 1, 6, 0] + [UInt8](repeating: 0, count: 24) + chaddr + [UInt8](repeating: 0, count: 202))
    }

    static func ipv6(_ text: String) -> [UInt8] {
        (IPv6Address(configText: text)?.groups ?? []).flatMap(word)
    }

    static func ip6(
        from: [UInt8], _ source: [UInt8], next: UInt8 = 17, to: [UInt8] = ipv6("ff02::1"),
        length: Int? = nil, _ body: [UInt8] = [0x30, 0x39, 0x30, 0x39, 0, 36, 0, 0]
    ) -> [UInt8] {
        ethernet(
            from: from, type: 0x86dd,
            [0x60, 0, 0, 0] + word(UInt16(length ?? body.count + 28)) + [next, 255] + source + to + body)
    }

    static func udp6(
        from: [UInt8], _ source: [UInt8], ports: (UInt16, UInt16), to: [UInt8] = ipv6("ff02::1")
    ) -> [UInt8] {
        ip6(from: from, source, to: to, word(ports.0) + word(ports.1) + [0, 36, 0, 0])
    }

    static func advertisement(
        from: [UInt8], source: [UInt8], target: [UInt8], option: [UInt8], before: Bool = false, header: Bool = false
    ) -> [UInt8] {
        let nonce: [UInt8] = before ? [14, 1, 1, 2, 3, 4, 5, 6] : []
        let body = [136, 0, 0, 0, 0x20, 0, 0, 0] + target + nonce + [2, 1] + option
        // Destination options with padding: eight bytes.
        let options: [UInt8] = header ? [58, 0, 1, 4, 0, 0, 0, 0] : []
        return ip6(
            from: from, source, next: header ? 60 : 58, length: options.count + body.count, options + body)
    }

    static func solicitation(from: [UInt8], source: [UInt8], option: [UInt8]?) -> [UInt8] {
        let body = [135, 0, 0, 0, 0, 0, 0, 0] + ipv6("fd42::9") + (option.map { [1, 1] + $0 } ?? [])
        return ip6(from: from, source, next: 58, length: body.count, body)
    }

    static func router(from: [UInt8], source: [UInt8], type: UInt8 = 134) -> [UInt8] {
        let body: [UInt8] = [type, 0, 0, 0, 64, 0, 0, 30] + [UInt8](repeating: 0, count: 8)
        return ip6(from: from, source, next: 58, length: body.count, body)
    }
}
