/// An image as LXD's API shows it (`shared/api/image.go`).
public struct Image: Codable, Sendable {
    /// Whether it follows its source.
    public var autoUpdate: Bool
    /// Names and values that describe it.
    public var properties: [String: String]
    /// Whether strangers may see it.
    public var `public`: Bool
    /// When it is to be removed; the epoch for never.
    public var expiresAt: Timestamp
    /// The profiles an instance made from it gets when none are named.
    public var profiles: [String]
    /// The names it has.
    public var aliases: [Alias]
    /// The architecture, `x86_64`.
    public var architecture: String
    /// Whether it was brought by a launch and may go when it is not used.
    public var cached: Bool
    /// The name of the file it came in.
    public var filename: String
    /// Its SHA-256 in hexadecimal digits.
    public var fingerprint: String
    /// The size of its file in bytes.
    public var size: Int64
    /// `container`.
    public var type: String
    /// When it was built, by its own metadata.
    public var createdAt: Timestamp
    /// When an instance was last made from it; year 1 for never.
    public var lastUsedAt: Timestamp
    /// When it came here.
    public var uploadedAt: Timestamp

    enum CodingKeys: String, CodingKey {
        case autoUpdate = "auto_update"
        case properties, `public`
        case expiresAt = "expires_at"
        case profiles, aliases, architecture, cached, filename, fingerprint, size, type
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
        case uploadedAt = "uploaded_at"
    }

    /// Makes the value from all its parts.
    public init(
        autoUpdate: Bool, properties: [String: String], public: Bool, expiresAt: Timestamp, profiles: [String],
        aliases: [Alias], architecture: String, cached: Bool, filename: String, fingerprint: String, size: Int64,
        type: String, createdAt: Timestamp, lastUsedAt: Timestamp, uploadedAt: Timestamp
    ) {
        self.autoUpdate = autoUpdate
        self.properties = properties
        self.public = `public`
        self.expiresAt = expiresAt
        self.profiles = profiles
        self.aliases = aliases
        self.architecture = architecture
        self.cached = cached
        self.filename = filename
        self.fingerprint = fingerprint
        self.size = size
        self.type = type
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.uploadedAt = uploadedAt
    }

    /// A name of an image, as the image shows it.
    public struct Alias: Codable, Sendable, Equatable {
        /// The name.
        public var name: String
        /// Free text.
        public var description: String
        /// Makes the value.
        public init(name: String, description: String) {
            self.name = name
            self.description = description
        }
    }

    /// A recipe that the server can make an image of; an addition of lexd.
    public struct Template: Codable, Sendable, Equatable {
        /// The name behind `template:`, as `debian/12`.
        public var name: String
        /// What the image will be.
        public var description: String
        /// Makes the value.
        public init(name: String, description: String) {
            self.name = name
            self.description = description
        }
    }

    /// A name of an image as a thing of its own (`GET /1.0/images/aliases/NAME`).
    public struct AliasEntry: Codable, Sendable {
        /// Free text.
        @Lenient public var description: String
        /// The fingerprint of the image.
        @Lenient public var target: String
        /// The name.
        @Lenient public var name: String
        /// `container`.
        @Lenient public var type: String

        enum CodingKeys: String, CodingKey { case description, target, name, type }

        /// Makes the value.
        public init(name: String, target: String, description: String = "", type: String = "container") {
            self.name = name
            self.target = target
            self.description = description
            self.type = type
        }
    }

    /// A change of an alias; a missing field stays as it is in a `PATCH`.
    public struct AliasUpdate: Codable, Sendable {
        /// Free text.
        @Nullable public var description: String?
        /// The fingerprint of the image.
        @Nullable public var target: String?

        enum CodingKeys: String, CodingKey { case description, target }

        /// Makes the value.
        public init(description: String?, target: String?) {
            self.description = description
            self.target = target
        }
    }

    /// A new name for something (`POST` on its URL).
    public struct Rename: Codable, Sendable {
        /// The new name.
        @Lenient public var name: String
        enum CodingKeys: String, CodingKey { case name }
        /// Makes the value.
        public init(name: String) { self.name = name }
    }
}
