/// The configuration keys of projects.
public struct ProjectKeys: ConfigKeySet {
    /// What a project has for itself.
    public let features = Features()
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}

    /// What a project has for itself; of what it has not, it uses the default project's.
    public struct Features: ConfigKeySet {
        /// Images and their aliases.
        public let images = ConfigKey<Bool>(
            "features.images", default: "true", effect: .live,
            "Whether the project has images and image aliases of its own.")
        /// Networks.
        public let networks = ConfigKey<Bool>(
            "features.networks", default: "false", effect: .live, "Whether the project has networks of its own.")
        /// Profiles.
        public let profiles = ConfigKey<Bool>(
            "features.profiles", default: "true", effect: .live, "Whether the project has profiles of its own.")
        /// Custom storage volumes.
        public let storageVolumes = ConfigKey<Bool>(
            "features.storage.volumes", default: "true", effect: .live,
            "Whether the project has custom storage volumes of its own.")
        /// All of them.
        public init() {}
    }

    /// Why a key of LXD's that this version does not serve is refused; nil for any other.
    public static func refusal(of name: String) -> String? {
        let known: [(String, String)] = [
            ("limits.", "what a project may use cannot be limited"),
            ("restricted", "a project cannot be restricted"),
            ("backups.", "there are no backups"),
            ("images.", "images are handled alike in all projects"),
        ]
        guard let (_, why) = known.first(where: { name.hasPrefix($0.0) }) else { return nil }
        return "The project key \"\(clipped(name))\" is not served by this version of lexd: \(why) yet. Leave it out"
    }
}
