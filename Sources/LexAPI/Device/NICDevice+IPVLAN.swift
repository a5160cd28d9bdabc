extension NICDevice {
    /// What is particular to an ipvlan interface.
    public struct IPVLAN: Sendable, Equatable {
        /// Whether the host passes its packets on by their addresses (`l3s`), or it is on the parent's wire itself (`l2`).
        public let isRouted: Bool
        /// Its addresses.
        public let addresses: [InterfaceAddress]
        /// Its way out for IPv4; nil for none.
        public let ipv4Gateway: Gateway?
        /// Its way out for IPv6; nil for none.
        public let ipv6Gateway: Gateway?
        /// A further table for its routes.
        public let ipv4Table: UInt32?
        /// A further table for its routes.
        public let ipv6Table: UInt32?

        /// An address with the length of its network's prefix.
        public struct InterfaceAddress: Sendable, Equatable {
            /// The address.
            public let address: IPAddress
            /// The length of the prefix.
            public let prefix: UInt8
        }

        /// A way out.
        public enum Gateway: Sendable, Equatable {
            /// The interface itself.
            case interface
            /// By this machine.
            case address(IPAddress)
        }
    }
}

extension NICDevice.IPVLAN {
    init(_ keys: Config<IPVLANNICKeys>, _ refuse: (String) -> APIError) throws(APIError) {
        let isRouted = try keys[\.mode]?.text != "l2"
        let own = try (keys[\.ipv4Address]?.elements ?? []) + (keys[\.ipv6Address]?.elements ?? [])
        if isRouted, let wrong = own.first(where: { $0.prefix != nil }) {
            throw refuse("the address \(wrong) has a prefix, which belongs to mode=l2 alone")
        }
        guard Set(own.map(\.address)).count == own.count else { throw refuse("an address is given twice") }
        self.isRouted = isRouted
        addresses = own.map { given in
            let usual: UInt8 = given.address.isIPv6 ? (isRouted ? 128 : 64) : (isRouted ? 32 : 24)
            return InterfaceAddress(address: given.address, prefix: given.prefix ?? usual)
        }
        ipv4Gateway = try Self.gateway(keys[\.ipv4Gateway]?.text, isRouted, "ipv4", refuse)
        ipv6Gateway = try Self.gateway(keys[\.ipv6Gateway]?.text, isRouted, "ipv6", refuse)
        ipv4Table = try keys[\.ipv4HostTable].map { UInt32(clamping: $0) }
        ipv6Table = try keys[\.ipv6HostTable].map { UInt32(clamping: $0) }
    }

    private static func gateway(
        _ text: String?, _ isRouted: Bool, _ family: String, _ refuse: (String) -> APIError
    ) throws(APIError) -> Gateway? {
        let address = text.flatMap { IPAddress(configText: $0) }
        if isRouted {
            guard address == nil else { throw refuse("in mode l3s \(family).gateway must be auto or none") }
            return text == "none" ? nil : .interface
        }
        guard let text else { return nil }
        guard let address else { throw refuse("in mode l2 \(family).gateway must be an address, not \(text)") }
        return .address(address)
    }
}

/// An address that may say the length of its network's prefix.
public struct AddressOfInterface: ConfigValue, Hashable, CustomStringConvertible {
    /// The address.
    public let address: IPAddress
    /// The length of the prefix, where it is said.
    public let prefix: UInt8?

    /// An address, or one with a slash and a number.
    public init?(configText: String) {
        if let address = IPAddress(configText: configText) {
            (self.address, prefix) = (address, nil)
        } else if let subnet = IPv4Subnet(configText: configText), subnet.prefix > 0 {
            (address, prefix) = (.v4(subnet.address), UInt8(clamping: subnet.prefix))
        } else if let subnet = IPv6Subnet(configText: configText), subnet.prefix > 0 {
            (address, prefix) = (.v6(subnet.address), UInt8(clamping: subnet.prefix))
        } else {
            return nil
        }
    }
    /// As it is written.
    public var description: String { prefix.map { "\(address)/\($0)" } ?? "\(address)" }
    /// In the words of an error message.
    public static var allowedText: String { "an IP address, or one with its prefix such as 192.0.2.7/24" }
    /// In the manual.
    public static var typeName: String { "IP address" }
}
