/// One instance as LXD's API shows it (`shared/api/instance.go`).
public struct Instance: Codable, Sendable {
    /// The kernel's name of the architecture, `x86_64`.
    public var architecture: String
    /// The instance's own configuration; every value is text.
    public var config: [String: String]
    /// The instance's own devices.
    public var devices: [String: [String: String]]
    /// Whether it is deleted when it stops.
    public var ephemeral: Bool
    /// The profiles it takes configuration and devices from, in order.
    public var profiles: [String]
    /// Whether a saved memory state lies beside it.
    public var stateful: Bool
    /// Free text.
    public var description: String
    /// When it was made.
    public var createdAt: Timestamp
    /// Configuration of the profiles and then its own.
    public var expandedConfig: [String: String]
    /// Devices of the profiles and then its own.
    public var expandedDevices: [String: [String: String]]
    /// The name.
    public var name: String
    /// The state in a word.
    public var status: String
    /// The state as a number, see ``StatusCode``.
    public var statusCode: Int
    /// When it was last started; the epoch for never.
    public var lastUsedAt: Timestamp
    /// The cluster member it lies on; `none` alone.
    public var location: String
    /// `container`.
    public var type: String
    /// The project it belongs to.
    public var project: String

    enum CodingKeys: String, CodingKey {
        case architecture, config, devices, ephemeral, profiles, stateful, description
        case createdAt = "created_at"
        case expandedConfig = "expanded_config"
        case expandedDevices = "expanded_devices"
        case name, status
        case statusCode = "status_code"
        case lastUsedAt = "last_used_at"
        case location, type, project
    }

    /// Makes the value from all its parts.
    public init(
        architecture: String, config: [String: String], devices: [String: [String: String]], ephemeral: Bool,
        profiles: [String], stateful: Bool, description: String, createdAt: Timestamp,
        expandedConfig: [String: String], expandedDevices: [String: [String: String]], name: String,
        status: StatusCode, lastUsedAt: Timestamp, location: String, type: String, project: String
    ) {
        self.architecture = architecture
        self.config = config
        self.devices = devices
        self.ephemeral = ephemeral
        self.profiles = profiles
        self.stateful = stateful
        self.description = description
        self.createdAt = createdAt
        self.expandedConfig = expandedConfig
        self.expandedDevices = expandedDevices
        self.name = name
        self.status = status.name
        self.statusCode = status.rawValue
        self.lastUsedAt = lastUsedAt
        self.location = location
        self.type = type
        self.project = project
    }
}

extension Instance {
    /// An instance with its state, snapshots and backups, as `recursion=2` gives it.
    public struct Full: Codable, Sendable {
        /// The instance.
        public var instance: Instance
        /// The backups; null when there are none.
        public var backups: [JSONValue]?
        /// What it does at this moment.
        public var state: State?
        /// The snapshots; null when there are none.
        public var snapshots: [Snapshot]?

        enum CodingKeys: String, CodingKey { case backups, state, snapshots }

        /// Makes the value from its parts.
        public init(instance: Instance, state: State?, snapshots: [Snapshot]? = nil) {
            self.instance = instance
            self.state = state
            self.snapshots = snapshots
        }
        /// Reads the flat object.
        public init(from decoder: any Decoder) throws {
            instance = try Instance(from: decoder)
            let container = try decoder.container(keyedBy: CodingKeys.self)
            backups = try container.decodeIfPresent([JSONValue].self, forKey: .backups)
            state = try container.decodeIfPresent(State.self, forKey: .state)
            snapshots = try container.decodeIfPresent([Snapshot].self, forKey: .snapshots)
        }
        /// Writes the flat object.
        public func encode(to encoder: any Encoder) throws {
            try instance.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(backups, forKey: .backups)
            try container.encode(state, forKey: .state)
            try container.encode(snapshots, forKey: .snapshots)
        }
    }

    /// What a person asks for when making an instance (`POST /1.0/instances`).
    public struct Creation: Codable, Sendable {
        /// The name; empty for one of lexd's choosing.
        @Lenient public var name: String
        /// The architecture; empty for the image's.
        @Lenient public var architecture: String
        /// Its own configuration.
        @Lenient public var config: [String: String]
        /// Its own devices.
        @Lenient public var devices: [String: [String: String]]
        /// Whether it is deleted when it stops.
        @Lenient public var ephemeral: Bool
        /// The profiles; null means the profile `default`.
        @Nullable public var profiles: [String]?
        /// Whether a memory state is expected.
        @Lenient public var stateful: Bool
        /// Free text.
        @Lenient public var description: String
        /// `container` or empty.
        @Lenient public var type: String
        /// A size by name, such as `c2-m4`.
        @Lenient public var instanceType: String
        /// Where its files come from.
        @Nullable public var source: Source?

