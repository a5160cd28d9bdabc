/// A storage pool as LXD's API shows it.
public struct StoragePool: Codable, Sendable {
    /// Configuration of the pool.
    public var config: [String: String]
    /// Free text.
    public var description: String
    /// The name.
    public var name: String
    /// The driver: `overlay` or `dir`.
    public var driver: String
    /// The URLs of what lies in it or refers to it; null when there is nothing.
    @Nullable public var usedBy: [String]?
    /// `Created`, or `Unavailable` while its directory cannot be opened.
    public var status: String
    /// `["none"]` on a server that stands alone.
    public var locations: [String]

    enum CodingKeys: String, CodingKey {
        case config, description, name, driver
        case usedBy = "used_by"
        case status, locations
    }

    /// Makes the value from all its parts.
    public init(
        name: String, driver: String, description: String, config: [String: String], isAvailable: Bool = true,
        usedBy: [String]
    ) {
        self.name = name
        self.driver = driver
        self.description = description
        self.config = config
        self.usedBy = usedBy.isEmpty ? nil : usedBy
        self.status = isAvailable ? "Created" : "Unavailable"
        self.locations = ["none"]
    }

    /// A pool to make.
    public struct Creation: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// The driver.
        @Lenient public var driver: String
        /// Free text.
        @Lenient public var description: String
        /// Configuration of the pool.
        @Lenient public var config: [String: String]

        enum CodingKeys: String, CodingKey { case name, driver, description, config }

        /// Makes the value.
        public init(name: String, driver: String, description: String = "", config: [String: String] = [:]) {
            self.name = name
            self.driver = driver
            self.description = description
            self.config = config
        }
    }

    /// What can be changed of a pool.
    public struct Update: Codable, Sendable {
        /// Free text.
        public var description: String?
        /// Configuration of the pool.
        @Nullable public var config: [String: String]?

        enum CodingKeys: String, CodingKey { case description, config }

        /// Makes the value.
        public init(description: String?, config: [String: String]?) {
            self.description = description
            self.config = config
        }
    }

    /// How much room a pool has (`GET /1.0/storage-pools/NAME/resources`).
    public struct Resources: Codable, Sendable {
        /// Bytes.
        public var space: Amount
        /// Inodes.
        public var inodes: Amount

        /// Makes the value.
        public init(space: Amount, inodes: Amount) {
            self.space = space
            self.inodes = inodes
        }

        /// Used and total of one kind.
        public struct Amount: Codable, Sendable {
            /// In use.
            public var used: UInt64
            /// There is altogether.
            public var total: UInt64
            /// Makes the value.
            public init(used: UInt64, total: UInt64) {
                self.used = used
                self.total = total
            }
        }
    }
}
