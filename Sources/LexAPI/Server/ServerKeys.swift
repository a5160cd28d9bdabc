/// The configuration keys of the server itself.
public struct ServerKeys: ConfigKeySet {
    /// The time a shutdown may take.
    public let shutdownTimeout = ConfigKey<Int64>(
        "core.shutdown_timeout", default: "5", effect: .live,
        "Minutes that lexd waits for operations under way before it shuts down.",
        check: { $0 >= 0 && $0 <= 1440 ? nil : "from 0 to 1440" })
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}
