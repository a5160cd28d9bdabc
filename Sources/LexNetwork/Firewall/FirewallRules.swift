package import LexAPI

/// What the firewall must know of one network.
package struct FirewalledNetwork: Sendable, Equatable {
    /// The name of its bridge.
    package var bridge: String
    /// The IPv4 subnet whose packets to elsewhere get the host's address; nil for none.
    package var ipv4NAT: IPv4Subnet?
    /// The IPv6 subnet whose packets to elsewhere get the host's address; nil for none.
    package var ipv6NAT: IPv6Subnet?

    package init(bridge: String, ipv4NAT: IPv4Subnet? = nil, ipv6NAT: IPv6Subnet? = nil) {
        self.bridge = bridge
        self.ipv4NAT = ipv4NAT
        self.ipv6NAT = ipv6NAT
    }

    init(_ settings: BridgeSettings) {
        self.init(
            bridge: settings.name, ipv4NAT: settings.ipv4NAT ? settings.ipv4 : nil,
            ipv6NAT: settings.ipv6NAT ? settings.ipv6 : nil)
    }
}

/// The rules of all networks, as a batch for `nft -j -f -` (libnftables-json(5)).
package enum FirewallRules {
    /// Replaces the table by what `networks` need; without networks, removes it. The kernel takes the whole batch or
    /// nothing, so no packet meets a table that is half made.
    package static func batch(table: String, networks: [FirewalledNetwork]) -> JSONValue {
        // `delete` fails where there is no table, so it is added first.
        let reference: JSONValue = ["family": "inet", "name": .string(table)]
        var commands: [JSONValue] = [["add": ["table": reference]], ["delete": ["table": reference]]]
        if !networks.isEmpty {
            commands.append(["add": ["table": reference]])
            let networks = networks.sorted { $0.bridge < $1.bridge }
            commands += chain(table, "input", hook: "input", type: "filter", priority: 0, networks.flatMap(input))
            commands += chain(table, "forward", hook: "forward", type: "filter", priority: 0, networks.flatMap(forward))
            commands += chain(
                table, "postrouting", hook: "postrouting", type: "nat", priority: 100,
                networks.flatMap(translation))
        }
        return ["nftables": .array(commands)]
    }

    private static func chain(
        _ table: String, _ name: String, hook: String, type: String, priority: Int64, _ rules: [[JSONValue]]
    ) -> [JSONValue] {
        let chain: JSONValue = [
            "family": "inet", "table": .string(table), "name": .string(name), "type": .string(type),
            "hook": .string(hook), "prio": .int(priority), "policy": "accept",
        ]
        return [["add": ["chain": chain]]]
            + rules.map { expressions in
                let rule: JSONValue = [
                    "family": "inet", "table": .string(table), "chain": .string(name), "expr": .array(expressions),
                ]
                return ["add": ["rule": rule]]
            }
    }

    // What the instances ask of the host: DNS, DHCP, and the ICMPv6 without which IPv6 does not work (RFC 4890).
    // An accept here does not overrule a drop elsewhere; that is what `ForeignFirewalls` looks for.
    private static func input(_ network: FirewalledNetwork) -> [[JSONValue]] {
        let from = interface("iifname", network.bridge)
        let neighbours: JSONValue = [
            "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert",
            "mld2-listener-report",
        ]
        return [
            [from, match(payload("udp", "dport"), ["set": [53, 67, 547]]), accept],
            [from, match(payload("tcp", "dport"), 53), accept],
            [from, match(payload("icmpv6", "type"), ["set": neighbours]), accept],
        ]
    }

    private static func forward(_ network: FirewalledNetwork) -> [[JSONValue]] {
        [[interface("iifname", network.bridge), accept], [interface("oifname", network.bridge), accept]]
    }

    private static func translation(_ network: FirewalledNetwork) -> [[JSONValue]] {
        func rule(_ protocolName: String, _ prefix: JSONValue) -> [JSONValue] {
            [
                match(payload(protocolName, "saddr"), prefix),
                match(payload(protocolName, "daddr"), prefix, "!="),
                // Not what the host itself sends to the bridge's own multicast groups.
                interface("oifname", network.bridge, "!="),
                ["masquerade": .null],
            ]
        }
        var rules: [[JSONValue]] = []
        if let subnet = network.ipv4NAT {
            rules.append(rule("ip", prefix("\(subnet.network)", subnet.prefix)))
        }
        if let subnet = network.ipv6NAT {
            rules.append(rule("ip6", prefix("\(subnet.network.address)", subnet.prefix)))
        }
        return rules
    }

    static let accept: JSONValue = ["accept": .null]

    static func interface(_ key: String, _ name: String, _ operation: String = "==") -> JSONValue {
        match(["meta": ["key": .string(key)]], .string(name), operation)
    }
    private static func match(_ left: JSONValue, _ right: JSONValue, _ operation: String = "==") -> JSONValue {
        ["match": ["op": .string(operation), "left": left, "right": right]]
    }
    private static func payload(_ protocolName: String, _ field: String) -> JSONValue {
        ["payload": ["protocol": .string(protocolName), "field": .string(field)]]
    }
    private static func prefix(_ address: String, _ length: UInt32) -> JSONValue {
        ["prefix": ["addr": .string(address), "len": .int(Int64(length))]]
    }
}
