extension Resources {
    /// Disks.
    public struct Storage: Codable, Sendable {
        /// Each.
        public var disks: [Disk]
        /// How many.
        public var total: UInt64
        /// Makes the value.
        public init(disks: [Disk]) {
            self.disks = disks
            total = UInt64(disks.count)
        }

        /// A disk.
        public struct Disk: Codable, Sendable {
            /// Its name, `sda`.
            public var id: String
            /// Its number, `8:0`.
            public var device: String
            /// Its model.
            public var model: String?
            /// How it is connected: `nvme`, `sata`, `scsi`, `usb`, `virtio`.
            public var type: String?
            /// Whether it cannot be written.
            public var readOnly = false
            /// Bytes.
            public var size: UInt64 = 0
            /// Whether it can be taken out.
            public var removable = false
            /// Its worldwide name.
            public var wwn: String?
            /// The NUMA node it is at.
            public var numaNode: UInt64 = 0
            /// Where it is connected, as in /dev/disk/by-path.
            public var devicePath: String?
            /// The size of a block, in bytes.
            public var blockSize: UInt64 = 0
            /// The version of its firmware.
            public var firmwareVersion: String?
            /// How fast it turns; 0 for one that does not, 1 where that is not known.
            public var rpm: UInt64 = 0
            /// Its serial number.
            public var serial: String?
            /// What it is called in /dev/disk/by-id.
            public var deviceID = ""
            /// Its partitions.
            public var partitions: [Partition] = []
            /// Its PCI address.
            public var pciAddress: String?
            /// Its USB address.
            public var usbAddress: String?

            enum CodingKeys: String, CodingKey {
                case id, device, model, type
                case readOnly = "read_only"
                case size, removable, wwn
                case numaNode = "numa_node"
                case devicePath = "device_path"
                case blockSize = "block_size"
                case firmwareVersion = "firmware_version"
                case rpm, serial
                case deviceID = "device_id"
                case partitions
                case pciAddress = "pci_address"
                case usbAddress = "usb_address"
            }
            /// A disk of which only this is known.
            public init(id: String, device: String) {
                self.id = id
                self.device = device
            }
        }

        /// A partition.
        public struct Partition: Codable, Sendable {
            /// Its name, `sda1`.
            public var id: String
            /// Its number, `8:1`.
            public var device: String
            /// Whether it cannot be written.
            public var readOnly: Bool
            /// Bytes.
            public var size: UInt64
            /// Its number on the disk.
            public var partition: UInt64

            enum CodingKeys: String, CodingKey {
                case id, device
                case readOnly = "read_only"
                case size, partition
            }
            /// Makes the value.
            public init(id: String, device: String, readOnly: Bool, size: UInt64, partition: UInt64) {
                self.id = id
                self.device = device
                self.readOnly = readOnly
                self.size = size
                self.partition = partition
            }
        }
    }

    /// What a card on a bus is, and who drives it.
    public struct CardIdentity: Sendable {
        /// The driver's name.
        public var driver: String?
        /// The driver's version.
        public var driverVersion: String?
        /// The NUMA node it is at.
        public var numaNode: UInt64 = 0
        /// Its PCI address.
        public var pciAddress: String?
        /// Its maker.
        public var vendor: String?
        /// Its maker's number.
        public var vendorID: String?
        /// Its model.
        public var product: String?
        /// Its model's number.
        public var productID: String?
        /// Its USB address.
        public var usbAddress: String?
        /// Nothing known.
        public init() {}
    }

    /// Network cards.
    public struct Network: Codable, Sendable {
        /// Each.
        public var cards: [Card]
        /// How many, virtual functions among them.
        public var total: UInt64
        /// Makes the value.
        public init(cards: [Card], total: UInt64) {
            self.cards = cards
            self.total = total
        }

        /// A network card.
        public struct Card: Codable, Sendable {
            /// The driver's name.
            public var driver: String?
            /// The driver's version.
            public var driverVersion: String?
            /// Its sockets.
            public var ports: [Port]?
            /// What it is divided into.
            public var sriov: SRIOV<Card>?
            /// The NUMA node it is at.
            public var numaNode: UInt64
            /// Its PCI address.
            public var pciAddress: String?
            /// Its maker.
            public var vendor: String?
            /// Its maker's number.
            public var vendorID: String?
            /// Its model.
            public var product: String?
            /// Its model's number.
            public var productID: String?
            /// The version of its firmware.
            public var firmwareVersion: String?
            /// Its USB address.
            public var usbAddress: String?

            enum CodingKeys: String, CodingKey {
                case driver
                case driverVersion = "driver_version"
                case ports, sriov
                case numaNode = "numa_node"
                case pciAddress = "pci_address"
                case vendor
                case vendorID = "vendor_id"
                case product
                case productID = "product_id"
                case firmwareVersion = "firmware_version"
                case usbAddress = "usb_address"
            }
            /// A card that is this.
            public init(_ identity: CardIdentity) {
                driver = identity.driver
                driverVersion = identity.driverVersion
                numaNode = identity.numaNode
                pciAddress = identity.pciAddress
                vendor = identity.vendor
                vendorID = identity.vendorID
                product = identity.product
                productID = identity.productID
                usbAddress = identity.usbAddress
            }
        }

