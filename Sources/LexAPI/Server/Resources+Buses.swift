extension Resources {
    /// USB devices.
    public struct USB: Codable, Sendable {
        /// Each.
        public var devices: [Device]
        /// How many.
        public var total: UInt64
        /// Makes the value.
        public init(devices: [Device]) {
            self.devices = devices
            total = UInt64(devices.count)
        }

        /// A USB device.
        public struct Device: Codable, Sendable {
            /// The bus.
            public var busAddress: UInt64 = 0
            /// Its number on the bus.
            public var deviceAddress: UInt64 = 0
            /// What it does.
            public var interfaces: [Interface] = []
            /// Its maker.
            public var vendor = ""
            /// Its maker's number.
            public var vendorID = ""
            /// Its model.
            public var product = ""
            /// Its model's number.
            public var productID = ""
            /// Mbit/s.
            public var speed: Double = 0

            enum CodingKeys: String, CodingKey {
                case busAddress = "bus_address"
                case deviceAddress = "device_address"
                case interfaces, vendor
                case vendorID = "vendor_id"
                case product
                case productID = "product_id"
                case speed
            }
            /// Nothing known.
            public init() {}
        }

        /// One of the things that a USB device does.
        public struct Interface: Codable, Sendable {
            /// The kind.
            public var `class` = ""
            /// The kind's number.
            public var classID: UInt64 = 0
            /// The driver's name.
            public var driver = ""
            /// The driver's version.
            public var driverVersion = ""
            /// Its number.
            public var number: UInt64 = 0
            /// The kind in the kind.
            public var subclass = ""
            /// Its number.
            public var subclassID: UInt64 = 0

            enum CodingKeys: String, CodingKey {
                case `class`
                case classID = "class_id"
                case driver
                case driverVersion = "driver_version"
                case number, subclass
                case subclassID = "subclass_id"
            }
            /// Nothing known.
            public init() {}
        }
    }

    /// PCI devices.
    public struct PCI: Codable, Sendable {
        /// Each.
        public var devices: [Device]
        /// How many.
        public var total: UInt64
        /// Makes the value.
        public init(devices: [Device]) {
            self.devices = devices
            total = UInt64(devices.count)
        }

        /// A PCI device.
        public struct Device: Codable, Sendable {
            /// The driver's name.
            public var driver: String
            /// The driver's version.
            public var driverVersion: String
            /// The NUMA node it is at.
            public var numaNode: UInt64
            /// Its address.
            public var pciAddress: String
            /// Its maker.
            public var vendor: String
            /// Its maker's number.
            public var vendorID: String
            /// Its model.
            public var product: String
            /// Its model's number.
            public var productID: String
            /// The group of devices that can only be given away together.
            public var iommuGroup: UInt64
            /// What its maker wrote into it.
            public var vpd: VPD

            enum CodingKeys: String, CodingKey {
                case driver
                case driverVersion = "driver_version"
                case numaNode = "numa_node"
                case pciAddress = "pci_address"
                case vendor
                case vendorID = "vendor_id"
                case product
                case productID = "product_id"
                case iommuGroup = "iommu_group"
                case vpd
            }
            /// A device that is this.
            public init(_ identity: CardIdentity, iommuGroup: UInt64, vpd: VPD) {
                driver = identity.driver ?? ""
                driverVersion = identity.driverVersion ?? ""
                numaNode = identity.numaNode
                pciAddress = identity.pciAddress ?? ""
                vendor = identity.vendor ?? ""
                vendorID = identity.vendorID ?? ""
                product = identity.product ?? ""
                productID = identity.productID ?? ""
                self.iommuGroup = iommuGroup
                self.vpd = vpd
            }
        }

        /// What its maker wrote into a PCI device.
        public struct VPD: Codable, Sendable, Equatable {
            /// Its full name.
            public var productName: String?
            /// The rest, by two letters.
            public var entries: [String: String]?

            enum CodingKeys: String, CodingKey {
                case productName = "product_name"
                case entries
            }
            /// Nothing, or what there is.
            public init(productName: String? = nil, entries: [String: String]? = nil) {
                self.productName = productName
                self.entries = entries
            }
        }
    }
}
