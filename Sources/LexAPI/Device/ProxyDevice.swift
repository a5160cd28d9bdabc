/// The options of a device of type `proxy`.
public struct ProxyKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: proxy.")
    /// Where it waits.
    public let listen = ConfigKey<ProxyAddress>(
        "listen", effect: .live, "Where it waits for connections: TYPE:ADDRESS:PORT[-PORT][,PORT].")
    /// Where it goes on to.
    public let connect = ConfigKey<ProxyAddress>(
        "connect", effect: .live, "Where it passes them on to: TYPE:ADDRESS:PORT[-PORT][,PORT].")
    /// On which side it waits.
    public let bind = ConfigKey<ProxyDevice.Side>(
        "bind", default: "host", effect: .live, "On which side it waits: host or instance.")
    /// Who may connect.
    public let mode = ConfigKey<FileMode>(
        "mode", default: "0644", effect: .live, "The mode of the Unix socket it waits at.")
    /// Whose the socket is.
    public let uid = ConfigKey<Int64>(
        "uid", default: "0", effect: .live, "The user the Unix socket it waits at belongs to.", check: ProxyKeys.id)
    /// Whose the socket is.
    public let gid = ConfigKey<Int64>(
        "gid", default: "0", effect: .live, "The group the Unix socket it waits at belongs to.", check: ProxyKeys.id)
    /// Who connects.
    public let securityUID = ConfigKey<Int64>(
        "security.uid", effect: .live, "The user it connects as.", check: ProxyKeys.id)
    /// Who connects.
    public let securityGID = ConfigKey<Int64>(
        "security.gid", effect: .live, "The group it connects as.", check: ProxyKeys.id)
    /// In the kernel.
    public let nat = ConfigKey<Bool>(
        "nat", default: "false", effect: .live,
        "Whether the host's kernel passes packets on; the instance then needs a fixed address.")
    /// Who it was.
    public let proxyProtocol = ConfigKey<Bool>(
        "proxy_protocol", default: "false", effect: .live,
        "Whether it begins each connection with a line that tells who connected, as HAProxy does.")
    /// All of them.
    public init() {}

    private static let id: @Sendable (Int64) -> String? = {
        $0 >= 0 && $0 < Int64(UInt32.max) ? nil : "from 0 to 4294967294"
    }
}

/// A device that passes connections on between host and instance, read and checked.
public struct ProxyDevice: Sendable, Equatable {
    /// Where it waits.
    public let listen: ProxyAddress
    /// Where it passes them on to.
    public let connect: ProxyAddress
    /// On which side it waits.
    public let bind: Side
    /// Whether the kernel does it.
    public let isNAT: Bool
    /// Whether each connection begins with who it was.
    public let tellsWho: Bool
    /// The mode of its socket.
    public let mode: UInt32
    /// The owner of its socket.
    public let owner: (user: UInt32, group: UInt32)
    /// Whom it connects as; nil for root.
    public let user: UInt32?
    /// Whom it connects as; nil for root.
    public let group: UInt32?

    /// The two sides.
    public enum Side: String, ConfigValue, CaseIterable {
        /// The host.
        case host
        /// The instance.
        case instance
        /// LXD's older word for the instance.
        case guest
        /// LXD's older word for the instance.
        case container

        /// Its name.
        public init?(configText: String) { self.init(rawValue: configText) }
        /// Whether it is the instance.
        public var isInstance: Bool { self != .host }
        /// In the words of an error message.
        public static var allowedText: String { "host or instance" }
        /// In the manual.
        public static var typeName: String { "string" }
    }

    /// Compares everything.
    public static func == (left: ProxyDevice, right: ProxyDevice) -> Bool {
        left.listen == right.listen && left.connect == right.connect && left.bind.isInstance == right.bind.isInstance
            && left.isNAT == right.isNAT && left.tellsWho == right.tellsWho && left.mode == right.mode
            && left.owner == right.owner && left.user == right.user && left.group == right.group
    }
}

extension ProxyDevice {
    /// Reads a proxy. Throws a 400 that names the device and what is wrong with it.
    init(_ name: String, _ options: [String: String], unknown: (String) -> String) throws(APIError) {
        func refuse(_ why: String) -> APIError { .badRequest("Invalid device \"\(name)\": \(why)") }
        let config = Config<ProxyKeys>(options)
        try config.validate(unknown: unknown)
        guard let listen = try config[\.listen] else { throw refuse("Required option \"listen\" is missing") }
        guard let connect = try config[\.connect] else { throw refuse("Required option \"connect\" is missing") }
        self.listen = listen
        self.connect = connect
        bind = try config[\.bind] ?? .host
        isNAT = try config[\.nat] ?? false
        tellsWho = try config[\.proxyProtocol] ?? false
        mode = try config[\.mode]?.bits ?? 0o644
        owner = (UInt32(clamping: try config[\.uid] ?? 0), UInt32(clamping: try config[\.gid] ?? 0))
        user = try config[\.securityUID].map { UInt32(clamping: $0) }
        group = try config[\.securityGID].map { UInt32(clamping: $0) }
        guard connect.ends.count == 1 || connect.ends.count == listen.ends.count else {
            throw refuse(
                connect.ends.count > listen.ends.count
                    ? "Cannot map a single port to multiple ports"
                    : "connect must have one port, or as many as listen: \(listen.ends.count), not \(connect.ends.count)"
            )
        }
        if !listen.isPath, ["uid", "gid", "mode"].contains(where: { options[$0]?.isEmpty == false }) {
            throw refuse("Only proxy devices for non-abstract unix sockets can carry uid, gid, or mode properties")
        }
        if tellsWho, connect.transport != .tcp || isNAT {
            throw refuse("The PROXY header can only be sent to tcp servers in non-nat mode")
        }
        if isNAT { try checkNAT(refuse) }
        guard isNAT || listen.ends.count <= ProxyAddress.mostSockets else {
            throw refuse(
                "without nat it can have at most \(ProxyAddress.mostSockets) ports, each of them a socket: it has "
                    + "\(listen.ends.count). Set nat=true, or make several devices of it")
        }
    }

