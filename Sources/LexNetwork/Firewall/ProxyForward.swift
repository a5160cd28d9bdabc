package import LexAPI

/// A proxy device that the kernel carries out: packets to a port of the host's go on to an instance.
package struct ProxyForward: Sendable, Equatable {
    /// `tcp` or `udp`.
    package var transport: String
    /// The address of the host's.
    package var listen: IPAddress
    /// The ports there.
    package var ports: [UInt16]
    /// The instance's address.
    package var target: IPAddress
    /// The ports there: one, or as many as `ports`.
    package var targetPorts: [UInt16]
    /// Who would answer the target directly, and so must seem to be the host: the target itself, or its network.
    package var neighbours: AddressRange

    package init(
        transport: String, listen: IPAddress, ports: [UInt16], target: IPAddress, targetPorts: [UInt16],
        neighbours: AddressRange
    ) {
        self.transport = transport
        self.listen = listen
        self.ports = ports
        self.target = target
        self.targetPorts = targetPorts
        self.neighbours = neighbours
    }

    /// Whether both want the same packets.
    func overlaps(_ other: ProxyForward) -> Bool {
        transport == other.transport && listen == other.listen && !Set(ports).isDisjoint(with: other.ports)
    }

    private var family: String { NFT.family(listen.isIPv6) }

    /// What gives packets to the listen address their target.
    var destinations: [[JSONValue]] {
        let isTo = NFT.match(NFT.payload(family, "daddr"), .string("\(listen)"))
        var members: [String: JSONValue] = ["family": .string(family), "addr": .string("\(target)")]
        if targetPorts.count == 1, let port = targetPorts.first {
            members["port"] = .int(Int64(port))
        } else if targetPorts != ports {
            let pairs = zip(ports, targetPorts).map { JSONValue.array([.int(Int64($0)), .int(Int64($1))]) }
            members["port"] = ["map": ["key": NFT.payload(transport, "dport"), "data": ["set": .array(pairs)]]]
        }
        let ranges = PortRange.merged(ports.compactMap { PortRange($0, $0) })
        return [[isTo, NFT.port(transport, "dport", in: ranges), ["dnat": .object(members)]]]
    }

    /// What has the target answer the host when one of its neighbours, or it itself, comes by the listen address.
    var hairpin: [JSONValue] {
        [
            NFT.address("saddr", in: [neighbours], isIPv6: target.isIPv6),
            NFT.match(NFT.payload(family, "daddr"), .string("\(target)")), NFT.conntrack("status", "dnat"),
            NFT.masquerade,
        ]
    }
}
