import LexAPI

/// The rules of network ACLs, as LXD has them on bridges: they decide at the border between bridge and host, and not
/// between instances of one bridge.
enum FilterRules {
    /// The chains of one network: one with its ACLs' rules, and one each that asks it at the three ways across the
    /// border. Chains of their own for each network: what one network's rules accept, another's may still refuse.
    static func chains(_ network: BridgeSettings) -> [NFTChain] {
        guard let filter = network.filter else { return [] }
        let name = "acl.\(network.name)"
        let (from, to) = (NFT.interface("iifname", network.name), NFT.interface("oifname", network.name))
        let jump = NFT.jump(name)
        return [
            NFTChain(name: name, hook: nil, rules: rules(filter, network.name)),
            NFTChain(
                name: "acl_input.\(network.name)", hook: ("filter", "input", 0),
                rules: services(from).map { [from] + $0 } + [[from, jump]]),
            NFTChain(
                name: "acl_output.\(network.name)", hook: ("filter", "output", 0),
                rules: answers.map { [to] + $0 } + [[to, jump]]),
            NFTChain(
                name: "acl_forward.\(network.name)", hook: ("filter", "forward", 0),
                rules: [
                    // Where bridged packets go through the firewall too (br_netfilter), those between instances pass,
                    // unless they come by a forward.
                    [from, to, NFT.conntrack("status", "dnat", "!"), NFT.accept], [from, jump], [to, jump],
                ]),
        ]
    }

    /// What guests may ask of the host whatever the rules say, as with LXD: names, addresses, neighbours.
    private static func services(_ from: JSONValue) -> [[JSONValue]] {
        let icmp6: JSONValue = [
            "destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "nd-router-solicit",
            "nd-neighbor-solicit", "nd-neighbor-advert", "mld2-listener-report",
        ]
        return [
            [NFT.match(NFT.payload("udp", "dport"), ["set": [53, 67, 547]]), NFT.accept],
            [NFT.match(NFT.payload("tcp", "dport"), 53), NFT.accept],
            [NFT.match(NFT.payload("icmp", "type"), ["set": troubles]), NFT.accept],
            [NFT.match(NFT.payload("icmpv6", "type"), ["set": icmp6]), NFT.accept],
        ]
    }

    /// What the host may say to guests whatever the rules say.
    private static let answers: [[JSONValue]] = {
        let icmp6: JSONValue = [
            "destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem", "nd-router-advert",
            "nd-neighbor-solicit", "nd-neighbor-advert", "mld2-listener-report",
        ]
        return [
            [NFT.match(NFT.payload("udp", "sport"), ["set": [67, 547]]), NFT.accept],
            [NFT.match(NFT.payload("icmp", "type"), ["set": troubles]), NFT.accept],
            [NFT.match(NFT.payload("icmpv6", "type"), ["set": icmp6]), NFT.accept],
        ]
    }()

    private static let troubles: JSONValue = ["destination-unreachable", "time-exceeded", "parameter-problem"]

    /// The rules by action, not by their order: what is dropped is dropped whatever else allows it.
    private static func rules(_ filter: PacketFilter, _ bridge: String) -> [[JSONValue]] {
        var result: [[JSONValue]] = [[NFT.conntrack("state", ["established", "related"]), NFT.accept]]
        for action in [NetworkACL.Action.drop, .reject, .allow] {
            for rule in filter.rules where rule.isEnabled && rule.verdict.action == action {
                for family in rule.families.map({ $0.map(Optional.some) }) ?? [nil] {
                    result.append(
                        [side(rule.direction, bridge)] + conditions(rule, isIPv6: family)
                            + verdict(rule.verdict, "\(bridge)-\(rule.origin) "))
                }
            }
        }
        for (direction, last) in [(PacketFilter.Direction.egress, filter.egress), (.ingress, filter.ingress)] {
            result.append([side(direction, bridge)] + verdict(last, "\(bridge)-\(direction.rawValue) "))
        }
        return result
    }

    private static func side(_ direction: PacketFilter.Direction, _ bridge: String) -> JSONValue {
        NFT.interface(direction == .ingress ? "oifname" : "iifname", bridge)
    }

    private static func conditions(_ rule: PacketFilter.Rule, isIPv6: Bool?) -> [JSONValue] {
        var result: [JSONValue] = []
        if let isIPv6 {
            if !rule.sources.isEmpty { result.append(NFT.address("saddr", in: rule.sources, isIPv6: isIPv6)) }
            if !rule.destinations.isEmpty { result.append(NFT.address("daddr", in: rule.destinations, isIPv6: isIPv6)) }
        }
        guard let transport = rule.transport else { return result }
        switch transport {
        case .tcp, .udp:
            result.append(NFT.match(NFT.meta("l4proto"), .string(transport.rawValue)))
            if !rule.sourcePorts.isEmpty {
                result.append(NFT.port(transport.rawValue, "sport", in: rule.sourcePorts))
            }
            if !rule.destinationPorts.isEmpty {
                result.append(NFT.port(transport.rawValue, "dport", in: rule.destinationPorts))
            }
        case .icmp4, .icmp6:
            let name = transport == .icmp4 ? "icmp" : "icmpv6"
            result.append(NFT.match(NFT.meta("l4proto"), .string(transport == .icmp4 ? "icmp" : "ipv6-icmp")))
            if let type = rule.icmpType { result.append(NFT.match(NFT.payload(name, "type"), .int(Int64(type)))) }
            if let code = rule.icmpCode { result.append(NFT.match(NFT.payload(name, "code"), .int(Int64(code)))) }
        }
        return result
    }

    private static func verdict(_ verdict: PacketFilter.Verdict, _ prefix: String) -> [JSONValue] {
        let action =
            switch verdict.action {
            case .allow: NFT.accept
            case .drop: NFT.drop
            case .reject: NFT.reject
            }
        return verdict.isLogged ? [NFT.log(prefix), action] : [action]
    }
}
