/// The options of a device of type `disk` that is an instance's root.
public struct DiskKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: disk.")
    /// Where it is mounted inside.
    public let path = ConfigKey<ConfigLine>("path", effect: .onRestart, "Where it is mounted inside the instance.")
    /// The pool it lies in.
    public let pool = ConfigKey<ConfigLine>("pool", effect: .atCreation, "The storage pool it lies in.")
    /// All of them.
    public init() {}
}

/// The options of a device of type `nic` with `nictype` `bridged`, or with a managed `network`.
public struct NICKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: nic.")
    /// The managed network.
    public let network = ConfigKey<ConfigLine>("network", effect: .onRestart, "The managed network it belongs to.")
    /// The kind of interface.
    public let nictype = ConfigKey<ConfigLine>(
        "nictype", effect: .onRestart, "The kind of interface, where no managed network says it: bridged.",
        check: { $0.text == "bridged" ? nil : "bridged" })
    /// The bridge on the host.
    public let parent = ConfigKey<ConfigLine>(
        "parent", effect: .onRestart, "The bridge on the host it is put into.", check: NICKeys.interface)
    /// Its name inside.
    public let name = ConfigKey<ConfigLine>(
        "name", effect: .onRestart, "Its name inside the instance.", check: NICKeys.interface)
    /// Its name on the host.
    public let hostName = ConfigKey<ConfigLine>(
        "host_name", effect: .onRestart, "The name of its other end on the host.", check: NICKeys.interface)
    /// Its hardware address.
    public let hwaddr = ConfigKey<MACAddress>("hwaddr", effect: .onRestart, "Its hardware address.")
    /// The largest packet.
    public let mtu = ConfigKey<Int64>(
        "mtu", effect: .onRestart, "The largest packet it takes, in bytes.",
        check: { $0 >= 68 && $0 <= 65535 ? nil : "from 68 to 65535" })
    /// A fixed address.
    public let ipv4Address = ConfigKey<IPv4Address>(
        "ipv4.address", effect: .onRestart, "The IPv4 address it is always given on its managed network.")
    /// All of them.
    public init() {}

    private static let interface: @Sendable (ConfigLine) -> String? = { line in
        (try? ObjectName.validateInterface(line.text)) == nil
            ? "the name of an interface: 2 to 15 letters, digits, \"-\", \"_\" and \".\"" : nil
    }
}

/// The hardware address of an Ethernet interface.
public struct MACAddress: ConfigValue, Hashable, CustomStringConvertible {
    /// Six bytes.
    public let bytes: [UInt8]

    /// Six pairs of hexadecimal digits with colons; not a group address.
    public init?(configText: String) {
        let parts = configText.split(separator: ":", omittingEmptySubsequences: false)
        // Two digits: the initialiser alone would also take a sign and one.
        let bytes = parts.compactMap { part in
            part.utf8.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil
        }
        guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0 else { return nil }
        self.bytes = bytes
    }
    /// Six given bytes; nil when they are not six.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }
    /// Lower-case hexadecimal digits with colons.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
    /// In the words of an error message.
    public static var allowedText: String { "a hardware address such as 00:16:3e:12:34:56" }
    /// In the manual.
    public static var typeName: String { "hardware address" }
}
