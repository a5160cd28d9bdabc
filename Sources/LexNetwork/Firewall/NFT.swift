import LexAPI

/// The words of nftables' JSON that rules are made of (libnftables-json(5)).
enum NFT {
    static let accept: JSONValue = ["accept": .null]
    static let drop: JSONValue = ["drop": .null]
    static let reject: JSONValue = ["reject": ["type": "icmpx", "expr": "port-unreachable"]]
    static let masquerade: JSONValue = ["masquerade": .null]

    static func interface(_ key: String, _ name: String, _ operation: String = "==") -> JSONValue {
        match(meta(key), .string(name), operation)
    }
    static func meta(_ key: String) -> JSONValue { ["meta": ["key": .string(key)]] }
    static func match(_ left: JSONValue, _ right: JSONValue, _ operation: String = "==") -> JSONValue {
        ["match": ["op": .string(operation), "left": left, "right": right]]
    }
    static func payload(_ protocolName: String, _ field: String) -> JSONValue {
        ["payload": ["protocol": .string(protocolName), "field": .string(field)]]
    }
    static func family(_ isIPv6: Bool) -> String { isIPv6 ? "ip6" : "ip" }
    static func isFamily(_ isIPv6: Bool) -> JSONValue { match(meta("nfproto"), isIPv6 ? "ipv6" : "ipv4") }
    static func prefix(_ address: String, _ length: UInt32) -> JSONValue {
        ["prefix": ["addr": .string(address), "len": .int(Int64(length))]]
    }
    static func subnet(_ subnet: IPv4Subnet) -> JSONValue { prefix("\(subnet.network)", subnet.prefix) }
    static func subnet(_ subnet: IPv6Subnet) -> JSONValue { prefix("\(subnet.firstAddress)", subnet.prefix) }
    static func jump(_ chain: String) -> JSONValue { ["jump": ["target": .string(chain)]] }
    static func log(_ prefix: String) -> JSONValue { ["log": ["prefix": .string(prefix)]] }
    /// Whether conntrack says one of these of a packet.
    static func conntrack(_ key: String, _ words: JSONValue, _ operation: String = "in") -> JSONValue {
        match(["ct": ["key": .string(key)]], words, operation)
    }

    /// Matches an address of a packet against ranges of one family.
    static func address(_ field: String, in ranges: [AddressRange], isIPv6: Bool) -> JSONValue {
        let elements = ranges.filter { $0.isIPv6 == isIPv6 }.map { range -> JSONValue in
            range.first == range.last
                ? .string("\(range.first)") : ["range": [.string("\(range.first)"), .string("\(range.last)")]]
        }
        return match(payload(family(isIPv6), field), one(of: elements))
    }
    /// Matches a port of a packet.
    static func port(_ transport: String, _ field: String, in ranges: [PortRange]) -> JSONValue {
        let elements = ranges.map { range -> JSONValue in
            range.first == range.last
                ? .int(Int64(range.first)) : ["range": [.int(Int64(range.first)), .int(Int64(range.last))]]
        }
        return match(payload(transport, field), one(of: elements))
    }
    private static func one(of elements: [JSONValue]) -> JSONValue {
        elements.count == 1 ? elements[0] : ["set": .array(elements)]
    }
}

/// One chain of a table, with its rules.
struct NFTChain {
    /// Its name.
    var name: String
    /// Where in the kernel it sits; nil for one that others jump to.
    var hook: (type: String, hook: String, priority: Int64)?
    /// Its rules, each a list of expressions.
    var rules: [[JSONValue]]

    /// The command that makes it.
    func declaration(table: String) -> JSONValue {
        var members: [String: JSONValue] = ["family": "inet", "table": .string(table), "name": .string(name)]
        if let hook {
            members["type"] = .string(hook.type)
            members["hook"] = .string(hook.hook)
            members["prio"] = .int(hook.priority)
            members["policy"] = "accept"
        }
        return ["add": ["chain": .object(members)]]
    }
    /// The commands that fill it.
    func content(table: String) -> [JSONValue] {
        rules.map { expressions in
            let rule: JSONValue = [
                "family": "inet", "table": .string(table), "chain": .string(name), "expr": .array(expressions),
            ]
            return ["add": ["rule": rule]]
        }
    }
}
