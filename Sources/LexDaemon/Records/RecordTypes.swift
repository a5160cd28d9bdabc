import LexAPI

/// An instance as the store keeps it. Its name in the store is `PROJECT/NAME`.
struct InstanceRecord: Record, Equatable {
    static let keyPrefix = "/instances/"

    var project: String
    var name: String
    var architecture: String
    var description: String
    var ephemeral: Bool
    var profiles: [String]
    /// Its own configuration, `volatile.*` among it.
    var config: [String: String]
    var devices: [String: [String: String]]
    var createdAt: Timestamp
    var lastUsedAt: Timestamp
    /// The pool its files lie in.
    var pool: String
    /// The image whose layer it stands on; nil for one made empty.
    var image: String?

    /// The name of its entry.
    var key: String { "\(project)/\(name)" }
}

/// An image as the store keeps it, under its fingerprint.
struct ImageRecord: Record, Equatable {
    static let keyPrefix = "/images/"

    var fingerprint: String
    var filename: String
    var size: Int64
    var isPublic: Bool
    var architecture: String
    var properties: [String: String]
    var createdAt: Timestamp
    var expiresAt: Timestamp
    var uploadedAt: Timestamp
    var lastUsedAt: Timestamp
    /// Whether it was made by a launch.
    var isCached: Bool
    /// The recipe it was built from; nil for one that was uploaded.
    var template: String?
}

/// A name of an image.
struct AliasRecord: Record, Equatable {
    static let keyPrefix = "/image-aliases/"

    var target: String
    var description: String
}

/// A profile, under its name.
struct ProfileRecord: Record, Equatable {
    static let keyPrefix = "/profiles/"

    var description: String
    var config: [String: String]
    var devices: [String: [String: String]]
}

/// A managed network, under its name.
struct NetworkRecord: Record, Equatable {
    static let keyPrefix = "/networks/"

    var type: String
    var description: String
    var config: [String: String]
}

/// A storage pool, under its name.
struct StoragePoolRecord: Record, Equatable {
    static let keyPrefix = "/storage-pools/"

    var driver: String
    var description: String
    var config: [String: String]
}

/// What is remembered of the server: one entry, `config`.
struct ServerRecord: Record, Equatable {
    static let keyPrefix = "/server/"

    var config: [String: String]
    /// When the first start was done; nil before.
    var initializedAt: Timestamp?
}
