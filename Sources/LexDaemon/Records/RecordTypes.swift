import FoundationEssentials
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
    /// The name of its metadata and templates, an ``InstanceMetadataRecord``; nil for one that has none.
    var metadata: String?
    /// While it is renamed: the key it is to have.
    var movesTo: String?
    /// While it is restored: the snapshot its files are to come from.
    var restoresFrom: String?
    /// What became of it last; nil in the record of one that was never started.
    var history: InstanceHistory?
    /// Nil in the record of one that never had a snapshot.
    private var snapshotList: InstanceSnapshotList?

    /// Its snapshots in the order they were made, those that are not finished among them.
    var snapshots: [InstanceSnapshotRecord] {
        get { snapshotList?.items ?? [] }
        set { snapshotList = newValue.isEmpty ? nil : InstanceSnapshotList(newValue) }
    }

    /// The snapshot of that name; nil while it is not finished.
    func snapshot(_ name: String) -> InstanceSnapshotRecord? {
        snapshots.first { $0.name == name && $0.isFinished }
    }

    /// The name of its entry.
    var key: String { "\(project)/\(name)" }
    /// Its address on the wire.
    var url: String { Projects.url("/1.0/instances/\(name)", project: project) }

    /// The address of a snapshot of it.
    func url(ofSnapshot name: String) -> String {
        Projects.url("/1.0/instances/\(self.name)/snapshots/\(name)", project: project)
    }

    init(
        project: String, name: String, architecture: String, description: String, ephemeral: Bool, profiles: [String],
        config: [String: String], devices: [String: [String: String]], createdAt: Timestamp, lastUsedAt: Timestamp,
        pool: String, image: String? = nil
    ) {
        self.project = project
        self.name = name
        self.architecture = architecture
        self.description = description
        self.ephemeral = ephemeral
        self.profiles = profiles
        self.config = config
        self.devices = devices
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.pool = pool
        self.image = image
    }
}

/// What became of an instance last, for people.
struct InstanceHistory: Codable, Sendable, Equatable {
    /// Its last start.
    var start: Instance.Explanation.Moment?
    /// Its last end.
    var stop: Instance.Explanation.Moment?
    /// Its last start that failed, when none succeeded since.
    var failure: Instance.Explanation.Moment?
}

/// The metadata and templates of an image, as instances made from it have them.
///
/// It lies under the hash of what it says, and nothing changes it: many instances have the same, copies and snapshots among
/// them, and one whose metadata is edited gets another.
struct InstanceMetadataRecord: Record, Equatable {
    static let keyPrefix = "/instance-metadata/"

    var metadata = Instance.Metadata()
    /// The templates, by the names of their files.
    var templates: [String: Data] = [:]
}

/// An image as the store keeps it. Its name in the store is `PROJECT/FINGERPRINT`; the file is one for all projects.
struct ImageRecord: Record, Equatable {
    static let keyPrefix = "/project-images/"
    static let prefixBeforeProjects: String? = "/images/"

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
    // What older records do not have is nil there.
    /// Whether it has two files, one with the metadata and one with the root file system.
    var isSplit: Bool?
    /// Whether it follows its source.
    var autoUpdate: Bool?
    /// The profiles instances made from it get; nil for `default`.
    var profiles: [String]?
    /// The name of the metadata and templates that instances made from it begin with.
    var metadata: String?

    /// The profiles instances made from it get when none are named.
    var profileNames: [String] { profiles ?? [Project.defaultName] }
}

/// A name of an image, as `PROJECT/NAME`; the image is the same project's.
struct AliasRecord: Record, Equatable {
    static let keyPrefix = "/project-image-aliases/"
    static let prefixBeforeProjects: String? = "/image-aliases/"

    var target: String
    var description: String
}

/// A profile, as `PROJECT/NAME`.
struct ProfileRecord: Record, Equatable {
    static let keyPrefix = "/project-profiles/"
    static let prefixBeforeProjects: String? = "/profiles/"

    var description: String
    var config: [String: String]
    var devices: [String: [String: String]]
}

/// A managed network, as `PROJECT/NAME`.
struct NetworkRecord: Record, Equatable {
    static let keyPrefix = "/project-networks/"
    static let prefixBeforeProjects: String? = "/networks/"

    var type: String
    var description: String
    var config: [String: String]
    /// Its forwards by listen address.
    var forwards: [String: NetworkForwardRecord]?
}

/// A project, under its name.
struct ProjectRecord: Record, Equatable {
    static let keyPrefix = "/projects/"

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
