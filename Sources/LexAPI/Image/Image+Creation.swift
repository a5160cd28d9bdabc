extension Image {
    /// The JSON form of `POST /1.0/images`: an image that is not in the body.
    public struct Creation: Codable, Sendable {
        /// Where it comes from.
        @Nullable public var source: Source?
        /// Names to give it.
        @Lenient public var aliases: [Alias]
        /// Whether strangers may see it.
        @Lenient public var `public`: Bool
        /// Whether it is to follow its source.
        @Lenient public var autoUpdate: Bool
        /// Properties to set beside its own.
        @Lenient public var properties: [String: String]
        /// The profiles instances made from it get; `default` when there are none here.
        @Nullable public var profiles: [String]?
        /// When it is to be removed.
        @Nullable public var expiresAt: Timestamp?
        /// How the file of an image made from an instance is compressed: `gzip`, `none`, …
        @Lenient public var compressionAlgorithm: String
        /// The name of its file.
        @Lenient public var filename: String

        enum CodingKeys: String, CodingKey {
            case source, aliases, `public`
            case autoUpdate = "auto_update"
            case properties, profiles
            case expiresAt = "expires_at"
            case compressionAlgorithm = "compression_algorithm"
            case filename
        }

        /// Makes the value.
        public init(
            source: Source, aliases: [Alias] = [], public: Bool = false, autoUpdate: Bool = false,
            properties: [String: String] = [:], profiles: [String]? = nil, expiresAt: Timestamp? = nil,
            compressionAlgorithm: String = "", filename: String = ""
        ) {
            self.source = source
            self.aliases = aliases
            self.public = `public`
            self.autoUpdate = autoUpdate
            self.properties = properties
            self.profiles = profiles
            self.expiresAt = expiresAt
            self.compressionAlgorithm = compressionAlgorithm
            self.filename = filename
        }
    }

    /// Where an image that is not in the body comes from.
    public struct Source: Codable, Sendable {
        /// `image` for one that is on a server, `instance` or `snapshot` for one made of such, or `template`: built by
        /// the server from a recipe (API extension `lexd_image_template`).
        @Lenient public var type: String
        /// `pull`, or `push` when somebody will bring it.
        @Lenient public var mode: String
        /// The URL of the server it is on; empty for this one.
        @Lenient public var server: String
        /// How that server is spoken to, `lxd` or `simplestreams`.
        @Lenient public var `protocol`: String
        /// The name of the image or of the recipe, `debian/12`.
        @Lenient public var alias: String
        /// The beginning of its fingerprint.
        @Lenient public var fingerprint: String
        /// The project it is in, when that is another one.
        @Lenient public var project: String
        /// The instance or snapshot it is made of.
        @Lenient public var name: String
        /// The URL of an image file.
        @Lenient public var url: String

        enum CodingKeys: String, CodingKey {
            case type, mode, server, `protocol`, alias, fingerprint, project, name, url
        }

        /// Makes the value.
        public init(
            type: String, mode: String = "", server: String = "", protocol: String = "", alias: String = "",
            fingerprint: String = "", project: String = "", name: String = "", url: String = ""
        ) {
            self.type = type
            self.mode = mode
            self.server = server
            self.protocol = `protocol`
            self.alias = alias
            self.fingerprint = fingerprint
            self.project = project
            self.name = name
            self.url = url
        }
    }

    /// What of an image can be changed; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable {
        /// Whether it follows its source.
        @Nullable public var autoUpdate: Bool?
        /// Names and values that describe it.
        @Nullable public var properties: [String: String]?
        /// Whether strangers may see it.
        @Nullable public var `public`: Bool?
        /// When it is to be removed; LXD takes none as "as it was".
        @Nullable public var expiresAt: Timestamp?
        /// The profiles instances made from it get.
        @Nullable public var profiles: [String]?

        enum CodingKeys: String, CodingKey {
            case autoUpdate = "auto_update"
            case properties, `public`
            case expiresAt = "expires_at"
            case profiles
        }

        /// Makes the value.
        public init(
            autoUpdate: Bool? = nil, properties: [String: String]? = nil, public: Bool? = nil,
            expiresAt: Timestamp? = nil, profiles: [String]? = nil
        ) {
            self.autoUpdate = autoUpdate
            self.properties = properties
            self.public = `public`
            self.expiresAt = expiresAt
            self.profiles = profiles
        }

        /// What an image has of it.
        public init(of image: Image) {
            self.init(
                autoUpdate: image.autoUpdate, properties: image.properties, public: image.public,
                expiresAt: image.expiresAt, profiles: image.profiles)
        }
    }

    /// Where an image is to be sent (`POST /1.0/images/FINGERPRINT/export`).
    public struct Push: Codable, Sendable {
        /// The URL of the other server.
        @Lenient public var target: String
        /// What lets one in there.
        @Lenient public var secret: String
        /// The certificate of that server.
        @Lenient public var certificate: String
        /// The project there.
        @Lenient public var project: String

        enum CodingKeys: String, CodingKey { case target, secret, certificate, project }
    }
}
