/// A network, or an interface of the host that lexd does not manage, as LXD's API shows it.
public struct Network: Codable, Sendable {
    /// Configuration of the network.
    public var config: [String: String]
    /// Free text.
    public var description: String
    /// The name, which is also the bridge's.
    public var name: String
    /// `bridge`, `physical`, `loopback` or `unknown`.
    public var type: String
    /// The URLs of what uses it. When there is nothing: null, as LXD has it; [] for the loopback.
    @Nullable public var usedBy: [String]?
    /// Whether lexd made it and looks after it.
    public var managed: Bool
    /// `Created`, or empty for what lexd does not manage.
    public var status: String
    /// `["none"]` for a managed network on a server that stands alone, else null.
    @Nullable public var locations: [String]?

    enum CodingKeys: String, CodingKey {
        case config, description, name, type
        case usedBy = "used_by"
        case managed, status, locations
    }

    /// Makes the value from its parts.
    public init(
        name: String, type: String, description: String, config: [String: String], usedBy: [String], managed: Bool
    ) {
        self.name = name
        self.type = type
        self.description = description
        self.config = config
        self.usedBy = usedBy.isEmpty && type != "loopback" ? nil : usedBy
        self.managed = managed
        self.status = managed ? "Created" : ""
        self.locations = managed ? ["none"] : nil
    }

    /// A network to make.
    public struct Creation: Codable, Sendable {
        /// The name, 2 to 15 characters.
        @Lenient public var name: String
        /// The kind; empty for `bridge`.
        @Lenient public var type: String
        /// Free text.
        @Lenient public var description: String
        /// Configuration of the network.
        @Lenient public var config: [String: String]

        enum CodingKeys: String, CodingKey { case name, type, description, config }

        /// Makes the value.
        public init(name: String, type: String = "bridge", description: String = "", config: [String: String] = [:]) {
            self.name = name
            self.type = type
            self.description = description
            self.config = config
        }
    }

    /// The writable part; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable, Equatable {
        /// Free text.
        @Nullable public var description: String?
        /// Configuration of the network.
        @Nullable public var config: [String: String]?

        enum CodingKeys: String, CodingKey { case description, config }

