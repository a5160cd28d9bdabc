import FoundationEssentials
import LexAPI
import Testing

@testable import LexNetwork

@Suite struct FilterTests {
    func text(_ value: JSONValue) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    func rules(_ batch: JSONValue, chain: String) throws -> [String] {
        try (batch["nftables"]?.elements ?? []).compactMap { $0["add"]?["rule"] }.filter { $0["chain"]?.text == chain }
            .map { try text($0["expr"] ?? .null) }
    }
    func rule(_ parts: [String: String], _ direction: PacketFilter.Direction = .ingress) throws -> PacketFilter.Rule? {
        let rule = try #require(NetworkACL.Rule(parts.merging(["state": "enabled"]) { old, _ in old }))
        return try PacketFilter.Rule.all([rule], direction) { $0 == "web" }.first
    }

    @Test(arguments: [
        ([:], "Action must be one of"), (["action": "x"], "Action must be one of"),
        (["action": "allow", "state": "x"], "State must be one of"),
        (["action": "allow", "protocol": "sctp"], "Protocol must be one of"),
        (["action": "allow", "source": "foo"], #"Invalid Source: Invalid subject "foo""#),
        (["action": "allow", "source": "10.0.0.1/33"], "Invalid subject"),
        (["action": "allow", "source": "10.0.0.9-10.0.0.1"], "Invalid subject"),
        (["action": "allow", "destination": "@internal"], "Named subjects not allowed"),
        (["action": "allow", "destination": "web"], "Named subjects not allowed"),
        (["action": "allow", "destination_port": "80"], "without specifying protocol"),
        (["action": "allow", "protocol": "icmp4", "destination_port": "80"], "with ICMP protocol"),
        (["action": "allow", "protocol": "tcp", "destination_port": "80-70"], "Invalid Destination port"),
        (["action": "allow", "protocol": "tcp", "source_port": "0"], "Invalid Source port"),
        (["action": "allow", "protocol": "tcp", "destination_port": "99999"], "Invalid Destination port"),
        (["action": "allow", "protocol": "tcp", "icmp_type": "3"], "non-ICMP protocol"),
        (["action": "allow", "protocol": "icmp4", "icmp_type": "256"], "Must be between 0 and 255"),
        (["action": "allow", "protocol": "icmp4", "icmp_type": "+1"], "Must be between 0 and 255"),
        (["action": "allow", "protocol": "icmp4", "icmp_code": "1"], "without ICMP type"),
        (["action": "allow", "protocol": "icmp4", "source": "fd42::1"], "Cannot use IPv6 source addresses"),
        (["action": "allow", "protocol": "icmp6", "source": "10.0.0.1"], "Cannot use IPv4 source addresses"),
        (["action": "allow", "source": "10.0.0.1", "destination": "fd42::1"], "Conflicting IP family types"),
    ])
    func refuses(_ parts: [String: String], _ words: String) {
        let error = #expect(throws: APIError.self) { try rule(parts) }
        #expect(error?.status == 400)
        #expect(error?.message.hasPrefix("Invalid ingress rule 0: ") == true)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func refusesADuplicate() {
        let rule = NetworkACL.Rule(action: "drop")
        let error = #expect(throws: APIError.self) {
            try PacketFilter.Rule.all([rule, rule], .egress) { _ in false }
        }
        #expect(error?.message == "Duplicate of egress rule 0")
    }

    @Test func namedSubjectsAreNotForBridges() throws {
        var filter = PacketFilter(
            ingress: .init(action: .reject, isLogged: false), egress: .init(action: .reject, isLogged: false))
        let named = try #require(try rule(["action": "allow", "source": "web"]))
        let error = #expect(throws: APIError.self) { try filter.append("a1", [named]) }
        #expect(error?.message.contains("\"web\"") == true)
    }

