/// The configuration keys of a custom volume.
public struct StorageVolumeKeys: ConfigKeySet {
    /// How much it may hold.
    public let size = ConfigKey<ByteSize>(
        "size", effect: .live,
        "The most it may hold; refused where the pool's file system has no quotas of projects.",
        check: { $0.bytes > 0 ? nil : "a size above 0" })
    /// Rights inside.
    public let security = Security()
    /// Its snapshots.
    public let snapshots = Snapshots()
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}

    /// Rights inside.
    public struct Security: ConfigKeySet {
        /// For instances with different ids at a time.
        public let shifted = ConfigKey<Bool>(
            "security.shifted", default: "false", effect: .onRestart,
            "Whether instances with different id ranges may have it at the same time. The kernel maps the ids of every "
                + "mount by itself here: they always may.")
        /// As on the host.
        public let unmapped = ConfigKey<Bool>(
            "security.unmapped", default: "false", effect: .onRestart,
            "Whether its files belong to the same ids inside as on the host: then an unprivileged instance sees them as "
                + "nobody's.")
        /// All of them.
        public init() {}
    }

    /// Its snapshots.
    public struct Snapshots: ConfigKeySet {
        /// How long they last.
        public let expiry = ConfigKey<SnapshotAge>(
            "snapshots.expiry", effect: .live, "After what time a snapshot is removed.")
        /// What they are called.
        public let pattern = ConfigKey<SnapshotPattern>(
            "snapshots.pattern", default: "snap%d", effect: .live, SnapshotPattern.summary)
        /// When they are made by themselves.
        public let schedule = ConfigKey<SnapshotSchedule>(
            "snapshots.schedule", effect: .live, SnapshotSchedule.summary)
        /// All of them.
        public init() {}
    }
}
