import LexAPI

/// What the firewall does with the packets that come from a NIC, before anything else sees them.
///
/// They sit at the way in of the NIC's end on the host (the family `netdev`): below bridges, VLANs and routing, so that
/// nothing of it can be got round by where a packet goes to. Nothing is remembered of packets (no conntrack).
package struct NICRules: Sendable, Equatable {
    /// What it may send from.
    package var filter: NICFilter?
    /// The most it may send.
    package var bytesPerSecond: UInt64?
    /// The priority of its packets.
    package var priority: UInt32?

    /// The name of the chain of a NIC.
    static func chain(_ hostName: String) -> String { "nic.\(hostName)" }

    /// The commands that make the chain of a NIC, in place of any before it.
    func commands(table: String, hostName: String) -> [JSONValue] {
        let name = Self.chain(hostName)
        let chain: JSONValue = [
            "family": "netdev", "table": .string(table), "name": .string(name), "type": "filter", "hook": "ingress",
            "dev": .string(hostName), "prio": 0, "policy": "accept",
        ]
        let reference: JSONValue = ["family": "netdev", "table": .string(table), "name": .string(name)]
        return [["add": ["chain": chain]], ["flush": ["chain": reference]]]
            + rules.map { expressions in
                let rule: JSONValue = [
                    "family": "netdev", "table": .string(table), "chain": .string(name), "expr": .array(expressions),
                ]
                return ["add": ["rule": rule]]
            }
    }

    /// The limits among the rules of a chain, as nft lists it.
    static func limits(in listing: JSONValue) -> (bytesPerSecond: Int64?, priority: Int64?) {
        var found: (bytesPerSecond: Int64?, priority: Int64?) = (nil, nil)
        for expression in (listing["nftables"]?.elements ?? []).flatMap({ $0["rule"]?["expr"]?.elements ?? [] }) {
            if let limit = expression["limit"], let rate = limit["rate"]?.integer {
                let unit: [String: Int64] = ["kbytes": 1024, "mbytes": 1024 * 1024]
                found.bytesPerSecond = rate * (unit[limit["rate_unit"]?.text ?? ""] ?? 1)
            }
            if let mangle = expression["mangle"], mangle["key"]?["meta"]?["key"]?.text == "priority" {
                // A number, or with an older nft the two halves of it.
                let parts = mangle["value"]?.text?.split(separator: ":", omittingEmptySubsequences: false)
                    .map { $0.isEmpty ? 0 : Int64($0, radix: 16) ?? 0 }
                found.priority = mangle["value"]?.integer ?? parts.map { $0.reduce(0) { $0 << 16 | $1 } }
            }
        }
        return found
    }

    private var rules: [[JSONValue]] {
        var rules: [[JSONValue]] = []
        if let filter { rules += filter.rules }
        if let bytesPerSecond {
            // Beside what the kernel adds, which is a second's worth (nft_limit.c). A packet of a guest's can be 64 KiB:
            // segments are made later.
            let burst = Int64(65536 + 1514)
            let limit: JSONValue = [
                "rate": .int(Int64(clamping: bytesPerSecond)), "rate_unit": "bytes", "per": "second",
                "burst": .int(burst), "burst_unit": "bytes", "inv": true,
            ]
            rules.append([["limit": limit], NFT.drop])
        }
        if let priority {
            // Not the 1:2 of a discipline's class, as nft would write it: the bare number.
            rules.append([["mangle": ["key": NFT.meta("priority"), "value": .int(Int64(priority))]]])
        }
        return rules
    }
}

extension NICFilter {
    /// First what is about hardware addresses, which nothing that follows excuses from.
    fileprivate var rules: [[JSONValue]] {
        var rules: [[JSONValue]] = []
        if let hardwareAddress { rules += Self.hardware(hardwareAddress) }
        if ipv4 != nil || ipv6 != nil {
            // Behind a tag everything else would be hidden from those who look, and not from those it is for.
            rules.append([NFT.match(NFT.payload("ether", "type"), ["set": [0x8100, 0x88a8, 0x9100]]), NFT.drop])
        }
        if let ipv4 { rules += Self.ipv4(ipv4, hardwareAddress) }
        if let ipv6 { rules += Self.ipv6(ipv6, hardwareAddress) }
        return rules
    }