    @Test func dropsComeFirstWhateverTheirOrder() throws {
        var filter = PacketFilter(
            ingress: .init(action: .reject, isLogged: true), egress: .init(action: .allow, isLogged: false))
        for parts in [
            ["action": "allow", "protocol": "tcp", "destination_port": "80,90-100", "state": "logged"],
            ["action": "drop", "source": "10.0.0.0/8,10.1.2.3,fd42::/16"], ["action": "reject", "state": "disabled"],
        ] { try filter.append("a1", [try #require(try rule(parts))]) }
        var web = try settings()
        web.filter = filter
        let batch = FirewallRules.batch(table: "lexd", networks: [web])
        let rules = try rules(batch, chain: "acl.web0")
        #expect(rules.count == 6)
        #expect(rules[0].contains(#""established","related""#) && rules[0].hasSuffix(#"{"accept":null}]"#))
        #expect(
            rules[1].contains(#"{"range":["10.0.0.0","10.255.255.255"]}"#) && rules[1].hasSuffix(#"{"drop":null}]"#))
        #expect(rules[2].contains("ip6") && rules[2].hasSuffix(#"{"drop":null}]"#))
        #expect(rules[3].contains(#"{"log":{"prefix":"web0-ingress-0 "}},{"accept":null}]"#))
        #expect(rules[3].contains(#"{"set":[80,{"range":[90,100]}]}"#))
        #expect(rules[4].contains("iifname") && rules[4].hasSuffix(#"{"accept":null}]"#))
        #expect(rules[5].contains(#"{"log":{"prefix":"web0-ingress "}},{"reject""#))
        for hook in ["input", "output", "forward"] {
            #expect(
                try self.rules(batch, chain: "acl_\(hook).web0").contains { $0.contains(#"{"target":"acl.web0"}"#) })
        }
    }

    @Test func withoutACLsThereAreNoSuchChains() throws {
        let batch = FirewallRules.batch(table: "lexd", networks: [try settings()])
        #expect(try !text(batch).contains("acl"))
    }

    @Test(arguments: [true, false])
    func whatIsNotRoutedIsRefused(_ filters: Bool) throws {
        let web = try settings(["ipv4.routing": "false", "ipv4.firewall": "\(filters)"])
        let forward = try rules(FirewallRules.batch(table: "lexd", networks: [web]), chain: "forward")
        #expect(forward.filter { $0.contains("reject") }.count == (filters ? 2 : 0))
        #expect(forward.filter { $0.contains(#""right":"ipv4""#) }.count == (filters ? 3 : 0))
        let input = try rules(FirewallRules.batch(table: "lexd", networks: [web]), chain: "input")
        #expect(input.contains { $0.contains(#""set":[53,67]"#) } == filters)
    }

    @Test func translatesToAnAddressBeforeOrAfter() throws {
        let web = try settings([
            "ipv4.nat": "true", "ipv4.nat.address": "192.0.2.7", "ipv4.nat.order": "after", "ipv6.nat": "true",
        ])
        let batch = FirewallRules.batch(table: "lexd", networks: [web])
        #expect(try rules(batch, chain: "postrouting").count == 1)
        let after = try rules(batch, chain: "postrouting_after")
        #expect(after.count == 1 && after[0].hasSuffix(#"{"snat":{"addr":"192.0.2.7","family":"ip"}}]"#))
    }
}

@Suite struct ForwardTests {
    func forward(
        _ listen: String = "192.0.2.9", target: String? = nil, ports: [NetworkForward.Port] = [],
        in settings: BridgeSettings
    ) throws -> PacketForward {
        try PacketForward(
            listen: try #require(IPAddress(configText: listen)), config: target.map { ["target_address": $0] } ?? [:],
            ports: ports, ipv4: settings.ipv4, ipv6: settings.ipv6)
    }
    func port(_ listen: String, _ target: String = "10.3.2.5", _ ports: String = "", _ name: String = "tcp")
        -> NetworkForward.Port
    { .init(protocol: name, listenPort: listen, targetAddress: target, targetPort: ports) }

    @Test func refusesWhatDoesNotFit() throws {
        let web = try settings()
        for (ports, words) in [
            ([port("80", "10.3.2.5", "", "sctp")], "protocol must be one of: tcp, udp"),
            ([port("80", "x")], "Invalid target address in port specification 0"),
            ([port("80", "10.9.9.9")], "not within the network subnet"),
            ([port("80", "fd42:1:2:3::5")], "Cannot mix IP"),
            ([port("")], "Invalid listen port"), ([port("99999")], "Invalid listen port"),
            ([port("80-70")], "Invalid listen port"), ([port("80", "10.3.2.5", "x")], "Invalid target port"),
            ([port("80-90", "10.3.2.5", "1-3")], "Mismatch of listen port"),
            ([port("80,80")], "Duplicate listen port 80"), ([port("80-90"), port("85")], "Duplicate listen port 85"),
        ] {
            let error = #expect(throws: APIError.self) { try forward(ports: ports, in: web) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "") \(words)")
        }
        #expect(throws: APIError.self) { try forward(target: "8.8.8.8", in: web) }
        #expect(throws: APIError.self) { try forward(target: "fd42:1:2:3::5", in: web) }
        #expect(throws: APIError.self) { try forward(target: "10.3.2.5", ports: [port("80")], in: web) }
        #expect(throws: Never.self) { try forward(ports: [port("80"), port("80", "10.3.2.5", "", "udp")], in: web) }
    }

    @Test func rulesForPortsComeBeforeTheRest() throws {
        var web = try settings()
        web.forwards = [
            try forward(
                target: "10.3.2.9",
                ports: [port("80,90-92"), port("100-102", "10.3.2.6", "8080"), port("200-201", "10.3.2.7", "300-301")],
                in: web),
            try forward("2001:db8::9", target: "fd42:1:2:3::9", in: web),
        ]
        let batch = FirewallRules.batch(table: "lexd", networks: [web])
        let rules = try rulesOf(batch, "prerouting")
        #expect(try rules == rulesOf(batch, "output"))
        #expect(rules.count == 5)
        #expect(rules[0].hasSuffix(#"{"dnat":{"addr":"10.3.2.5","family":"ip"}}]"#))
        #expect(rules[0].contains(#"{"set":[80,{"range":[90,92]}]}"#))
        #expect(rules[1].hasSuffix(#"{"dnat":{"addr":"10.3.2.6","family":"ip","port":8080}}]"#))
        #expect(rules[2].contains(#""data":{"set":[[200,300],[201,301]]}"#))
        #expect(rules[3].hasSuffix(#"{"dnat":{"addr":"10.3.2.9","family":"ip"}}]"#))
        #expect(rules[4].contains("2001:db8::9"))
        #expect(try rulesOf(batch, "hairpin").count == 2)
    }

    private func rulesOf(_ batch: JSONValue, _ chain: String) throws -> [String] {
        try FilterTests().rules(batch, chain: chain)
    }
}

@Suite struct BridgeKeyTests {
    @Test(arguments: [
        ["ipv4.dhcp.ranges": "10.9.9.1-10.9.9.2"], ["ipv4.dhcp.ranges": "10.3.2.0-10.3.2.9"],
        ["ipv4.dhcp.gateway": "10.9.9.1"], ["ipv6.address": "fd42::1/80"],
        ["ipv6.address": "fd42::1/48", "ipv6.dhcp.stateful": "true"],
        ["ipv6.dhcp.stateful": "true", "ipv6.dhcp.ranges": "fd43::1-fd43::2"], ["bridge.external_interfaces": "web0"],
        ["ipv4.address": "none", "ipv4.routes": "10.9.0.0/24"], ["ipv6.address": "none", "ipv6.routes": "fd42:9::/64"],
        ["tunnel.a.protocol": "ipip"], ["tunnel.a.id": "3"], ["tunnel.a.protocol": "gre"],
        ["tunnel.a.protocol": "gre", "tunnel.a.local": "192.0.2.1"],
        ["tunnel.a.protocol": "vxlan", "tunnel.a.local": "192.0.2.1", "tunnel.a.remote": "2001:db8::1"],
        ["tunnel.a.protocol": "vxlan", "tunnel.a.id": "0"], ["tunnel.a.protocol": "vxlan", "tunnel.a.port": "65536"],
    ])
    func refusesWhatDoesNotFit(_ changes: [String: String]) {
        let error = #expect(throws: APIError.self) { try settings(changes) }
        #expect(error?.status == 400)
    }

    @Test func routesWithoutAnAddressAreNamed() {
        for family in ["ipv4", "ipv6"] {
            let subnet = family == "ipv4" ? "10.9.0.0/24" : "fd42:9::/64"
            let error = #expect(throws: APIError.self) {
                try settings(["\(family).address": "none", "\(family).routes": subnet])
            }
            #expect(error?.message.contains("\"\(family).routes\"") == true, "\(error?.message ?? "")")
        }
    }

    @Test func tunnels() throws {
        let web = try settings([
            "tunnel.b.protocol": "gre", "tunnel.b.local": "192.0.2.1", "tunnel.b.remote": "192.0.2.2",
            "tunnel.a.protocol": "vxlan", "tunnel.a.id": "7",
        ])
        #expect(web.tunnels.map(\.name) == ["a", "b"] && web.mtu == 1400)
        #expect(
            web.tunnels[0].kind
                == .vxlan(id: 7, port: 8472, group: IPAddress(configText: "239.0.0.1"), interface: nil, ttl: 1))
    }
}
