/// The configuration keys of a storage pool with the driver `dir`.
public struct DirectoryPoolKeys: ConfigKeySet {
    /// Where it lies.
    public let source = ConfigKey<ConfigLine>(
        "source", effect: .atCreation, "The directory it lies in; lexd's own when not given.",
        check: { $0.text.hasPrefix("/") ? nil : "an absolute path" })
    /// How much may pass.
    public let rsyncBandwidth = ConfigKey<ByteSize>(
        "rsync.bwlimit", effect: .live, "The most bytes per second that are sent to another server.")
    /// Whether what passes is packed.
    public let rsyncCompression = ConfigKey<Bool>(
        "rsync.compression", default: "true", effect: .live, "Whether what is sent to another server is compressed.")
    /// What volumes get.
    public let volume = Volume()
    /// Where it was asked to lie.
    public let volatileInitialSource = ConfigKey<ConfigLine>(
        "volatile.initial_source", effect: .atCreation, "The source it was made with.")
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}

    /// What volumes get that say nothing about it themselves.
    public struct Volume: ConfigKeySet {
        /// For `size`.
        public let size = ConfigKey<ByteSize>(
            "volume.size", effect: .live,
            "The size of new custom volumes, and of the root disks of instances that say nothing about it themselves, "
                + "when those start.", check: { $0.bytes > 0 ? nil : "a size above 0" })
        /// For `security.shifted`.
        public let shifted = ConfigKey<Bool>(
            "volume.security.shifted", effect: .live, "The security.shifted of new custom volumes.")
        /// For `security.unmapped`.
        public let unmapped = ConfigKey<Bool>(
            "volume.security.unmapped", effect: .live, "The security.unmapped of new custom volumes.")
        /// For `snapshots.expiry`.
        public let expiry = ConfigKey<SnapshotAge>(
            "volume.snapshots.expiry", effect: .live, "The snapshots.expiry of new custom volumes.")
        /// For `snapshots.pattern`.
        public let pattern = ConfigKey<SnapshotPattern>(
            "volume.snapshots.pattern", effect: .live, "The snapshots.pattern of new custom volumes.")
        /// For `snapshots.schedule`.
        public let schedule = ConfigKey<SnapshotSchedule>(
            "volume.snapshots.schedule", effect: .live, "The snapshots.schedule of new custom volumes.")
        /// All of them.
        public init() {}
    }
}