    private func checkNAT(_ refuse: (String) -> APIError) throws(APIError) {
        guard !bind.isInstance else { throw refuse("Only host-bound proxies can use NAT") }
        guard listen.transport != .unix, connect.transport == listen.transport else {
            throw refuse(
                "Proxying \(listen.transport.rawValue) <-> \(connect.transport.rawValue) is not supported when using NAT"
            )
        }
        guard let address = listen.address, !address.isWildcard else {
            throw refuse("Cannot listen on wildcard address \"\(listen.address?.description ?? "")\" when in nat mode")
        }
        if let target = connect.address, target.isIPv6 != address.isIPv6 {
            throw refuse("Cannot mix IP versions for listen and connect in nat mode")
        }
        guard user == nil, group == nil else {
            throw refuse("security.uid and security.gid mean nothing in nat mode: leave them out")
        }
    }
}

extension IPAddress {
    /// Whether it is 0.0.0.0 or ::.
    public var isWildcard: Bool {
        switch self {
        case .v4(let address): address.value == 0
        case .v6(let address): address.groups.allSatisfy { $0 == 0 }
        }
    }
}

/// One side of a proxy: `tcp:10.0.0.1:80-90,100`, `udp:[::]:53`, `unix:/run/socket`, `unix:@abstract`.
public struct ProxyAddress: ConfigValue, Hashable {
    /// How.
    public let transport: Transport
    /// The address; nil for every one to wait at, or this machine to connect to, and for Unix sockets.
    public let address: IPAddress?
    /// The ports; empty for a Unix socket.
    public let ports: [UInt16]
    /// The path of a Unix socket, with `@` before an abstract one's name.
    public let path: String

    /// How bytes go.
    public enum Transport: String, Sendable {
        /// A stream.
        case tcp
        /// Packets.
        case udp
        /// A stream on one machine.
        case unix
    }

    /// One place to wait at or to connect to; a port, or nil for a Unix socket.
    public var ends: [UInt16?] { transport == .unix ? [nil] : ports.map { $0 } }
    /// Whether it is a Unix socket with a file.
    public var isPath: Bool { transport == .unix && !path.hasPrefix("@") }

    /// A word and what belongs to it, with colons between.
    public init?(configText: String) {
        guard let colon = configText.firstIndex(of: ":"), let kind = Transport(rawValue: String(configText[..<colon]))
        else { return nil }
        transport = kind
        let rest = configText[configText.index(after: colon)...]
        if kind == .unix {
            // As many bytes as sockaddr_un(7) has room for.
            guard (2...107).contains(rest.utf8.count), rest.hasPrefix("/") || rest.hasPrefix("@"),
                rest.utf8.allSatisfy({ $0 >= 32 && $0 != 127 })
            else { return nil }
            if rest.hasPrefix("/"), rest.split(separator: "/").isEmpty { return nil }
            path = String(rest)
            address = nil
            ports = []
            return
        }
        path = ""
        guard let last = rest.lastIndex(of: ":") else { return nil }
        var host = rest[..<last]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        if host.isEmpty {
            address = nil
        } else {
            guard let read = IPAddress(configText: String(host)) else { return nil }
            address = read
        }
        guard let ranges = ConfigList<PortRange>(configText: String(rest[rest.index(after: last)...]))?.elements else {
            return nil
        }
        let all = ranges.flatMap { Array($0.ports) }
        guard all.count <= Self.mostPorts, Set(all).count == all.count else { return nil }
        ports = all
    }
    /// The most ports there can be: the kernel maps them.
    static let mostPorts = 16384
    /// The most that a process waits at.
    static let mostSockets = 4096
    /// In the words of an error message.
    public static var allowedText: String {
        "tcp:ADDRESS:PORTS, udp:ADDRESS:PORTS with ports such as 80,90-100 (at most \(mostPorts) and none twice), "
            + "unix:/PATH or unix:@NAME"
    }
    /// In the manual.
    public static var typeName: String { "string" }
}
