package import LexAPI

/// The rules of all networks, as a batch for `nft -j -f -` (libnftables-json(5)).
package enum FirewallRules {
    /// Replaces the table by what `networks` need; without networks, removes it. The kernel takes the whole batch or
    /// nothing, so no packet meets a table that is half made.
    package static func batch(
        table: String, networks: [BridgeSettings], proxies: [ProxyForward] = []
    ) -> JSONValue {
        // `delete` fails where there is no table, so it is added first.
        let reference: JSONValue = ["family": "inet", "name": .string(table)]
        var commands: [JSONValue] = [["add": ["table": reference]], ["delete": ["table": reference]]]
        if !networks.isEmpty || !proxies.isEmpty {
            let chains = chains(networks.sorted { $0.name < $1.name }, proxies)
            commands.append(["add": ["table": reference]])
            // All chains first: a rule can only jump to one that is there.
            commands += chains.map { $0.declaration(table: table) }
            commands += chains.flatMap { $0.content(table: table) }
        }
        return ["nftables": .array(commands)]
    }

    private static func chains(_ networks: [BridgeSettings], _ proxies: [ProxyForward]) -> [NFTChain] {
        var chains = networks.flatMap(FilterRules.chains)
        chains.append(NFTChain(name: "input", hook: ("filter", "input", 0), rules: networks.flatMap(input)))
        chains.append(NFTChain(name: "forward", hook: ("filter", "forward", 0), rules: networks.flatMap(forward)))
        let forwarding = networks.flatMap { network in network.forwards.map { (network, $0) } }
        if !forwarding.isEmpty || !proxies.isEmpty {
            let rules = proxies.flatMap(\.destinations) + ForwardRules.destinations(forwarding.map(\.1))
            chains.append(NFTChain(name: "prerouting", hook: ("nat", "prerouting", -100), rules: rules))
            // What the host itself sends meets no prerouting.
            chains.append(NFTChain(name: "output", hook: ("nat", "output", -100), rules: rules))
            // Before every translation of source addresses, whoever's it is.
            chains.append(
                NFTChain(
                    name: "hairpin", hook: ("nat", "postrouting", 95),
                    rules: networks.filter { !$0.forwards.isEmpty }.flatMap(ForwardRules.hairpins)
                        + proxies.map(\.hairpin)))
        }
        // At 100 are the rules of others (srcnat); the first that gives a connection an address decides.
        for (order, name, priority) in [
            (NATOrder.before, "postrouting", Int64(99)), (.after, "postrouting_after", 101),
        ] {
            let rules = networks.flatMap { translation($0, order) }
            if !rules.isEmpty {
                chains.append(NFTChain(name: name, hook: ("nat", "postrouting", priority), rules: rules))
            }
        }
        return chains
    }

    // What the instances ask of the host: DNS, DHCP, and the ICMPv6 without which IPv6 does not work (RFC 4890).
    // An accept here does not overrule a drop elsewhere; that is what `ForeignFirewalls` looks for.
    private static func input(_ network: BridgeSettings) -> [[JSONValue]] {
        let from = NFT.interface("iifname", network.name)
        let neighbours: JSONValue = [
            "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert",
            "mld2-listener-report",
        ]
        var rules: [[JSONValue]] = []
        for isIPv6 in [false, true] where filters(network, isIPv6) {
            let family = NFT.isFamily(isIPv6)
            let asked: JSONValue = isIPv6 ? [53, 547] : [53, 67]
            rules.append([from, family, NFT.match(NFT.payload("udp", "dport"), ["set": asked]), NFT.accept])
            rules.append([from, family, NFT.match(NFT.payload("tcp", "dport"), 53), NFT.accept])
            if isIPv6 {
                rules.append([from, NFT.match(NFT.payload("icmpv6", "type"), ["set": neighbours]), NFT.accept])
            }
        }
        return rules
    }

    /// Whether there are rules about the packets of a family. A family without an address has them too: what instances
    /// do with it among themselves is theirs, but nothing of it passes.
    private static func filters(_ network: BridgeSettings, _ isIPv6: Bool) -> Bool {
        (isIPv6 ? network.ipv6Passage : network.ipv4Passage).firewall
    }

    private static func forward(_ network: BridgeSettings) -> [[JSONValue]] {
        let (from, to) = (NFT.interface("iifname", network.name), NFT.interface("oifname", network.name))
        var rules: [[JSONValue]] = []
        for isIPv6 in [false, true] where filters(network, isIPv6) {
            let family = NFT.isFamily(isIPv6)
            if (isIPv6 ? network.ipv6Passage : network.ipv4Passage).routing {
                rules += [[from, family, NFT.accept], [to, family, NFT.accept]]
            } else {
                // Where bridged packets go through the firewall too (br_netfilter), those between instances pass.
                rules += [[from, to, family, NFT.accept], [from, family, NFT.reject], [to, family, NFT.reject]]
            }
        }
        return rules
    }

    private static func translation(_ network: BridgeSettings, _ order: NATOrder) -> [[JSONValue]] {
        func rule(_ isIPv6: Bool, _ prefix: JSONValue, _ address: IPAddress?) -> [JSONValue] {
            let family = NFT.family(isIPv6)
            return [
                NFT.match(NFT.payload(family, "saddr"), prefix),
                NFT.match(NFT.payload(family, "daddr"), prefix, "!="),
                // Not what the host itself sends to the bridge's own multicast groups.
                NFT.interface("oifname", network.name, "!="),
                address.map { ["snat": ["family": .string(family), "addr": .string("\($0)")]] } ?? NFT.masquerade,
            ]
        }
        var rules: [[JSONValue]] = []
        if let subnet = network.ipv4, network.ipv4Passage.nat, network.ipv4Passage.natOrder == order {
            rules.append(rule(false, NFT.subnet(subnet), network.ipv4Passage.natAddress))
        }
        if let subnet = network.ipv6, network.ipv6Passage.nat, network.ipv6Passage.natOrder == order {
            rules.append(rule(true, NFT.subnet(subnet), network.ipv6Passage.natAddress))
        }
        return rules
    }
}
