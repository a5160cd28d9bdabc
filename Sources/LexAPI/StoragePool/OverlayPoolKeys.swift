/// The configuration keys of a storage pool with the driver `overlay`.
public struct OverlayPoolKeys: ConfigKeySet {
    /// Where it lies.
    public let source = ConfigKey<ConfigLine>(
        "source", effect: .atCreation, "The directory it lies in; lexd's own when not given.",
        check: { $0.text.hasPrefix("/") ? nil : "an absolute path" })
    /// Where it was asked to lie.
    public let volatileInitialSource = ConfigKey<ConfigLine>(
        "volatile.initial_source", effect: .atCreation, "The source it was made with.")
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}
