import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Testing

/// What becomes of packets: forwards, ACLs, and the keys of a bridge that decide about its packets.
@Suite struct NetworkPacketTests {
    /// A network without DHCP, a guest with fixed addresses in it, and the outside, which knows the way to the host's
    /// forwards.
    struct Place {
        let bench: NetworkBench
        let driver: BridgeDriver
        let outside: NetworkBench.Outside
        let web: Guest
        let ipv4: String, ipv6: String
        /// Addresses to forward: of this test alone, since rules are the whole host's.
        let listen4: String, listen6: String

        init(_ bench: NetworkBench, _ config: [String: String] = [:]) async throws {
            self.bench = bench
            outside = try await bench.outside()
            driver = try await bench.driver(config)
            _ = try await driver.start()
            let settings = await driver.settings
            let subnet = try #require(settings.ipv4)
            ipv4 = "\(IPv4Address(subnet.network.value + 50))"
            ipv6 = "\(try #require(settings.ipv6).firstAddress)50"
            (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            try await Self.configure(web, ipv4, ipv6, settings)
            let number = UInt32.random(in: 0..<1 << 22)
            listen4 = "\(IPv4Address(100 << 24 | 64 << 16 | number))"
            listen6 = "2001:db8:ffff:\(String(number & 0xffff, radix: 16))::9"
            try await outside.addRoute("100.64.0.0/10", by: outside.hostIPv4)
            try await outside.addRoute("2001:db8:ffff::/48", by: outside.hostIPv6)
        }

        static func configure(_ guest: Guest, _ ipv4: String, _ ipv6: String, _ settings: BridgeSettings) async throws {
            func ip(_ arguments: String...) async throws {
                let output = try await Tool("ip").run(["netns", "exec", guest.namespace, "ip"] + arguments)
                #expect(output.status == 0, "\(arguments) \(output.errors)")
            }
            if let subnet = settings.ipv4 {
                try await ip("addr", "add", "\(ipv4)/\(subnet.prefix)", "dev", "eth0")
                try await ip("route", "replace", "default", "via", "\(subnet.address)")
            }
            if let subnet = settings.ipv6 {
                try await ip("-6", "addr", "add", "\(ipv6)/\(subnet.prefix)", "dev", "eth0", "nodad")
                try await ip("-6", "route", "replace", "default", "via", "\(subnet.address)", "dev", "eth0")
            }
        }

        /// Another guest of the network.
        func guest(_ name: String, _ number: UInt8) async throws -> (Guest, String, String) {
            let settings = await driver.settings
            let subnet = try #require(settings.ipv4)
            let ipv4 = "\(IPv4Address(subnet.network.value + UInt32(number)))"
            let ipv6 = "\(try #require(settings.ipv6).firstAddress)\(number)"
            let (guest, _) = try await bench.guest(driver, bench.nic(name, number))
            try await Self.configure(guest, ipv4, ipv6, settings)
            return (guest, ipv4, ipv6)
        }

        /// Gives the network other rules, as the daemon does.
        func put(_ change: (inout BridgeSettings) throws -> Void) async throws {
            var settings = await driver.settings
            try change(&settings)
            try await bench.firewall.put([settings])
            await driver.adopt(settings)
        }

        func forward(
            _ listen: String, target: String? = nil, _ ports: [NetworkForward.Port] = []
        ) async throws -> PacketForward {
            let settings = await driver.settings
            return try PacketForward(
                listen: try #require(IPAddress(configText: listen)),
                config: target.map { ["target_address": $0] } ?? [:], ports: ports, ipv4: settings.ipv4,
                ipv6: settings.ipv6)
        }
    }

    @Test func aForwardReachesTheGuestWithTheClientsAddress() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            let forwards = [
                try await place.forward(
                    place.listen4,
                    [.init(protocol: "tcp", listenPort: "80-81", targetAddress: place.ipv4, targetPort: "8080-8081")]),
                try await place.forward(place.listen6, target: place.ipv6),
            ]
            try await place.put { $0.forwards = forwards }
            let client = place.outside.guest
            for (to, port, at, server) in [
                (place.listen4, UInt16(81), UInt16(8081), place.ipv4), (place.listen6, 4000, 4000, place.ipv6),
            ] {
                let seen = try await bench.connect(client, to: to, port: port, served: place.web, at: at)
                #expect(seen == (to.contains(":") ? place.outside.ipv6 : place.outside.ipv4), "\(server)")
            }
            // Another port is nobody's here.
            #expect(try await bench.connect(client, to: place.listen4, port: 82, served: place.web, at: 8082) == nil)

