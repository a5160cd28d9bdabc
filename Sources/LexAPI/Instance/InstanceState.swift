extension Instance {
    /// What an instance does at this moment (`GET /1.0/instances/NAME/state`).
    public struct State: Codable, Sendable {
        /// The state in a word.
        public var status: String
        /// The state as a number, see ``StatusCode``.
        public var statusCode: Int
        /// Disk use by device.
        public var disk: [String: Disk]
        /// Memory.
        public var memory: Memory
        /// Network interfaces as seen inside, by name; null when it does not run.
        @Nullable public var network: [String: Network]?
        /// The host's id of its init process; 0 when it does not run.
        public var pid: Int64
        /// How many processes it has; -1 when that is not known.
        public var processes: Int64
        /// CPU time.
        public var cpu: CPU

        enum CodingKeys: String, CodingKey {
            case status
            case statusCode = "status_code"
            case disk, memory, network, pid, processes, cpu
        }

        /// Makes the value from all its parts.
        public init(
            status: StatusCode, disk: [String: Disk] = [:], memory: Memory = Memory(),
            network: [String: Network]? = nil, pid: Int64 = 0, processes: Int64 = 0, cpu: CPU = CPU()
        ) {
            self.status = status.name
            self.statusCode = status.rawValue
            self.disk = disk
            self.memory = memory
            self.network = network
            self.pid = pid
            self.processes = processes
            self.cpu = cpu
        }
    }

    /// Disk use of one device.
    public struct Disk: Codable, Sendable {
        /// Bytes used by the instance itself, without its image.
        public var usage: Int64
        /// Makes the value.
        public init(usage: Int64) { self.usage = usage }
    }

    /// Memory of all processes of an instance, in bytes.
    public struct Memory: Codable, Sendable {
        /// In use now.
        public var usage: Int64
        /// The most that was ever in use; 0 where the kernel does not count it.
        public var usagePeak: Int64
        /// Swap in use now.
        public var swapUsage: Int64
        /// The most swap that was ever in use.
        public var swapUsagePeak: Int64

        enum CodingKeys: String, CodingKey {
            case usage
            case usagePeak = "usage_peak"
            case swapUsage = "swap_usage"
            case swapUsagePeak = "swap_usage_peak"
        }
        /// Makes the value.
        public init(usage: Int64 = 0, usagePeak: Int64 = 0, swapUsage: Int64 = 0, swapUsagePeak: Int64 = 0) {
            self.usage = usage
            self.usagePeak = usagePeak
            self.swapUsage = swapUsage
            self.swapUsagePeak = swapUsagePeak
        }
    }

    /// CPU time of an instance.
    public struct CPU: Codable, Sendable {
        /// Nanoseconds since it was started.
        public var usage: Int64
        /// Makes the value.
        public init(usage: Int64 = 0) { self.usage = usage }
    }

    /// One network interface as seen inside an instance.
    public struct Network: Codable, Sendable {
        /// Its addresses.
        public var addresses: [Address]
        /// What passed through it.
        public var counters: Counters
        /// Its hardware address; empty for the loopback.
        public var hwaddr: String
        /// The name of its other end on the host; empty where there is none.
        public var hostName: String
        /// The largest packet in bytes.
        public var mtu: Int
        /// `up` or `down`.
        public var state: String
        /// `broadcast`, `loopback`, `point-to-point` or `unknown`.
        public var type: String

        enum CodingKeys: String, CodingKey {
            case addresses, counters, hwaddr
            case hostName = "host_name"
            case mtu, state, type
        }
        /// Makes the value from all its parts.
        public init(
            addresses: [Address], counters: Counters, hwaddr: String, hostName: String, mtu: Int, state: String,
            type: String
        ) {
            self.addresses = addresses
            self.counters = counters
            self.hwaddr = hwaddr
            self.hostName = hostName
            self.mtu = mtu
            self.state = state
            self.type = type
        }
    }

    /// One address of an interface.
    public struct Address: Codable, Sendable, Equatable {
        /// `inet` or `inet6`.
        public var family: String
        /// The address without its prefix.
        public var address: String
        /// The length of its prefix, as text.
        public var netmask: String
        /// `global`, `link` or `local`.
        public var scope: String
        /// Makes the value.
        public init(family: String, address: String, netmask: String, scope: String) {
            self.family = family
            self.address = address
            self.netmask = netmask
            self.scope = scope
        }
    }

    /// What passed through an interface since it was made, seen from inside the instance.
    public struct Counters: Codable, Sendable {
        /// Bytes in.
        public var bytesReceived: Int64
        /// Bytes out.
        public var bytesSent: Int64
        /// Packets in.
        public var packetsReceived: Int64
        /// Packets out.
        public var packetsSent: Int64
        /// Faulty packets in.
        public var errorsReceived: Int64
        /// Packets that could not be sent.
        public var errorsSent: Int64
        /// Packets dropped on the way out.
        public var packetsDroppedOutbound: Int64
        /// Packets dropped on the way in.
        public var packetsDroppedInbound: Int64

        enum CodingKeys: String, CodingKey {
            case bytesReceived = "bytes_received"
            case bytesSent = "bytes_sent"
            case packetsReceived = "packets_received"
            case packetsSent = "packets_sent"
            case errorsReceived = "errors_received"
            case errorsSent = "errors_sent"
            case packetsDroppedOutbound = "packets_dropped_outbound"
            case packetsDroppedInbound = "packets_dropped_inbound"
        }
        /// Makes the value from all its parts.
        public init(
            bytesReceived: Int64, bytesSent: Int64, packetsReceived: Int64, packetsSent: Int64, errorsReceived: Int64,
            errorsSent: Int64, packetsDroppedOutbound: Int64, packetsDroppedInbound: Int64
        ) {
            self.bytesReceived = bytesReceived
            self.bytesSent = bytesSent
            self.packetsReceived = packetsReceived
            self.packetsSent = packetsSent
            self.errorsReceived = errorsReceived
            self.errorsSent = errorsSent
            self.packetsDroppedOutbound = packetsDroppedOutbound
            self.packetsDroppedInbound = packetsDroppedInbound
        }
    }

    /// A wanted change of state (`PUT /1.0/instances/NAME/state`).
    public struct StateChange: Codable, Sendable {
        /// `start`, `stop`, `restart`, `freeze` or `unfreeze`.
        @Lenient public var action: String
        /// Seconds to wait for a clean stop; -1 for as long as it takes.
        @Nullable public var timeout: Int64?
        /// Whether to kill instead of asking.
        @Lenient public var force: Bool
        /// Whether to keep the memory state.
        @Lenient public var stateful: Bool

        enum CodingKeys: String, CodingKey { case action, timeout, force, stateful }

        /// Makes the value.
        public init(action: String, timeout: Int64? = nil, force: Bool = false, stateful: Bool = false) {
            self.action = action
            self.timeout = timeout
            self.force = force
            self.stateful = stateful
        }
    }
    /// The same change of state for all instances of a project (`PUT /1.0/instances`).
    public struct StatesChange: Codable, Sendable {
        /// What to do; absent as if it were empty.
        @Nullable public var state: StateChange?

        enum CodingKeys: String, CodingKey { case state }

        /// Makes the value.
        public init(_ state: StateChange) { self.state = state }
    }
}
