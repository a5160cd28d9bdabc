extension Instance {
    /// An instance as it was at a moment, as LXD's API shows it (`shared/api/instance_snapshot.go`).
    public struct Snapshot: Codable, Sendable {
        /// When it is removed; the year 1 for never.
        public var expiresAt: Timestamp
        /// The kernel's name of the architecture.
        public var architecture: String
        /// The instance's own configuration.
        public var config: [String: String]
        /// When it was made.
        public var createdAt: Timestamp
        /// The instance's own devices.
        public var devices: [String: [String: String]]
        /// Whether the instance was to be deleted when it stops.
        public var ephemeral: Bool
        /// Configuration of the profiles and then its own.
        public var expandedConfig: [String: String]
        /// Devices of the profiles and then its own.
        public var expandedDevices: [String: [String: String]]
        /// When the instance was last started; the year 1 for never.
        public var lastUsedAt: Timestamp
        /// The name, without the instance's.
        public var name: String
        /// The profiles the instance had, in order.
        public var profiles: [String]
        /// Whether it has the memory as well.
        public var stateful: Bool
        /// The bytes it takes by itself; -1 while they are not counted.
        public var size: Int64

        enum CodingKeys: String, CodingKey {
            case expiresAt = "expires_at"
            case architecture, config
            case createdAt = "created_at"
            case devices, ephemeral
            case expandedConfig = "expanded_config"
            case expandedDevices = "expanded_devices"
            case lastUsedAt = "last_used_at"
            case name, profiles, stateful, size
        }

        /// Makes the value from all its parts.
        public init(
            name: String, expiresAt: Timestamp, architecture: String, config: [String: String], createdAt: Timestamp,
            devices: [String: [String: String]], ephemeral: Bool, expandedConfig: [String: String],
            expandedDevices: [String: [String: String]], lastUsedAt: Timestamp, profiles: [String], size: Int64
        ) {
            self.expiresAt = expiresAt
            self.architecture = architecture
            self.config = config
            self.createdAt = createdAt
            self.devices = devices
            self.ephemeral = ephemeral
            self.expandedConfig = expandedConfig
            self.expandedDevices = expandedDevices
            self.lastUsedAt = lastUsedAt
            self.name = name
            self.profiles = profiles
            self.stateful = false
            self.size = size
        }
    }
}

extension Instance.Snapshot {
    /// A snapshot to make (`POST /1.0/instances/NAME/snapshots`).
    public struct Creation: Codable, Sendable {
        /// The name; empty for one after the instance's pattern.
        @Lenient public var name: String
        /// Whether the memory is meant as well.
        @Lenient public var stateful: Bool
        /// When it is to be removed; null for what the configuration says, the year 1 for never.
        @Nullable public var expiresAt: Timestamp?

        enum CodingKeys: String, CodingKey {
            case name, stateful
            case expiresAt = "expires_at"
        }

        /// Makes the value.
        public init(name: String = "", stateful: Bool = false, expiresAt: Timestamp? = nil) {
            self.name = name
            self.stateful = stateful
            self.expiresAt = expiresAt
        }
    }

    /// What can be changed of a snapshot. In a replacement an absent or null time means never.
    public struct Update: Codable, Sendable, Equatable {
        /// When it is removed.
        @Nullable public var expiresAt: Timestamp?

        enum CodingKeys: String, CodingKey { case expiresAt = "expires_at" }

        /// Makes the value.
        public init(expiresAt: Timestamp?) { self.expiresAt = expiresAt }
    }

    /// Another name for a snapshot (`POST /1.0/instances/NAME/snapshots/SNAPSHOT`).
    public struct Rename: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// Whether it is to be sent to another server; not in this version.
        @Lenient public var migration: Bool

        enum CodingKeys: String, CodingKey { case name, migration }

        /// Makes the value.
        public init(name: String) {
            self.name = name
            self.migration = false
        }
    }
}