            // From the host itself, and from an instance beside it.
            for to in [place.listen4, place.listen6] {
                let (port, at): (UInt16, UInt16) = to.contains(":") ? (4000, 4000) : (81, 8081)
                #expect(
                    try await bench.connect(nil, to: to, port: port, served: place.web, at: at) != nil, "host \(to)")
                let (db, _, _) = to.contains(":") ? (place.web, "", "") : try await place.guest("db", 60)
                if !to.contains(":") {
                    #expect(
                        try await bench.connect(db, to: to, port: port, served: place.web, at: at) != nil, "guest \(to)"
                    )
                }
            }

            // A lexd that starts anew writes the same rules.
            let successor = Firewall(identity: bench.identity, logger: bench.logger)
            await successor.expect([await place.driver.settings])
            _ = try await successor.put(await place.driver.settings)
            #expect(
                try await bench.connect(client, to: place.listen4, port: 80, served: place.web, at: 8080)
                    == place.outside.ipv4)

            try await place.put { $0.forwards = [] }
            #expect(try await bench.connect(client, to: place.listen4, port: 80, served: place.web, at: 8080) == nil)
        }
    }

    /// As the host has it, and with bridged packets in the firewall where the kernel can.
    @Test(arguments: [false, true])
    func guestsReachTheirNeighbourByTheListenAddress(_ isFiltered: Bool) async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            // Of this one bridge, beside the host's own setting.
            let own = "/sys/class/net/\(bench.name())/bridge/nf_call_iptables"
            if isFiltered, access(own, F_OK) == 0 { try writeKernelFile(own, "1") }
            let (db, _, _) = try await place.guest("db", 60)
            let forwards = [
                try await place.forward(place.listen4, target: place.ipv4),
                try await place.forward(place.listen6, target: place.ipv6),
            ]
            try await place.put { $0.forwards = forwards }
            for to in [place.listen4, place.listen6] {
                #expect(try await bench.connect(db, to: to, port: 90, served: place.web, at: 90) != nil, "\(to)")
            }
        }
    }

    @Test func aRefusedBatchLeavesTheRulesAsTheyWere() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            let good = try await place.forward(place.listen4, target: place.ipv4)
            try await place.put { $0.forwards = [good] }
            let other = try await bench.driver(name: bench.name("1"))
            _ = try await other.start()
            let failing = Firewall(identity: bench.identity, nft: Tool("/bin/false"), logger: bench.logger)
            await failing.expect([await place.driver.settings, await other.settings])
            var changed = await place.driver.settings
            changed.forwards = []
            await #expect(throws: APIError.self) { try await failing.put([changed]) }
            let client = place.outside.guest
            #expect(
                try await bench.connect(client, to: place.listen4, port: 90, served: place.web, at: 90)
                    == place.outside.ipv4)
        }
    }

    static func filter(
        ingress: NetworkACL.Action = .reject, egress: NetworkACL.Action = .reject,
        _ rules: [(PacketFilter.Direction, [String: String])]
    ) throws -> PacketFilter {
        var filter = PacketFilter(
            ingress: .init(action: ingress, isLogged: false), egress: .init(action: egress, isLogged: false))
        for (direction, parts) in rules {
            let rule = try #require(NetworkACL.Rule(parts.merging(["state": "enabled"]) { old, _ in old }))
            try filter.append("t", try PacketFilter.Rule.all([rule], direction) { _ in false })
        }
        return filter
    }

    @Test func rulesDropRejectAndAllow() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench, ["ipv4.nat": "true", "ipv6.nat": "true"])
            let (db, ipv4, _) = try await place.guest("db", 60)
            let outside = place.outside
            try await place.put {
                $0.filter = try Self.filter(
                    [
                        (.egress, ["action": "allow", "protocol": "icmp4"]),
                        (
                            .egress,
                            [
                                "action": "allow", "protocol": "tcp", "destination": outside.ipv4,
                                "destination_port": "8000-8010",
                            ]
                        ),
                        (.egress, ["action": "drop", "protocol": "tcp", "destination_port": "8005"]),
                        (
                            .egress,
                            ["action": "allow", "protocol": "tcp", "destination": "\(outside.ipv6),10.255.255.1"]
                        ),
                    ])
            }
            #expect(try await place.web.ping(outside.ipv4))
            #expect(try await !place.web.ping(outside.ipv6))
            let from = place.web
            #expect(try await bench.outcome(from, to: outside.ipv4, port: 8001, served: outside.guest) == .connected)
            #expect(try await bench.outcome(from, to: outside.ipv4, port: 8005, served: outside.guest) == .silence)
            #expect(try await bench.outcome(from, to: outside.ipv4, port: 8011, served: outside.guest) == .refused)
            #expect(try await bench.outcome(from, to: outside.ipv6, port: 8011, served: outside.guest) == .connected)
            // What the host gives is always given; what it offers else is not.
            let settings = await place.driver.settings
            let server = "\(try #require(settings.ipv4).address)"
            #expect(try await place.web.resolve("_gateway.lexd", "a", server: server) == [server])
            #expect(try await bench.outcome(from, to: server, port: 8001, served: nil) == .refused)
            // Between instances nothing is decided.
            #expect(try await bench.outcome(from, to: ipv4, port: 9000, served: db) == .connected)

            // Nobody comes in, until they may.
            try await outside.addRoute("\(try #require(settings.ipv4).network)/24", by: outside.hostIPv4)
            #expect(try await bench.outcome(outside.guest, to: place.ipv4, port: 80, served: from) == .refused)
            try await place.put {
                $0.filter = try Self.filter(
                    ingress: .drop, egress: .allow,
                    [
                        (
                            .ingress,
                            [
                                "action": "allow", "protocol": "tcp", "source": "\(outside.ipv4)",
                                "destination_port": "80",
                            ]
                        )
                    ])
            }
            #expect(try await bench.outcome(outside.guest, to: place.ipv4, port: 80, served: from) == .connected)
            #expect(try await bench.outcome(outside.guest, to: place.ipv4, port: 81, served: from) == .silence)
            #expect(try await place.web.ping(outside.ipv6))

            try await place.put { $0.filter = nil }
            #expect(try await bench.outcome(outside.guest, to: place.ipv4, port: 81, served: from) == .connected)
        }
    }

    /// What one network lets out, another need not let in.
    @Test func anACLDecidesForItsNetworkOnly() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench)
            let other = try await bench.driver(["ipv6.address": "none"], name: bench.name("1"))
            _ = try await other.start()
            let settings = await other.settings
            let (db, _) = try await bench.guest(other, bench.nic("db", 2))
            let address = "\(IPv4Address(try #require(settings.ipv4).network.value + 50))"
            try await Place.configure(db, address, "", settings)
            #expect(try await bench.outcome(place.web, to: address, port: 80, served: db) == .connected)
            try await place.put { $0.filter = try Self.filter(ingress: .allow, egress: .allow, []) }
            var closed = settings
            closed.filter = try Self.filter(egress: .allow, [])
            try await bench.firewall.put([closed])
            #expect(try await bench.outcome(place.web, to: address, port: 80, served: db) == .refused)
        }
    }

    @Test func routingAndFirewallCanBeSwitchedOff() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench, ["ipv4.nat": "true", "ipv6.nat": "true"])
            let outside = place.outside
            #expect(try await place.web.ping(outside.ipv4))
            var settings = await place.driver.settings
            settings.ipv4Passage.routing = false
            _ = try await place.driver.reconfigure(settings)
            #expect(try await !place.web.ping(outside.ipv4))
            #expect(try await place.web.ping(outside.ipv6))
            settings.ipv4Passage.firewall = false
            _ = try await place.driver.reconfigure(settings)
            // Nothing of lexd's refuses it any more, and translation is not filtering.
            #expect(try await place.web.ping(outside.ipv4))
        }
    }

    @Test func translationHasAnAddressAndAnOrder() async throws {
        try await withNetworkBench { bench in
            let place = try await Place(bench, ["ipv4.nat": "true", "ipv4.nat.address": "203.0.113.77"])
            let outside = place.outside
            _ = try await outside.guest.run("ip", "route", "add", "203.0.113.0/24", "via", outside.hostIPv4)
            #expect(try await bench.seen(place.web, by: outside, at: outside.ipv4) == "203.0.113.77")
            // Others at the usual priority: they lose against before, and win against after.
            let table = bench.id + "nat"
            await bench.undoing.add { _ = try await Tool("nft").run(["delete", "table", "ip", table]) }
            try await Tool("nft").check(
                ["-f", "-"],
                input: """
                    table ip \(table) {
                        chain post {
                            type nat hook postrouting priority 100; policy accept;
                            ip saddr \(place.ipv4) ip daddr \(outside.ipv4) snat to 203.0.113.88
                        }
                    }

                    """, doing: "translate, too")
            #expect(try await bench.seen(place.web, by: outside, at: outside.ipv4) == "203.0.113.77")
            var settings = await place.driver.settings
            settings.ipv4Passage.natOrder = .after
            _ = try await place.driver.reconfigure(settings)
            #expect(try await bench.seen(place.web, by: outside, at: outside.ipv4) == "203.0.113.88")
        }
    }
}

/// What became of an attempt to connect.
enum Outcome: Equatable {
    case connected
    /// Somebody said no.
    case refused
    /// Nobody said anything.
    case silence
}

extension NetworkBench.Outside {
    func addRoute(_ subnet: String, by gateway: String) async throws {
        let family = gateway.contains(":") ? "-6" : "-4"
        let output = try await guest.run("ip", family, "route", "add", subnet, "via", gateway)
        #expect(output.status == 0, "\(output.errors)")
    }
}