    private static func isProtocol(_ name: String) -> JSONValue { NFT.match(NFT.meta("protocol"), .string(name)) }
    /// Bits of the transport's header: behind IPv6's extension headers as well.
    private static func transport(_ offset: Int64, _ length: Int64) -> JSONValue {
        ["payload": ["base": "th", "offset": .int(offset), "len": .int(length)]]
    }
    private static func number(_ address: MACAddress) -> JSONValue {
        .int(address.bytes.reduce(Int64(0)) { $0 << 8 | Int64($1) })
    }
    private static func icmp6(_ types: [Int64]) -> [JSONValue] {
        [
            isProtocol("ip6"), NFT.match(NFT.meta("l4proto"), 58),
            NFT.match(transport(0, 8), types.count == 1 ? .int(types[0]) : ["set": .array(types.map { .int($0) })]),
        ]
    }

    private static func hardware(_ address: MACAddress) -> [[JSONValue]] {
        [
            [NFT.match(NFT.payload("ether", "saddr"), .string("\(address)"), "!="), NFT.drop],
            // The sender's addresses of ARP lie where the lengths say: only those of Ethernet and IPv4.
            [isProtocol("arp"), NFT.match(NFT.payload("arp", "hlen"), 6, "!="), NFT.drop],
            [isProtocol("arp"), NFT.match(NFT.payload("arp", "plen"), 4, "!="), NFT.drop],
            [isProtocol("arp"), NFT.match(NFT.payload("arp", "saddr ether"), .string("\(address)"), "!="), NFT.drop],
            // Neighbour solicitations and advertisements (RFC 4861): one option at most, in its place, about itself.
            icmp6([135, 136]) + [NFT.match(NFT.payload("ip6", "length"), 32, ">"), NFT.drop],
            icmp6([135, 136]) + [
                NFT.match(transport(192, 8), ["set": [1, 2]]), NFT.match(transport(208, 48), number(address), "!="),
                NFT.drop,
            ],
            icmp6([133]) + [
                NFT.match(transport(64, 8), 1), NFT.match(transport(80, 48), number(address), "!="), NFT.drop,
            ],
        ]
    }

    private static func ipv4(_ allowed: [AddressRange], _ hardwareAddress: MACAddress?) -> [[JSONValue]] {
        if allowed.isEmpty { return [[isProtocol("arp"), NFT.drop], [isProtocol("ip"), NFT.drop]] }
        let unspecified = "0.0.0.0"
        var rules: [[JSONValue]] = [
            // To ask whether an address is in use says nothing of one's own (RFC 5227).
            [
                isProtocol("arp"), NFT.match(NFT.payload("arp", "saddr ip"), .string(unspecified)),
                NFT.match(NFT.payload("arp", "operation"), "request"), NFT.accept,
            ]
        ]
        for range in allowed {
            rules.append([isProtocol("arp"), inRange(NFT.payload("arp", "saddr ip"), range), NFT.accept])
        }
        rules.append([isProtocol("arp"), NFT.drop])
        // A guest is nobody's DHCP server, and asks for itself.
        rules.append([isProtocol("ip"), NFT.match(NFT.payload("udp", "sport"), 67), NFT.drop])
        if let hardwareAddress {
            rules.append([
                isProtocol("ip"), NFT.match(NFT.payload("udp", "dport"), 67),
                NFT.match(transport(288, 48), number(hardwareAddress), "!="), NFT.drop,
            ])
        }
        let isAllowed = allowed.map { inRange(NFT.payload("ip", "saddr"), $0, "!=") }
        rules.append(
            [
                isProtocol("ip"), NFT.match(NFT.payload("ip", "saddr"), .string(unspecified), "!="),
            ] + isAllowed + [NFT.drop])
        // Who has no address yet can only ask for one.
        rules.append([
            isProtocol("ip"), NFT.match(NFT.payload("ip", "saddr"), .string(unspecified)),
            NFT.match(NFT.payload("ip", "daddr"), "255.255.255.255", "!="), NFT.drop,
        ])
        rules.append([
            isProtocol("ip"), NFT.match(NFT.payload("ip", "saddr"), .string(unspecified)),
            NFT.match(NFT.meta("l4proto"), 17, "!="), NFT.drop,
        ])
        rules.append([
            isProtocol("ip"), NFT.match(NFT.payload("ip", "saddr"), .string(unspecified)),
            NFT.match(NFT.payload("udp", "dport"), 67, "!="), NFT.drop,
        ])
        return rules
    }

