import LexAPI

/// The rules of network forwards.
enum ForwardRules {
    /// What gives packets to listen addresses their targets: those with ports first.
    static func destinations(_ forwards: [PacketForward]) -> [[JSONValue]] {
        var rules: [[JSONValue]] = []
        for forward in forwards {
            for ports in forward.ports {
                rules.append([
                    isTo(forward.listen), NFT.port(ports.transport, "dport", in: PortRange.merged(ports.listen)),
                    translation(ports.target, port: target(ports)),
                ])
            }
        }
        for forward in forwards {
            guard let target = forward.target else { continue }
            rules.append([isTo(forward.listen), translation(target, port: nil)])
        }
        return rules
    }

    /// What lets instances of the same network in by the listen address, too: their target would answer them directly,
    /// from an address they never spoke to, so it is made to answer the host. Clients of elsewhere keep their address.
    static func hairpins(_ network: BridgeSettings) -> [[JSONValue]] {
        var rules: [[JSONValue]] = []
        let isDNAT = NFT.conntrack("status", "dnat")
        if let subnet = network.ipv4, network.forwards.contains(where: { !$0.listen.isIPv6 }) {
            rules.append(hairpin(network.name, "ip", NFT.subnet(subnet), isDNAT))
        }
        if let subnet = network.ipv6, network.forwards.contains(where: \.listen.isIPv6) {
            rules.append(hairpin(network.name, "ip6", NFT.subnet(subnet), isDNAT))
        }
        return rules
    }

    private static func hairpin(
        _ bridge: String, _ family: String, _ subnet: JSONValue, _ isDNAT: JSONValue
    ) -> [JSONValue] {
        [
            NFT.interface("oifname", bridge), NFT.match(NFT.payload(family, "saddr"), subnet),
            NFT.match(NFT.payload(family, "daddr"), subnet), isDNAT, NFT.masquerade,
        ]
    }

    private static func isTo(_ address: IPAddress) -> JSONValue {
        NFT.match(NFT.payload(NFT.family(address.isIPv6), "daddr"), .string("\(address)"))
    }

    /// The port at the target: none for the same one, a number, or a table of all.
    private static func target(_ ports: PacketForward.Ports) -> JSONValue? {
        let targets = ports.targetPorts.flatMap(\.ports)
        guard let first = targets.first else { return nil }
        let listens = ports.listen.flatMap(\.ports)
        if targets == listens { return nil }
        if targets.count == 1 { return .int(Int64(first)) }
        let pairs = zip(listens, targets).map { JSONValue.array([.int(Int64($0)), .int(Int64($1))]) }
        return ["map": ["key": NFT.payload(ports.transport, "dport"), "data": ["set": .array(pairs)]]]
    }

    private static func translation(_ target: IPAddress, port: JSONValue?) -> JSONValue {
        var members: [String: JSONValue] = [
            "family": .string(NFT.family(target.isIPv6)), "addr": .string("\(target)"),
        ]
        members["port"] = port
        return ["dnat": .object(members)]
    }
}
