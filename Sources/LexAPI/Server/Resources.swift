/// What the machine is made of (`GET /1.0/resources`, `shared/api/resource.go`). What is not known is left out.
public struct Resources: Codable, Sendable {
    /// Processors.
    public var cpu: CPU
    /// Memory.
    public var memory: Memory
    /// Graphics.
    public var gpu: GPU
    /// Network cards.
    public var network: Network
    /// Disks.
    public var storage: Storage
    /// USB devices.
    public var usb: USB
    /// PCI devices.
    public var pci: PCI
    /// The machine itself.
    public var system: System

    /// Makes the value.
    public init(
        cpu: CPU, memory: Memory, gpu: GPU, network: Network, storage: Storage, usb: USB, pci: PCI, system: System
    ) {
        self.cpu = cpu
        self.memory = memory
        self.gpu = gpu
        self.network = network
        self.storage = storage
        self.usb = usb
        self.pci = pci
        self.system = system
    }
}

extension Resources {
    /// Processors.
    public struct CPU: Codable, Sendable {
        /// The kernel's name of the architecture.
        public var architecture: String
        /// By socket.
        public var sockets: [Socket]
        /// How many threads there are.
        public var total: UInt64

        /// Makes the value.
        public init(architecture: String, sockets: [Socket], total: UInt64) {
            self.architecture = architecture
            self.sockets = sockets
            self.total = total
        }

        /// A processor.
        public struct Socket: Codable, Sendable {
            /// Its model.
            public var name: String?
            /// Its maker.
            public var vendor: String?
            /// Its number.
            public var socket: UInt64
            /// Its caches.
            public var cache: [Cache]?
            /// Its cores.
            public var cores: [Core]
            /// The mean frequency of its cores, in MHz.
            public var frequency: UInt64?
            /// Its lowest frequency.
            public var frequencyMinimum: UInt64?
            /// Its highest frequency.
            public var frequencyTurbo: UInt64?

            enum CodingKeys: String, CodingKey {
                case name, vendor, socket, cache, cores, frequency
                case frequencyMinimum = "frequency_minimum"
                case frequencyTurbo = "frequency_turbo"
            }

            /// A processor without cores.
            public init(socket: UInt64) {
                self.socket = socket
                cores = []
            }
        }

        /// A cache.
        public struct Cache: Codable, Sendable, Hashable {
            /// 1 is nearest.
            public var level: UInt64
            /// `Data`, `Instruction` or `Unified`.
            public var type: String
            /// Bytes.
            public var size: UInt64
            /// Makes the value.
            public init(level: UInt64, type: String, size: UInt64) {
                self.level = level
                self.type = type
                self.size = size
            }
        }

        /// A core.
        public struct Core: Codable, Sendable {
            /// Its number in its socket.
            public var core: UInt64
            /// The die it is on.
            public var die: UInt64
            /// Its threads.
            public var threads: [Thread]
            /// Its frequency at this moment, in MHz.
            public var frequency: UInt64?
            /// Makes the value.
            public init(core: UInt64, die: UInt64, threads: [Thread], frequency: UInt64?) {
                self.core = core
                self.die = die
                self.threads = threads
                self.frequency = frequency
            }
        }

        /// A thread: what the kernel calls a CPU.
        public struct Thread: Codable, Sendable {
            /// The kernel's number of it.
            public var id: Int64
            /// The NUMA node it belongs to.
            public var numaNode: UInt64
            /// Its number in its core.
            public var thread: UInt64
            /// Whether it is used.
            public var online: Bool
            /// Whether the scheduler keeps off it.
            public var isolated: Bool

            enum CodingKeys: String, CodingKey {
                case id
                case numaNode = "numa_node"
                case thread, online, isolated
            }
            /// Makes the value.
            public init(id: Int64, numaNode: UInt64, thread: UInt64, online: Bool, isolated: Bool) {
                self.id = id
                self.numaNode = numaNode
                self.thread = thread
                self.online = online
                self.isolated = isolated
            }
        }
    }

