import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Testing

@Suite struct NetworkBridgeTests {
    @Test func guestsGetAddressesAndFindEachOther() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let settings = await driver.settings
            let server = "\(try #require(settings.ipv4).address)"
            let (web, webNIC) = try await bench.guest(driver, bench.nic("web", 1))
            let (db, _) = try await bench.guest(driver, bench.nic("db", 2))
            for guest in [web, db] {
                #expect(try await guest.dhcp(bench.dhcpScript))
                try await eventually("an IPv6 address") { try await guest.addresses("6").count == 1 }
            }
            let ipv4 = try #require(try await web.addresses("4").first)
            let ipv6 = try #require(try await web.addresses("6").first)
            #expect(settings.ipv6?.address(of: webNIC.hardwareAddress)?.description == ipv6)
            #expect(try #require(settings.ipv4).contains(try #require(IPv4Address(configText: ipv4))))
            for name in ["web.lexd", "web"] {
                #expect(try await db.resolve(name, "a", server: server) == [ipv4])
                try await eventually("the IPv6 address of \(name)") {
                    try await db.resolve(name, "aaaa", server: server) == [ipv6]
                }
            }
            #expect(try await db.resolve(ipv4, "ptr", server: server) == ["web.lexd"])
            #expect(try await db.resolve(ipv6, "ptr", server: server) == ["web.lexd"])
            #expect(try await db.resolve("_gateway.lexd", "a", server: server) == [server])
            #expect(try await db.ping(ipv4))
            #expect(try await db.ping(ipv6))

            let members = [NetworkMember(instance: "web", hardwareAddress: webNIC.hardwareAddress)]
            let leases = try await driver.leases(members)
            #expect(leases.map(\.type) == ["gateway", "gateway", "dynamic", "dynamic"])
            #expect(Set(leases.dropFirst(2).map(\.address)) == [ipv4, ipv6])
            #expect(leases.dropFirst(2).allSatisfy { $0.hostname == "web" })