    private static func ipv6(_ allowed: [AddressRange], _ hardwareAddress: MACAddress?) -> [[JSONValue]] {
        if allowed.isEmpty { return [[isProtocol("ip6"), NFT.drop]] }
        var own = allowed
        if let hardwareAddress, let link = IPv6Subnet(configText: "fe80::/64")?.address(of: hardwareAddress),
            let range = AddressRange(.v6(link), .v6(link))
        {
            own.append(range)
        }
        var rules: [[JSONValue]] = [
            // A guest is nobody's router and nobody's DHCP server.
            icmp6([134, 137]) + [NFT.drop],
            [isProtocol("ip6"), NFT.match(NFT.payload("udp", "sport"), 547), NFT.drop],
        ]
        // What it says it has must be its own, and said from its own.
        rules.append(
            icmp6([136]) + own.map { inRange(NFT.payload("ip6", "saddr"), $0, "!=") } + [NFT.drop])
        for range in own where range.first == range.last {
            let words = groups(range.first)
            rules.append(
                icmp6([136])
                    + words.enumerated().map { NFT.match(transport(Int64(64 + 32 * $0.offset), 32), .int($0.element)) }
                    + [NFT.accept])
        }
        rules += routedAdvertisements(own)
        rules.append(icmp6([136]) + [NFT.drop])
        // Who has no address yet asks whether one is free, and tells which groups it listens to (RFC 4862, 3810).
        rules.append(icmp6([131, 132, 135, 143]) + [NFT.match(NFT.payload("ip6", "saddr"), "::"), NFT.accept])
        // From a link-local address of another kind it can look for routers and for an address.
        let isLocal = NFT.match(NFT.payload("ip6", "saddr"), NFT.prefix("fe80::", 10))
        rules.append(icmp6([131, 132, 133, 143]) + [isLocal, NFT.accept])
        rules.append([
            isProtocol("ip6"), isLocal, NFT.match(NFT.payload("ip6", "daddr"), "ff02::1:2"),
            NFT.match(NFT.payload("udp", "dport"), 547), NFT.accept,
        ])
        rules.append(
            [isProtocol("ip6")] + own.map { inRange(NFT.payload("ip6", "saddr"), $0, "!=") } + [NFT.drop])
        return rules
    }

    /// Advertisements about the networks behind it: whole groups of 32 bits of their prefix are compared.
    private static func routedAdvertisements(_ own: [AddressRange]) -> [[JSONValue]] {
        own.filter { $0.first != $0.last }.map { range in
            let (first, last) = (groups(range.first), groups(range.last))
            var match: [JSONValue] = []
            for (index, pair) in zip(first, last).enumerated() {
                let place = transport(Int64(64 + 32 * index), 32)
                if pair.0 == pair.1 {
                    match.append(NFT.match(place, .int(pair.0)))
                } else {
                    match.append(NFT.match(place, ["range": [.int(pair.0), .int(pair.1)]]))
                    break
                }
            }
            return icmp6([136]) + match + [NFT.accept]
        }
    }

    private static func inRange(_ field: JSONValue, _ range: AddressRange, _ operation: String = "==") -> JSONValue {
        range.first == range.last
            ? NFT.match(field, .string("\(range.first)"), operation)
            : NFT.match(field, ["range": [.string("\(range.first)"), .string("\(range.last)")]], operation)
    }
}

extension NICFilter {
    /// An IPv6 address as four numbers of 32 bits.
    fileprivate static func groups(_ address: IPAddress) -> [Int64] {
        let bytes = address.bytes
        return stride(from: 0, to: bytes.count, by: 4).map { start in
            bytes[start..<min(start + 4, bytes.count)].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        }
    }
}