        /// Makes the value.
        public init(description: String?, config: [String: String]?) {
            self.description = description
            self.config = config
        }
    }

    /// A new name.
    public struct Rename: Codable, Sendable {
        /// The name, 2 to 15 characters.
        @Lenient public var name: String

        enum CodingKeys: String, CodingKey { case name }

        /// Makes the value.
        public init(name: String) { self.name = name }
    }

    /// An address that was given out, or the network's own.
    public struct Lease: Codable, Sendable, Equatable {
        /// The name it was given to.
        public var hostname: String
        /// The hardware address; empty for the network's own.
        public var hwaddr: String
        /// The address.
        public var address: String
        /// `gateway`, `static` or `dynamic`.
        public var type: String
        /// `none` on a server that stands alone; empty for a gateway.
        public var location: String

        /// Makes the value.
        public init(hostname: String, hwaddr: String, address: String, type: String, location: String) {
            self.hostname = hostname
            self.hwaddr = hwaddr
            self.address = address
            self.type = type
            self.location = location
        }
    }

    /// What the host's interface does at this moment (`GET /1.0/networks/NAME/state`).
    public struct State: Codable, Sendable {
        /// Its addresses.
        public var addresses: [Instance.Address]
        /// What passed through it.
        public var counters: Counters
        /// Its hardware address.
        public var hwaddr: String
        /// The largest packet in bytes.
        public var mtu: Int
        /// `up` or `down`.
        public var state: String
        /// `broadcast`, `loopback` or `unknown`.
        public var type: String
        /// For a bond, its own facts.
        @Nullable public var bond: Bond?
        /// For a bridge, its own facts.
        @Nullable public var bridge: Bridge?
        /// For a VLAN interface, its own facts.
        @Nullable public var vlan: VLAN?
        /// Always null: lexd makes no OVN networks yet.
        @Nullable public var ovn: JSONValue?

        /// Makes the value from its parts.
        public init(
            addresses: [Instance.Address], counters: Counters, hwaddr: String, mtu: Int, state: String, type: String,
            bond: Bond?, bridge: Bridge?, vlan: VLAN?
        ) {
            self.addresses = addresses
            self.counters = counters
            self.hwaddr = hwaddr
            self.mtu = mtu
            self.state = state
            self.type = type
            self.bond = bond
            self.bridge = bridge
            self.vlan = vlan
        }
    }

    /// What passed through an interface of the host since it was made.
    public struct Counters: Codable, Sendable {
        /// Bytes in.
        public var bytesReceived: Int64
        /// Bytes out.
        public var bytesSent: Int64
        /// Packets in.
        public var packetsReceived: Int64
        /// Packets out.
        public var packetsSent: Int64

        enum CodingKeys: String, CodingKey {
            case bytesReceived = "bytes_received"
            case bytesSent = "bytes_sent"
            case packetsReceived = "packets_received"
            case packetsSent = "packets_sent"
        }
        /// Makes the value.
        public init(bytesReceived: Int64, bytesSent: Int64, packetsReceived: Int64, packetsSent: Int64) {
            self.bytesReceived = bytesReceived
            self.bytesSent = bytesSent
            self.packetsReceived = packetsReceived
            self.packetsSent = packetsSent
        }
    }

    /// Facts of a bridge.
    public struct Bridge: Codable, Sendable {
        /// The bridge id of the spanning tree protocol.
        public var id: String
        /// Whether the spanning tree protocol runs.
        public var stp: Bool
        /// The forward delay in hundredths of a second.
        public var forwardDelay: UInt64
        /// The VLAN of untagged packets; 0 for none.
        public var vlanDefault: UInt64
        /// Whether VLAN tags are looked at.
        public var vlanFiltering: Bool
        /// The interfaces in it.
        public var upperDevices: [String]

        enum CodingKeys: String, CodingKey {
            case id, stp
            case forwardDelay = "forward_delay"
            case vlanDefault = "vlan_default"
            case vlanFiltering = "vlan_filtering"
            case upperDevices = "upper_devices"
        }
        /// Makes the value from all its parts.
        public init(
            id: String, stp: Bool, forwardDelay: UInt64, vlanDefault: UInt64, vlanFiltering: Bool,
            upperDevices: [String]
        ) {
            self.id = id
            self.stp = stp
            self.forwardDelay = forwardDelay
            self.vlanDefault = vlanDefault
            self.vlanFiltering = vlanFiltering
            self.upperDevices = upperDevices
        }
    }
    /// Facts of a bond (bonding.rst of the kernel).
    public struct Bond: Codable, Sendable {
        /// How it shares the packets among its interfaces, as `802.3ad`.
        public var mode: String
        /// What it goes by when it sends, as `layer2`.
        public var transmitPolicy: String
        /// How long an interface has to be up before it is used, in milliseconds.
        public var upDelay: UInt64
        /// How long an interface has to be down before it is left, in milliseconds.
        public var downDelay: UInt64
        /// How often its interfaces are looked at, in milliseconds; 0 for never.
        public var miiFrequency: UInt64
        /// What it saw then: `up` or `down`.
        public var miiState: String
        /// The interfaces in it.
        public var lowerDevices: [String]

        enum CodingKeys: String, CodingKey {
            case mode
            case transmitPolicy = "transmit_policy"
            case upDelay = "up_delay"
            case downDelay = "down_delay"
            case miiFrequency = "mii_frequency"
            case miiState = "mii_state"
            case lowerDevices = "lower_devices"
        }
        /// Makes the value from all its parts.
        public init(
            mode: String, transmitPolicy: String, upDelay: UInt64, downDelay: UInt64, miiFrequency: UInt64,
            miiState: String, lowerDevices: [String]
        ) {
            self.mode = mode
            self.transmitPolicy = transmitPolicy
            self.upDelay = upDelay
            self.downDelay = downDelay
            self.miiFrequency = miiFrequency
            self.miiState = miiState
            self.lowerDevices = lowerDevices
        }
    }

    /// Facts of a VLAN interface.
    public struct VLAN: Codable, Sendable {
        /// The interface whose tagged packets it takes.
        public var lowerDevice: String
        /// The number of the VLAN, 1 to 4094.
        public var vid: UInt64

        enum CodingKeys: String, CodingKey {
            case lowerDevice = "lower_device"
            case vid
        }
        /// Makes the value from its parts.
        public init(lowerDevice: String, vid: UInt64) {
            self.lowerDevice = lowerDevice
            self.vid = vid
        }
    }
}