    /// Memory, in bytes.
    public struct Memory: Codable, Sendable {
        /// By NUMA node.
        public var nodes: [Node]?
        /// Huge pages set aside.
        public var hugepagesTotal: UInt64
        /// Huge pages in use.
        public var hugepagesUsed: UInt64
        /// How large one is.
        public var hugepagesSize: UInt64
        /// In use.
        public var used: UInt64
        /// There is altogether.
        public var total: UInt64

        enum CodingKeys: String, CodingKey {
            case nodes
            case hugepagesTotal = "hugepages_total"
            case hugepagesUsed = "hugepages_used"
            case hugepagesSize = "hugepages_size"
            case used, total
        }
        /// None.
        public init() {
            hugepagesTotal = 0
            hugepagesUsed = 0
            hugepagesSize = 0
            used = 0
            total = 0
        }

        /// A NUMA node.
        public struct Node: Codable, Sendable {
            /// Its number.
            public var numaNode: UInt64
            /// Huge pages in use.
            public var hugepagesUsed: UInt64
            /// Huge pages set aside.
            public var hugepagesTotal: UInt64
            /// In use.
            public var used: UInt64
            /// There is altogether.
            public var total: UInt64

            enum CodingKeys: String, CodingKey {
                case numaNode = "numa_node"
                case hugepagesUsed = "hugepages_used"
                case hugepagesTotal = "hugepages_total"
                case used, total
            }
            /// Makes the value.
            public init(numaNode: UInt64, hugepagesUsed: UInt64, hugepagesTotal: UInt64, used: UInt64, total: UInt64) {
                self.numaNode = numaNode
                self.hugepagesUsed = hugepagesUsed
                self.hugepagesTotal = hugepagesTotal
                self.used = used
                self.total = total
            }
        }
    }

    /// The machine itself, as its firmware tells it (DMI).
    public struct System: Codable, Sendable {
        /// Its UUID.
        public var uuid = ""
        /// Its maker.
        public var vendor = ""
        /// Its model.
        public var product = ""
        /// Its family of models.
        public var family = ""
        /// Its version.
        public var version = ""
        /// Its order number.
        public var sku = ""
        /// Its serial number.
        public var serial = ""
        /// `physical`, `virtual-machine` or `container`.
        public var type = ""
        /// Its firmware; null when that is not known.
        @Nullable public var firmware: Firmware?
        /// Its case; null when that is not known.
        @Nullable public var chassis: Chassis?
        /// Its motherboard; null when that is not known.
        @Nullable public var motherboard: Motherboard?

        /// Nothing known.
        public init() {}

        /// The firmware.
        public struct Firmware: Codable, Sendable, Equatable {
            /// Its maker.
            public var vendor: String
            /// When it was made.
            public var date: String
            /// Its version.
            public var version: String
            /// Makes the value.
            public init(vendor: String, date: String, version: String) {
                self.vendor = vendor
                self.date = date
                self.version = version
            }
        }

        /// The case.
        public struct Chassis: Codable, Sendable, Equatable {
            /// Its maker.
            public var vendor: String
            /// What it is: `Desktop`, `Rack Mount Chassis`.
            public var type: String
            /// Its serial number.
            public var serial: String
            /// Its version.
            public var version: String
            /// Makes the value.
            public init(vendor: String, type: String, serial: String, version: String) {
                self.vendor = vendor
                self.type = type
                self.serial = serial
                self.version = version
            }
        }

        /// The motherboard.
        public struct Motherboard: Codable, Sendable, Equatable {
            /// Its maker.
            public var vendor: String
            /// Its model.
            public var product: String
            /// Its serial number.
            public var serial: String
            /// Its version.
            public var version: String
            /// Makes the value.
            public init(vendor: String, product: String, serial: String, version: String) {
                self.vendor = vendor
                self.product = product
                self.serial = serial
                self.version = version
            }
        }
    }
}