        /// A socket of a network card: what the kernel calls an interface.
        public struct Port: Codable, Sendable {
            /// Its name.
            public var id: String
            /// Its hardware address.
            public var address: String?
            /// Its number on the card.
            public var port: UInt64 = 0
            /// `ethernet`, `infiniband`, `unknown`.
            public var `protocol` = "ethernet"
            /// Speeds it can have.
            public var supportedModes: [String]?
            /// Plugs it can have.
            public var supportedPorts: [String]?
            /// The plug.
            public var portType: String?
            /// What drives the cable.
            public var transceiverType: String?
            /// Whether the speed is agreed on.
            public var autoNegotiation = false
            /// Whether something is at the other end.
            public var linkDetected = false
            /// Mbit/s.
            public var linkSpeed: UInt64?
            /// `full` or `half`.
            public var linkDuplex: String?

            enum CodingKeys: String, CodingKey {
                case id, address, port, `protocol`
                case supportedModes = "supported_modes"
                case supportedPorts = "supported_ports"
                case portType = "port_type"
                case transceiverType = "transceiver_type"
                case autoNegotiation = "auto_negotiation"
                case linkDetected = "link_detected"
                case linkSpeed = "link_speed"
                case linkDuplex = "link_duplex"
            }
            /// A port of which only the name is known.
            public init(id: String) { self.id = id }
        }
    }

    /// What a card is divided into.
    public struct SRIOV<Card: Codable & Sendable>: Codable, Sendable {
        /// Virtual functions that there are.
        public var currentVFs: UInt64
        /// That there can be.
        public var maximumVFs: UInt64
        /// Each.
        public var vfs: [Card]

        enum CodingKeys: String, CodingKey {
            case currentVFs = "current_vfs"
            case maximumVFs = "maximum_vfs"
            case vfs
        }
        /// Makes the value.
        public init(currentVFs: UInt64, maximumVFs: UInt64, vfs: [Card]) {
            self.currentVFs = currentVFs
            self.maximumVFs = maximumVFs
            self.vfs = vfs
        }
    }

    /// Graphics.
    public struct GPU: Codable, Sendable {
        /// Each card.
        public var cards: [Card]
        /// How many.
        public var total: UInt64
        /// Makes the value.
        public init(cards: [Card], total: UInt64) {
            self.cards = cards
            self.total = total
        }

        /// A graphics card.
        public struct Card: Codable, Sendable {
            /// The driver's name.
            public var driver: String?
            /// The driver's version.
            public var driverVersion: String?
            /// What programs open.
            public var drm: DRM?
            /// What it is divided into.
            public var sriov: SRIOV<Card>?
            /// The NUMA node it is at.
            public var numaNode: UInt64
            /// Its PCI address.
            public var pciAddress: String?
            /// Its maker.
            public var vendor: String?
            /// Its maker's number.
            public var vendorID: String?
            /// Its model.
            public var product: String?
            /// Its model's number.
            public var productID: String?
            /// Its USB address.
            public var usbAddress: String?

            enum CodingKeys: String, CodingKey {
                case driver
                case driverVersion = "driver_version"
                case drm, sriov
                case numaNode = "numa_node"
                case pciAddress = "pci_address"
                case vendor
                case vendorID = "vendor_id"
                case product
                case productID = "product_id"
                case usbAddress = "usb_address"
            }
            /// A card that is this.
            public init(_ identity: CardIdentity) {
                driver = identity.driver
                driverVersion = identity.driverVersion
                numaNode = identity.numaNode
                pciAddress = identity.pciAddress
                vendor = identity.vendor
                vendorID = identity.vendorID
                product = identity.product
                productID = identity.productID
                usbAddress = identity.usbAddress
            }
        }

        /// What programs open of a graphics card.
        public struct DRM: Codable, Sendable {
            /// Its number.
            public var id: UInt64
            /// The card.
            public var cardName: String
            /// Its number as a device.
            public var cardDevice: String
            /// What controls it.
            public var controlName: String?
            /// Its number as a device.
            public var controlDevice: String?
            /// What draws.
            public var renderName: String?
            /// Its number as a device.
            public var renderDevice: String?

            enum CodingKeys: String, CodingKey {
                case id
                case cardName = "card_name"
                case cardDevice = "card_device"
                case controlName = "control_name"
                case controlDevice = "control_device"
                case renderName = "render_name"
                case renderDevice = "render_device"
            }
            /// Nothing known.
            public init(id: UInt64) {
                self.id = id
                cardName = ""
                cardDevice = ""
            }
        }
    }
}