            // Gone at once, not when the lease runs out.
            try await driver.detach(webNIC)
            for (name, type) in [("web.lexd", "a"), ("web.lexd", "aaaa"), (ipv4, "ptr")] {
                try await eventually("\(name) is forgotten", within: .seconds(2)) {
                    try await db.resolve(name, type, server: server) == []
                }
            }
            #expect(try await driver.leases(members).filter { $0.address == ipv4 } == [])
        }
    }

    @Test func aGuestCannotTakeAName() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let server = "\(try #require(await driver.settings.ipv4).address)"
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            let (thief, _) = try await bench.guest(driver, bench.nic("thief", 2))
            // Also before the one it belongs to has it.
            #expect(try await thief.dhcp(bench.dhcpScript, ["-x", "hostname:web", "-F", "web.lexd"]))
            #expect(try await thief.resolve("web.lexd", "a", server: server) == [])
            #expect(try await web.dhcp(bench.dhcpScript))
            #expect(try await thief.dhcp(bench.dhcpScript, ["-x", "hostname:web", "-F", "web.lexd"]))
            #expect(try await thief.dhcp(bench.dhcpScript, ["-x", "hostname:other"]))
            let address = try await web.addresses("4")
            #expect(try await thief.resolve("web.lexd", "a", server: server) == address)
            #expect(try await thief.resolve("web", "a", server: server) == address)
            #expect(try await thief.resolve("other.lexd", "a", server: server) == [])
            #expect(try await thief.resolve("thief.lexd", "a", server: server) == thief.addresses("4"))
        }
    }

    @Test func namesGoByTheModeOfTheNetwork() async throws {
        try await withNetworkBench { bench in
            for (number, mode) in ["dynamic", "none"].enumerated() {
                let driver = try await bench.driver(
                    ["ipv6.address": "none", "dns.mode": mode], name: bench.name("\(number)"))
                _ = try await driver.start()
                let server = "\(try #require(await driver.settings.ipv4).address)"
                let (guest, nic) = try await bench.guest(driver, bench.nic("web\(number)", UInt8(number + 1)))
                #expect(try await guest.dhcp(bench.dhcpScript, ["-x", "hostname:own"]))
                // What the guest calls itself, or nothing; its own name only where lexd manages the names.
                let addresses = try await guest.addresses("4")
                #expect(
                    try await guest.resolve("own.lexd", "a", server: server) == (mode == "dynamic" ? addresses : []))
                if mode == "none" {
                    #expect(try await guest.resolve("web\(number).lexd", "a", server: server) == [])
                    #expect(try await guest.resolve("_gateway.lexd", "a", server: server) == [])
                }
                try await driver.detach(nic)
            }
        }
    }

    /// By a stranger's DHCPv6 client.
    @Test func addressesByDHCPv6() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver([
                "ipv4.address": "none", "ipv6.address": "fd42:fefd:1:2::1/64", "ipv6.dhcp.stateful": "true",
                "ipv6.dhcp.ranges": "fd42:fefd:1:2::100-fd42:fefd:1:2::1ff",
            ])
            _ = try await driver.start()
            let script = bench.directory + "/dhcp6"
            try placeFile(
                script,
                """
                #!/bin/sh
                case $reason in
                BOUND6|RENEW6|REBIND6) ip -6 addr add $new_ip6_address/128 dev $interface nodad ;;
                esac

                """, mode: 0o755)
            func ask(_ guest: Guest, _ name: String) async throws -> [String] {
                try await eventually("a link-local address") {
                    try await guest.run(
                        "ip", "-o", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative"
                    ).text.contains("inet6")
                }
                let files = "\(bench.directory)/\(name)"
                _ = try await guest.run(
                    "dhclient", "-6", "-1", "-sf", script, "-cf", "/dev/null", "-lf", files + ".leases", "-pf",
                    files + ".pid", "eth0")
                return try await guest.addresses("6")
            }
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            let given = try await ask(web, "web")
            #expect(given.count == 1 && given[0].hasPrefix("fd42:fefd:1:2::1"), "\(given)")
            let server = "fd42:fefd:1:2::1"
            #expect(try await web.resolve("web.lexd", "aaaa", server: server) == given)
            // One that is always given the same, outside the range.
            var fixed = try bench.nic("db", 2)
            fixed.ipv6 = IPv6Address(configText: "fd42:fefd:1:2::42")
            let (db, _) = try await bench.guest(driver, fixed)
            #expect(try await ask(db, "db") == ["fd42:fefd:1:2::42"])
            #expect(try await db.ping(given.first ?? ""))
            let members = [NetworkMember(instance: "db", hardwareAddress: fixed.hardwareAddress)]
            #expect(try await driver.leases(members).contains { $0.address == "fd42:fefd:1:2::42" })
        }
    }

    @Test func wordsThatMeanSomethingToDnsmasqAreNamesToo() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none", "dns.domain": "a.example"])
            _ = try await driver.start()
            let server = "\(try #require(await driver.settings.ipv4).address)"
            for (number, name) in ["ignore", "infinite"].enumerated() {
                let (guest, _) = try await bench.guest(driver, bench.nic(name, UInt8(number + 1)))
                #expect(try await guest.dhcp(bench.dhcpScript))
                #expect(try await guest.resolve(name + ".a.example", "a", server: server) == guest.addresses("4"))
            }
        }
    }

    @Test func aRestartedInstanceGetsItsAddressAgain() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let (first, nic) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await first.dhcp(bench.dhcpScript))
            let address = try await first.addresses("4")
            try await driver.detach(nic)
            let (between, _) = try await bench.guest(driver, bench.nic("db", 2))
            #expect(try await between.dhcp(bench.dhcpScript))
            let second = try await bench.namespace("-again")
            let again = try await driver.attach(bench.nic("web", 1))
            try await bench.plug(again, into: second)
            #expect(try await second.dhcp(bench.dhcpScript))
            #expect(try await second.addresses("4") == address)
            try await driver.detach(again)
        }
    }

    @Test func fixedAddressesAndTheirConflicts() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let subnet = try #require(await driver.settings.ipv4)
            let fixed = "\(IPv4Address(subnet.network.value + 77))"
            let (guest, nic) = try await bench.guest(driver, bench.nic("web", 1, ipv4: fixed))
            #expect(try await guest.dhcp(bench.dhcpScript))
            #expect(try await guest.addresses("4") == [fixed])
            for bad in [
                try bench.nic("db", 2, ipv4: fixed), try bench.nic("db", 1), try bench.nic("WEB", 2),
            ] {
                let error = await #expect(throws: APIError.self) { try await driver.attach(bad) }
                #expect(error?.status == 409)
            }
            // The address is free as soon as its holder is gone.
            try await driver.detach(nic)
            let (other, _) = try await bench.guest(driver, bench.nic("db", 2, ipv4: fixed))
            #expect(try await other.dhcp(bench.dhcpScript))
            #expect(try await other.addresses("4") == [fixed])
        }
    }

    @Test func namesOnANetworkWithoutIPv4() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv4.address": "none"])
            _ = try await driver.start()
            let subnet = try #require(await driver.settings.ipv6)
            let (web, nic) = try await bench.guest(driver, bench.nic("web", 1))
            try await eventually("an IPv6 address") { try await web.addresses("6").count == 1 }
            let address = try await web.addresses("6")
            let server = "\(subnet.address)"
            #expect(try await web.resolve("web.lexd", "aaaa", server: server) == address)
            #expect(try await web.resolve("web", "aaaa", server: server) == address)
            #expect(try await web.resolve(address[0], "ptr", server: server) == ["web.lexd"])
            let (db, _) = try await bench.guest(driver, bench.nic("db", 2))
            try await eventually("an IPv6 address") { try await db.addresses("6").count == 1 }
            try await driver.detach(nic)
            try await eventually("the name is forgotten", within: .seconds(2)) {
                try await db.resolve("web.lexd", "aaaa", server: server) == []
            }
        }
    }

    @Test func guestsReachTheOutsideWithTheHostsAddress() async throws {
        try await withNetworkBench { bench in
            let outside = try await bench.outside()
            let driver = try await bench.driver()
            _ = try await driver.start()
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await web.dhcp(bench.dhcpScript))
            try await eventually("an IPv6 address") { try await web.addresses("6").count == 1 }
            #expect(try await web.ping(outside.ipv4))
            // dnsmasq asked for the guest's address before it was there (ra-names), and the kernel asks again only
            // after a second: the first answer may wait that long.
            try await eventually("an answer from outside") { try await web.ping(outside.ipv6) }
            #expect(try await bench.seen(web, by: outside, at: outside.ipv4) == outside.hostIPv4)
            #expect(try await bench.seen(web, by: outside, at: outside.ipv6) == outside.hostIPv6)

            // Without translation the outside has no way back.
            var settings = await driver.settings
            settings.ipv4Passage.nat = false
            settings.ipv6Passage.nat = false
            _ = try await driver.reconfigure(settings)
            #expect(try await !web.ping(outside.ipv4))
            #expect(try await !web.ping(outside.ipv6))
        }
    }

    @Test func twoDaemonsSideBySide() async throws {
        try await withNetworkBench { one in
            try await withNetworkBench { two in
                let outside = try await one.outside()
                let (first, second) = (try await one.driver(), try await two.driver())
                async let startingOne = first.start()
                async let startingTwo = second.start()
                _ = try await (startingOne, startingTwo)
                #expect(one.identity != two.identity)
                // The same instance and hardware address in both.
                let (guestOne, _) = try await one.guest(first, one.nic("web", 1))
                let (guestTwo, _) = try await two.guest(second, two.nic("web", 1))
                for (guest, bench) in [(guestOne, one), (guestTwo, two)] {
                    #expect(try await guest.dhcp(bench.dhcpScript))
                    #expect(try await guest.ping(outside.ipv4))
                }
                let server = "\(try #require(await second.settings.ipv4).address)"
                try await first.delete()
                #expect(try !one.hasTable() && two.hasTable())
                #expect(try await guestTwo.ping(outside.ipv4))
                #expect(try await guestTwo.resolve("web", "a", server: server) == guestTwo.addresses("4"))
                #expect(try two.dnsmasqs().count == 1 && one.dnsmasqs().isEmpty)
            }
        }
    }

    @Test func deletionLeavesNothing() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let nic = try await driver.attach(bench.nic("web", 1))
            #expect(try bench.hasTable() && bench.dnsmasqs().count == 1)
            try await driver.detach(nic)
            try await driver.delete()
            let names = Set(try NetlinkSession().links().map(\.name))
            #expect(names.isDisjoint(with: [bench.name(), nic.hostName, nic.peerName]))
            #expect(try !bench.hasTable() && bench.dnsmasqs().isEmpty)
            #expect(try directoryEntries(bench.directory + "/networks") == [])
            // Once more, of what is not there.
            try await driver.delete()
            try await driver.detach(nic)
        }
    }

    @Test func aStartThatFailsLeavesNothing() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(dnsmasq: Tool("/bin/false"))
            let error = await #expect(throws: ToolError.self) { _ = try await driver.start() }
            #expect(error.map { "\($0)" }?.contains("start DHCP and DNS for network \"\(bench.name())\"") == true)
            #expect(try NetlinkSession().link(named: bench.name()) == nil)
            #expect(try !bench.hasTable())
        }
    }

    @Test func saysWhatDnsmasqSays() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            let address = try #require(await driver.settings.ipv4).address
            // Somebody else has the port, by IP_FREEBIND (15) even before the address is there.
            let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(other) }
            var yes: Int32 = 1
            setsockopt(other, Int32(IPPROTO_IP), 15, &yes, 4)
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = UInt16(53).bigEndian
            place.sin_addr.s_addr = address.value.bigEndian
            let bound = withUnsafePointer(to: &place) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(other, $0, 16) }
            }
            #expect(bound == 0 && listen(other, 1) == 0)
            let error = await #expect(throws: ToolError.self) { _ = try await driver.start() }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains("Address already in use") && text.contains("\(address)"), "\(text)")
        }
    }

    @Test func leavesOthersBridgesAlone() async throws {
        try await withNetworkBench { bench in
            let name = bench.name()
            try NetlinkSession().createBridge(name, hardwareAddress: [2, 0, 0, 0, 0, 9], mtu: 1500)
            await bench.undoing.add { try NetlinkSession().deleteLink(name) }
            let driver = try await bench.driver()
            let error = await #expect(throws: APIError.self) { _ = try await driver.start() }
            #expect(error?.status == 409 && error?.message.contains("is not lexd's") == true)
            try await driver.delete()
            #expect(try NetlinkSession().link(named: name) != nil)

            // NICs may be put into it all the same when a profile says so.
            let host = HostBridge(name: name, identity: bench.identity)
            let nic = try await host.attach(bench.nic("web", 1))
            let link = try #require(try NetlinkSession().link(named: nic.hostName))
            #expect(link.flags.contains(.up) && link.kind == "veth" && link.master != nil)
            try await host.detach(nic)
            #expect(try NetlinkSession().link(named: nic.hostName) == nil)
            await #expect(throws: APIError.self) { _ = try await host.attach(bench.nic("web", 1, ipv4: "10.0.0.9")) }
            let none = HostBridge(name: bench.id + "none", identity: bench.identity)
            await #expect(throws: APIError.self) { _ = try await none.attach(bench.nic("web", 1)) }
        }
    }

    @Test func givenNamesOnTheHost() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none", "bridge.mtu": "1400"])
            _ = try await driver.start()
            var nic = try bench.nic("web", 1)
            nic.hostName = bench.id + "h"
            let attached = try await driver.attach(nic)
            #expect(attached.hostName == bench.id + "h")
            let session = try NetlinkSession()
            let bridge = try #require(try session.link(named: bench.name()))
            let link = try #require(try session.link(named: attached.hostName))
            let peer = try #require(try session.link(named: attached.peerName))
            #expect(link.master == bridge.index && link.mtu == 1400 && peer.mtu == 1400)
            #expect(peer.hardwareAddress == nic.hardwareAddress.bytes && !peer.flags.contains(.up))
            #expect(link.alias == "\(bench.identity.tag) nic default/web/eth0")
            // What a lexd that crashed left of the same NIC.
            #expect(try await driver.attach(nic) == attached)
            // Not what belongs to another.
            var other = try bench.nic("db", 2)
            other.hostName = attached.hostName
            let error = await #expect(throws: APIError.self) { try await driver.attach(other) }
            #expect(error?.status == 409)
            #expect(try session.link(named: attached.hostName) != nil)
            // A NIC with a smaller MTU does not make the bridge's smaller.
            var small = try bench.nic("small", 3)
            small.mtu = 600
            let smallNIC = try await driver.attach(small)
            #expect(try session.link(named: smallNIC.hostName)?.mtu == 600)
            #expect(try session.link(named: bench.name())?.mtu == 1400)
            try await driver.detach(smallNIC)
            try await driver.detach(attached)
        }
    }

    @Test func statesAsLXDShowsThem() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let settings = await driver.settings
            let (guest, nic) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await guest.dhcp(bench.dhcpScript))
            let state = try #require(try await Network.State.read(bench.name()))
            #expect(state.hwaddr == "\(settings.hardwareAddress)" && state.mtu == 1500 && state.state == "up")
            #expect(state.type == "broadcast" && state.bridge?.upperDevices == [nic.hostName])
            #expect(state.bridge?.id == "8000." + "\(settings.hardwareAddress)".filter { $0 != ":" })
            #expect(state.bridge?.stp == false && state.bridge?.forwardDelay == 1500)
            let ipv4 = "\(try #require(settings.ipv4).address)"
            let expected = Instance.Address(family: "inet", address: ipv4, netmask: "24", scope: "global")
            #expect(state.addresses.first == expected)
            #expect(try await Network.State.read("lxt-none") == nil)
            #expect(try await Network.State.read("lo")?.type == "loopback")
            #expect(try await HostInterface.named(bench.name()) == HostInterface(name: bench.name(), type: "bridge"))
            #expect(try await HostInterface.named("lo")?.type == "loopback")
            #expect(try await HostInterface.named(nic.hostName) == nil)
            // A person's pair is the person's.
            let pair = (bench.name() + "a", bench.name() + "b")
            try NetlinkSession().createVethPair(VethEnd(name: pair.0), VethEnd(name: pair.1), mtu: 1500)
            let found = (try await HostInterface.named(pair.0), try await HostInterface.named(pair.1))
            try NetlinkSession().deleteLink(pair.0)
            #expect(found.0?.type == "unknown" && found.1?.type == "unknown")

            let session = try NetlinkSession(OwnedDescriptor(taking: try await guest.socket(AF_NETLINK, SOCK_RAW)))
            let inside = try Instance.Network.all(session, hostNames: ["eth0": nic.hostName])
            let eth0 = try #require(inside["eth0"])
            #expect(eth0.hostName == nic.hostName && eth0.hwaddr == "\(nic.hardwareAddress)" && eth0.state == "up")
            #expect(eth0.type == "broadcast" && eth0.counters.bytesReceived > 0 && eth0.counters.packetsSent > 0)
            let address = try #require(try await guest.addresses("4").first)
            #expect(
                eth0.addresses.first
                    == Instance.Address(family: "inet", address: address, netmask: "24", scope: "global"))
            #expect(inside["lo"]?.hwaddr == "" && inside["lo"]?.type == "loopback" && inside["lo"]?.hostName == "")
            #expect(inside["lo"]?.addresses.first?.scope == "local")
        }
    }
}
