package import LexAPI

/// A tunnel to another host that is put into a bridge.
package struct TunnelSettings: Sendable, Equatable {
    /// Its name, the part behind the network's in that of its interface.
    package var name: String
    /// How packets are wrapped.
    package var kind: Kind
    /// The address of this end; nil for a vxlan whose ends find each other.
    package var local: IPAddress?
    /// The address of the other end.
    package var remote: IPAddress?

    /// How packets are wrapped.
    package enum Kind: Sendable, Equatable {
        /// In GRE, with Ethernet headers.
        case gre
        /// In UDP.
        case vxlan(id: UInt32, port: UInt16, group: IPAddress?, interface: String?, ttl: UInt8)
    }

    /// The tunnels of a configuration, by name. Throws a 400 for one that is not whole.
    static func all(in config: Config<BridgeKeys>) throws(APIError) -> [TunnelSettings] {
        var tunnels: [String: [TunnelKey.Setting: String]] = [:]
        for (key, value) in config.values where key.hasPrefix("tunnel.") && !value.isEmpty {
            guard let key = TunnelKey(String(key.dropFirst("tunnel.".count))) else { continue }
            tunnels[key.name, default: [:]][key.setting] = value
        }
        var result: [TunnelSettings] = []
        for (name, values) in tunnels.sorted(by: { $0.key < $1.key }) {
            result.append(try TunnelSettings(name, values))
        }
        return result
    }

    private init(_ name: String, _ values: [TunnelKey.Setting: String]) throws(APIError) {
        func read<Value: ConfigValue>(_ setting: TunnelKey.Setting, _: Value.Type) throws(APIError) -> Value? {
            guard let text = values[setting] else { return nil }
            return try ConfigKey<Value>("tunnel.\(name).\(setting.rawValue)", effect: .live, "").parse(text)
        }
        func number(_ setting: TunnelKey.Setting, _ range: ClosedRange<Int64>, _ usual: Int64) throws(APIError) -> Int64
        {
            let number = try read(setting, Int64.self) ?? usual
            guard range.contains(number) else {
                throw .badRequest(
                    "Invalid value for \"tunnel.\(name).\(setting.rawValue)\": \(number) must be from "
                        + "\(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        self.name = name
        local = try read(.local, IPAddress.self)
        remote = try read(.remote, IPAddress.self)
        guard (local == nil) == (remote == nil), local?.isIPv6 == remote?.isIPv6 else {
            throw .badRequest(
                "Invalid tunnel \"\(name)\": it needs both tunnel.\(name).local and tunnel.\(name).remote, of one family"
            )
        }
        switch values[.protocol] {
        case "vxlan":
            let group = try read(.group, IPAddress.self)
            kind = .vxlan(
                id: UInt32(clamping: try number(.id, 1...(1 << 24) - 1, 1)),
                port: UInt16(clamping: try number(.port, 1...65535, remote == nil ? 8472 : 4789)),
                group: remote == nil ? group ?? .v4(IPv4Address(0xef00_0001)) : nil,
                interface: try read(.interface, InterfaceName.self)?.text,
                ttl: UInt8(clamping: try number(.ttl, 1...255, 1)))
        case "gre":
            guard remote != nil else {
                throw .badRequest(
                    "Invalid tunnel \"\(name)\": a gre tunnel needs tunnel.\(name).local and tunnel.\(name).remote")
            }
            kind = .gre
        default:
            throw .badRequest("Invalid value for \"tunnel.\(name).protocol\": it must be vxlan or gre")
        }
    }
}
