package import LexAPI

/// What is passed on to instances from one address of the outside.
package struct PacketForward: Sendable, Equatable {
    /// The address.
    package var listen: IPAddress
    /// Where everything goes that no port says otherwise of; nil for nowhere.
    package var target: IPAddress?
    /// Where the packets to some ports go.
    package var ports: [Ports]

    /// The packets to some ports.
    package struct Ports: Sendable, Equatable {
        /// `tcp` or `udp`.
        package var transport: String
        /// The ports they come to.
        package var listen: [PortRange]
        /// Where they go.
        package var target: IPAddress
        /// The port there for all, or as many as `listen` has; empty for the same.
        package var targetPorts: [PortRange]
    }

    /// Reads a forward of a network with these subnets. Throws a 400 in LXD's words where it does not fit.
    package init(
        listen: IPAddress, config: [String: String], ports: [NetworkForward.Port], ipv4: IPv4Subnet?, ipv6: IPv6Subnet?
    ) throws(APIError) {
        self.listen = listen
        let config = Config<NetworkForwardKeys>(config)
        try config.validate { "Invalid option \"\($0)\"" }
        func isInside(_ address: IPAddress) -> Bool {
            switch address {
            case .v4(let address): ipv4?.contains(address) == true
            case .v6(let address): ipv6?.contains(address) == true
            }
        }
        target = try config[\.targetAddress]
        if let target {
            guard target.isIPv6 == listen.isIPv6 else {
                throw Self.refuse("Cannot mix IP versions in listen address and default target address")
            }
            guard isInside(target) else { throw Self.refuse("Default target address is not within the network subnet") }
        }
        self.ports = []
        var taken: [String: Set<UInt16>] = [:]
        for (index, port) in ports.enumerated() {
            let read = try Ports(port, index: index)
            guard read.target.isIPv6 == listen.isIPv6 else {
                throw Self.refuse(
                    "Cannot mix IP versions in listen address and port specification \(index) target address")
            }
            guard isInside(read.target) else {
                throw Self.refuse("Target address is not within the network subnet in port specification \(index)")
            }
            guard read.target != target else {
                throw Self.refuse("Target address is same as default target address in port specification \(index)")
            }
            for number in read.listen.flatMap(\.ports)
            where !taken[read.transport, default: []].insert(number).inserted {
                throw Self.refuse(
                    "Duplicate listen port \(number) for protocol \"\(read.transport)\" in port specification \(index)")
            }
            self.ports.append(read)
        }
    }

    fileprivate static func refuse(_ why: String) -> APIError { .badRequest(why) }
}

extension PacketForward.Ports {
    fileprivate init(_ port: NetworkForward.Port, index: Int) throws(APIError) {
        func refuse(_ why: String) -> APIError { PacketForward.refuse(why) }
        guard ["tcp", "udp"].contains(port.protocol) else {
            throw refuse(
                "Invalid port protocol in port specification \(index), protocol must be one of: tcp, udp")
        }
        guard let target = IPAddress(configText: port.targetAddress) else {
            throw refuse("Invalid target address in port specification \(index)")
        }
        guard let listen = ConfigList<PortRange>(configText: port.listenPort)?.elements else {
            throw refuse("Invalid listen port in port specification \(index): it must be ports such as 80,90-100")
        }
        var targetPorts: [PortRange] = []
        if !port.targetPort.isEmpty {
            guard let read = ConfigList<PortRange>(configText: port.targetPort)?.elements else {
                throw refuse("Invalid target port in port specification \(index): it must be ports such as 80,90-100")
            }
            targetPorts = read
        }
        let (from, to) = (listen.reduce(0) { $0 + $1.count }, targetPorts.reduce(0) { $0 + $1.count })
        guard to <= 1 || to == from else {
            throw refuse("Mismatch of listen port(s) and target port(s) count in port specification \(index)")
        }
        self.init(transport: port.protocol, listen: listen, target: target, targetPorts: targetPorts)
    }
}