        enum CodingKeys: String, CodingKey {
            case name, architecture, config, devices, ephemeral, profiles, stateful, description, type, source
            case instanceType = "instance_type"
        }

        /// Makes the value; everything but the source may be left out.
        public init(
            name: String = "", source: Source, config: [String: String] = [:],
            devices: [String: [String: String]] = [:], profiles: [String]? = nil, ephemeral: Bool = false,
            type: String = "container", instanceType: String = ""
        ) {
            self.name = name
            self.architecture = ""
            self.config = config
            self.devices = devices
            self.ephemeral = ephemeral
            self.profiles = profiles
            self.stateful = false
            self.description = ""
            self.type = type
            self.instanceType = instanceType
            self.source = source
        }
    }

    /// Where the files of a new instance come from.
    public struct Source: Codable, Sendable {
        /// `image`, `copy` or `none` (others are not served yet).
        @Lenient public var type: String
        /// The alias of an image.
        @Lenient public var alias: String
        /// The fingerprint of an image or its beginning.
        @Lenient public var fingerprint: String
        /// Properties the image must have.
        @Lenient public var properties: [String: String]
        /// The URL of the server to take the image from; empty for this one.
        @Lenient public var server: String
        /// How that server speaks, or `template` for an image built on this server from a recipe.
        @Lenient public var `protocol`: String
        /// Push or pull.
        @Lenient public var mode: String
        /// For `copy`: the instance to copy, or one of its snapshots: `INSTANCE/SNAPSHOT`.
        @Lenient public var source: String
        /// For `copy`: the project that instance is in; empty for that of the new one.
        @Lenient public var project: String
        /// For `copy`: whether its snapshots are left out.
        @Lenient public var instanceOnly: Bool
        /// The old name of the same.
        @Lenient public var containerOnly: Bool
        /// For `copy`: whether an instance that is there already is brought up to the other's state.
        @Lenient public var refresh: Bool

        enum CodingKeys: String, CodingKey {
            case type, alias, fingerprint, properties, server, `protocol`, mode, source, project
            case instanceOnly = "instance_only"
            case containerOnly = "container_only"
            case refresh
        }

        /// A source that is an instance of this server.
        public init(copyOf source: String, project: String = "", instanceOnly: Bool = false, refresh: Bool = false) {
            self.init(type: "copy")
            self.source = source
            self.project = project
            self.instanceOnly = instanceOnly
            self.refresh = refresh
        }

        /// Makes a source; everything but the type may be left out.
        public init(type: String, alias: String = "", fingerprint: String = "", protocol: String = "") {
            self.source = ""
            self.project = ""
            self.instanceOnly = false
            self.containerOnly = false
            self.refresh = false
            self.type = type
            self.alias = alias
            self.fingerprint = fingerprint
            self.properties = [:]
            self.server = ""
            self.protocol = `protocol`
            self.mode = ""
        }
    }

    /// The writable part of an instance (`PUT` and `PATCH /1.0/instances/NAME`).
    public struct Update: Codable, Sendable {
        /// The architecture.
        @Lenient public var architecture: String
        /// Its own configuration.
        @Nullable public var config: [String: String]?
        /// Its own devices.
        @Nullable public var devices: [String: [String: String]]?
        /// Whether it is deleted when it stops.
        @Nullable public var ephemeral: Bool?
        /// Its profiles.
        @Nullable public var profiles: [String]?
        /// The name of a snapshot to go back to.
        @Lenient public var restore: String
        /// Whether the memory state is meant as well.
        @Lenient public var stateful: Bool
        /// Free text.
        @Nullable public var description: String?

        enum CodingKeys: String, CodingKey {
            case architecture, config, devices, ephemeral, profiles, restore, stateful, description
        }

        /// The writable part of an instance as it is.
        public init(of instance: Instance) {
            architecture = instance.architecture
            config = instance.config
            devices = instance.devices
            ephemeral = instance.ephemeral
            profiles = instance.profiles
            restore = ""
            stateful = instance.stateful
            description = instance.description
        }
        /// The wish to go back to a snapshot.
        public init(restore: String, stateful: Bool = false) {
            architecture = ""
            self.restore = restore
            self.stateful = stateful
        }
        /// An update of the configuration only, for `PATCH`.
        public init(config: [String: String]) {
            architecture = ""
            self.config = config
            restore = ""
            stateful = false
        }
    }
}
