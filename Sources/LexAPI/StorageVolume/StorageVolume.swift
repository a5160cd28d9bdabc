/// A volume of a storage pool as LXD's API shows it: a custom volume or a snapshot of one, the root of an instance, or an
/// image's files.
public struct StorageVolume: Codable, Sendable {
    /// Configuration of the volume.
    public var config: [String: String]
    /// Free text.
    public var description: String
    /// The name; of a snapshot `VOLUME/SNAPSHOT`.
    public var name: String
    /// `custom`, `container` or `image`.
    public var type: String
    /// The URLs of the instances and profiles that have it.
    public var usedBy: [String]
    /// `none` on a server that stands alone.
    public var location: String
    /// `filesystem`.
    public var contentType: String
    /// The project it belongs to.
    public var project: String
    /// When it was made.
    public var createdAt: Timestamp

    enum CodingKeys: String, CodingKey {
        case config, description, name, type
        case usedBy = "used_by"
        case location
        case contentType = "content_type"
        case project
        case createdAt = "created_at"
    }

    /// Makes the value from its parts.
    public init(
        name: String, type: String, project: String, description: String = "", config: [String: String] = [:],
        usedBy: [String], createdAt: Timestamp
    ) {
        self.config = config
        self.description = description
        self.name = name
        self.type = type
        self.usedBy = usedBy
        self.location = "none"
        self.contentType = "filesystem"
        self.project = project
        self.createdAt = createdAt
    }

    /// The word for custom volumes.
    public static let customType = "custom"

    /// A custom volume to make.
    public struct Creation: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// `custom`, where the address does not say it.
        @Lenient public var type: String
        /// `filesystem`, or empty.
        @Lenient public var contentType: String
        /// Free text.
        @Lenient public var description: String
        /// Configuration of the volume; null, in a copy, for that of the source.
        @Nullable public var config: [String: String]?
        /// What it is to be a copy of.
        public var source: Source?

        enum CodingKeys: String, CodingKey {
            case name, type
            case contentType = "content_type"
            case description, config, source
        }

        /// Makes the value.
        public init(
            name: String, type: String = StorageVolume.customType, contentType: String = "filesystem",
            description: String = "", config: [String: String]? = nil, source: Source? = nil
        ) {
            self.name = name
            self.type = type
            self.contentType = contentType
            self.description = description
            self.config = config
            self.source = source
        }
    }

    /// What a new volume is to be a copy of.
    public struct Source: Codable, Sendable {
        /// `copy`, or empty for none.
        @Lenient public var type: String
        /// The volume, or `VOLUME/SNAPSHOT`.
        @Lenient public var name: String
        /// Its pool; the new volume's own when empty.
        @Lenient public var pool: String
        /// Its project; the request's when empty.
        @Lenient public var project: String
        /// Whether its snapshots stay behind.
        @Lenient public var volumeOnly: Bool
        /// Whether the target may be there already; not in this version.
        @Lenient public var refresh: Bool

        enum CodingKeys: String, CodingKey {
            case type, name, pool, project
            case volumeOnly = "volume_only"
            case refresh
        }

        /// Makes the value.
        public init(name: String, pool: String, project: String = "", volumeOnly: Bool = false) {
            self.type = "copy"
            self.name = name
            self.pool = pool
            self.project = project
            self.volumeOnly = volumeOnly
            self.refresh = false
        }
    }

    /// What can be changed of a volume.
    public struct Update: Codable, Sendable {
        /// Free text.
        public var description: String?
        /// Configuration of the volume.
        @Nullable public var config: [String: String]?
        /// The snapshot whose files it is to have again; then the rest counts for nothing.
        @Lenient public var restore: String

        enum CodingKeys: String, CodingKey { case description, config, restore }

        /// Makes the value.
        public init(description: String? = nil, config: [String: String]? = nil, restore: String = "") {
            self.description = description
            self.config = config
            self.restore = restore
        }
    }

    /// Where a volume is to go: another name, another pool, another project.
    public struct Move: Codable, Sendable {
        /// The name it gets.
        @Lenient public var name: String
        /// The pool it goes to; its own when empty.
        @Lenient public var pool: String
        /// The project it goes to; its own when empty.
        @Lenient public var project: String
        /// Whether it is to be sent to another server; not in this version.
        @Lenient public var migration: Bool

        enum CodingKeys: String, CodingKey { case name, pool, project, migration }

        /// Makes the value.
        public init(name: String, pool: String = "", project: String = "") {
            self.name = name
            self.pool = pool
            self.project = project
            self.migration = false
        }
    }

    /// How much room a volume takes.
    public struct State: Codable, Sendable {
        /// Bytes.
        @Nullable public var usage: Usage?

        /// Makes the value.
        public init(used: UInt64, total: Int64) { usage = Usage(used: used, total: total) }

        /// Used and allowed bytes.
        public struct Usage: Codable, Sendable {
            /// In use.
            public var used: UInt64
            /// The most it may take; 0 without such a limit.
            public var total: Int64
        }
    }

    /// A custom volume as it was at a moment.
    public struct Snapshot: Codable, Sendable {
        /// Free text.
        public var description: String
        /// When it is removed; null for never.
        @Nullable public var expiresAt: Timestamp?
        /// The name; in lists `VOLUME/SNAPSHOT`.
        public var name: String
        /// The configuration the volume had.
        public var config: [String: String]
        /// `filesystem`.
        public var contentType: String
        /// When it was made.
        public var createdAt: Timestamp

        enum CodingKeys: String, CodingKey {
            case description
            case expiresAt = "expires_at"
            case name, config
            case contentType = "content_type"
            case createdAt = "created_at"
        }

        /// Makes the value from its parts.
        public init(
            name: String, description: String, expiresAt: Timestamp?, config: [String: String],
            contentType: String = "filesystem", createdAt: Timestamp
        ) {
            self.description = description
            self.expiresAt = expiresAt
            self.name = name
            self.config = config
            self.contentType = contentType
            self.createdAt = createdAt
        }

        /// A snapshot to make.
        public struct Creation: Codable, Sendable {
            /// The name; empty for one after the volume's pattern.
            @Lenient public var name: String
            /// When it is to be removed; null for what the volume's configuration says, the beginning of time for never.
            @Nullable public var expiresAt: Timestamp?

            enum CodingKeys: String, CodingKey {
                case name
                case expiresAt = "expires_at"
            }

            /// Makes the value.
            public init(name: String, expiresAt: Timestamp? = nil) {
                self.name = name
                self.expiresAt = expiresAt
            }
        }

        /// What can be changed of a snapshot. In a replacement an absent or null time means never.
        public struct Update: Codable, Sendable {
            /// Free text.
            public var description: String?
            /// When it is removed.
            @Nullable public var expiresAt: Timestamp?

            enum CodingKeys: String, CodingKey {
                case description
                case expiresAt = "expires_at"
            }

            /// Makes the value.
            public init(description: String?, expiresAt: Timestamp?) {
                self.description = description
                self.expiresAt = expiresAt
            }
        }

        /// Another name for a snapshot.
        public struct Rename: Codable, Sendable {
            /// The name.
            @Lenient public var name: String

            enum CodingKeys: String, CodingKey { case name }

            /// Makes the value.
            public init(name: String) { self.name = name }
        }
    }
}
