/// A profile as LXD's API shows it: configuration and devices that instances share.
public struct Profile: Codable, Sendable {
    /// Configuration of the instances.
    public var config: [String: String]
    /// Free text.
    public var description: String
    /// Devices of the instances.
    public var devices: [String: [String: String]]
    /// The name.
    public var name: String
    /// The URLs of the instances that have it.
    public var usedBy: [String]

    enum CodingKeys: String, CodingKey {
        case config, description, devices, name
        case usedBy = "used_by"
    }

    /// Makes the value from all its parts.
    public init(
        name: String, description: String, config: [String: String], devices: [String: [String: String]],
        usedBy: [String]
    ) {
        self.name = name
        self.description = description
        self.config = config
        self.devices = devices
        self.usedBy = usedBy
    }

    /// A profile to make.
    public struct Creation: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// Free text.
        @Lenient public var description: String
        /// Configuration of the instances.
        @Lenient public var config: [String: String]
        /// Devices of the instances.
        @Lenient public var devices: [String: [String: String]]

        enum CodingKeys: String, CodingKey { case name, description, config, devices }

        /// Makes the value.
        public init(
            name: String, description: String = "", config: [String: String] = [:],
            devices: [String: [String: String]] = [:]
        ) {
            self.name = name
            self.description = description
            self.config = config
            self.devices = devices
        }
    }

    /// The writable part; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable {
        /// Free text.
        @Nullable public var description: String?
        /// Configuration of the instances.
        @Nullable public var config: [String: String]?
        /// Devices of the instances.
        @Nullable public var devices: [String: [String: String]]?

        enum CodingKeys: String, CodingKey { case description, config, devices }

        /// Makes the value.
        public init(description: String?, config: [String: String]?, devices: [String: [String: String]]?) {
            self.description = description
            self.config = config
            self.devices = devices
        }
    }

    /// What came of a change; LXD answers an empty object.
    public struct Changed: Codable, Sendable, Equatable {
        /// What running instances take only at their next start, by their URLs; nil when there is nothing.
        public var restartRequired: [String: String]?

        enum CodingKeys: String, CodingKey { case restartRequired = "restart_required" }

        /// Makes the value.
        public init(restartRequired: [String: String]? = nil) { self.restartRequired = restartRequired }
    }

    /// A new name.
    public struct Rename: Codable, Sendable {
        /// The name.
        @Lenient public var name: String

        /// Makes the value.
        public init(name: String) { self.name = name }
    }
}
