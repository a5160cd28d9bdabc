import CLexLinux
import LexAPI

/// What the driver of a network interface says of its plug and cable.
struct PortSettings {
    private(set) var modes: [String] = []
    private(set) var ports: [String] = []
    private(set) var port: String?
    private(set) var transceiver: String?
    private(set) var isNegotiated = false
    private(set) var firmware: String?

    /// Asks the driver of an interface of this machine; nil when there is no such interface.
    init?(_ name: String) {
        var settings = lex_port_settings()
        guard lex_read_port_settings(name, &settings) == 0 else { return nil }
        self.init(settings)
    }

    init(_ settings: lex_port_settings) {
        let firmware = withUnsafeBytes(of: settings.firmware) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }.filter { (32..<127).contains($0) }, as: UTF8.self)
        }
        self.firmware = firmware.isEmpty || firmware == "N/A" ? nil : firmware
        guard settings.has_settings != 0 else { return }
        isNegotiated = settings.autonegotiation == 1
        port = Self.plugs[settings.port]
        transceiver = [0: "internal", 1: "external"][settings.transceiver]
        modes = Self.names(Self.modeBits, in: settings.supported)
        ports = Self.names(Self.portBits, in: settings.supported)
    }

    private static func names(_ table: [(bit: UInt32, name: String)], in bits: UInt32) -> [String] {
        table.filter { bits & (1 << $0.bit) != 0 }.map(\.name)
    }

    // ethtool.h: PORT_*, ETHTOOL_LINK_MODE_*_BIT.
    private static let plugs: [UInt8: String] = [
        0x00: "twisted pair", 0x01: "AUI", 0x02: "media-independent", 0x03: "fibre", 0x04: "BNC",
        0x05: "direct attach", 0xef: "none", 0xff: "other",
    ]
    private static let modeBits: [(bit: UInt32, name: String)] = [
        (0, "10baseT/Half"), (1, "10baseT/Full"), (2, "100baseT/Half"), (3, "100baseT/Full"), (4, "1000baseT/Half"),
        (5, "1000baseT/Full"), (12, "10000baseT/Full"), (15, "2500baseX/Full"), (17, "1000baseKX/Full"),
        (18, "10000baseKX4/Full"), (19, "10000baseKR/Full"), (21, "20000baseMLD2/Full"), (22, "20000baseKR2/Full"),
        (23, "40000baseKR4/Full"), (24, "40000baseCR4/Full"), (25, "40000baseSR4/Full"), (26, "40000baseLR4/Full"),
        (27, "56000baseKR4/Full"), (28, "56000baseCR4/Full"), (29, "56000baseSR4/Full"), (30, "56000baseLR4/Full"),
    ]
    private static let portBits: [(bit: UInt32, name: String)] = [
        (7, "twisted pair"), (8, "AUI"), (9, "media-independent"), (10, "fibre"), (11, "BNC"), (16, "backplane"),
    ]
}

extension Resources.Network.Port {
    /// Adds what the driver says; answers the version of the firmware.
    mutating func add(_ settings: PortSettings) -> String? {
        supportedModes = settings.modes.isEmpty ? nil : settings.modes
        supportedPorts = settings.ports.isEmpty ? nil : settings.ports
        portType = settings.port
        transceiverType = settings.transceiver
        autoNegotiation = settings.isNegotiated
        return settings.firmware
    }
}
