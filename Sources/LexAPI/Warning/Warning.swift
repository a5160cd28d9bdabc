/// Something that lexd wants a person to know, as LXD's API shows it (`shared/api/warning.go`).
public struct Warning: Codable, Sendable {
    /// `new`, `acknowledged` or `resolved`.
    public var status: String
    /// A UUID.
    public var uuid: String
    /// The cluster member it is about; `none` alone.
    public var location: String
    /// The project it is about; empty for the server.
    public var project: String
    /// What it is, in a few words, see ``Kind``.
    public var type: String
    /// How often it was met.
    public var count: Int
    /// When it was first met.
    public var firstSeenAt: Timestamp
    /// When it was last met.
    public var lastSeenAt: Timestamp
    /// What was said when it was last met.
    public var lastMessage: String
    /// `low`, `moderate` or `high`.
    public var severity: String
    /// The URL of what it is about; empty for the server.
    public var entityURL: String

    enum CodingKeys: String, CodingKey {
        case status, uuid, location, project, type, count
        case firstSeenAt = "first_seen_at"
        case lastSeenAt = "last_seen_at"
        case lastMessage = "last_message"
        case severity
        case entityURL = "entity_url"
    }

    /// Makes the value from all its parts.
    public init(
        status: Status, uuid: String, project: String, kind: Kind, count: Int, firstSeenAt: Timestamp,
        lastSeenAt: Timestamp, lastMessage: String, entityURL: String
    ) {
        self.status = status.rawValue
        self.uuid = uuid
        self.location = "none"
        self.project = project
        self.type = kind.rawValue
        self.count = count
        self.firstSeenAt = firstSeenAt
        self.lastSeenAt = lastSeenAt
        self.lastMessage = lastMessage
        self.severity = kind.severity.rawValue
        self.entityURL = entityURL
    }

    /// What became of a warning.
    public enum Status: String, Codable, Sendable, CaseIterable {
        /// Nobody has looked at it.
        case new
        /// A person knows of it.
        case acknowledged
        /// Its cause is gone.
        case resolved
    }

    /// How bad it is.
    public enum Severity: String, Sendable {
        /// Something works less well.
        case low
        /// Something may not work.
        case moderate
        /// Something does not work.
        case high
    }

    /// What a warning can be about. The words are LXD's where it has them (`lxd/db/warningtype`).
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// The kernel has no AppArmor, or it is off.
        case appArmorNotAvailable = "AppArmor support has been disabled"
        /// A control group controller is missing.
        case missingController = "Missing CGroup controller"
        /// An instance that should have started did not.
        case instanceAutostartFailure = "Failed to start instance"
        /// A snapshot that the schedule of an instance asks for was not made.
        case scheduledSnapshotFailure = "Failed to make scheduled snapshot"
        /// A storage pool could not be opened.
        case storagePoolUnavailable = "Storage pool unavailable"
        /// A managed network could not be started.
        case networkStartupFailure = "Network unavailable"
        /// A network's dnsmasq ends again and again, or does not start.
        case dnsmasqFailing = "Failed to run dnsmasq"
        /// Another firewall of the host may drop what a network needs.
        case foreignFirewall = "Another firewall may block a network"
        /// A limit of the host is too low for many instances.
        case hostLimit = "Limit of the host too low"
        /// Something was found that belongs to no record.
        case orphan = "Found something that belongs to nothing"

        /// How bad it is.
        public var severity: Severity {
            switch self {
            case .appArmorNotAvailable, .missingController, .orphan: .low
            case .instanceAutostartFailure, .hostLimit: .low
            case .foreignFirewall, .scheduledSnapshotFailure: .moderate
            case .storagePoolUnavailable, .networkStartupFailure, .dnsmasqFailing: .high
            }
        }
    }

    /// The writable part.
    public struct Update: Codable, Sendable {
        /// `new` or `acknowledged`.
        @Lenient public var status: String

        enum CodingKeys: String, CodingKey { case status }

        /// Makes the value.
        public init(status: Status) { self.status = status.rawValue }
    }
}
