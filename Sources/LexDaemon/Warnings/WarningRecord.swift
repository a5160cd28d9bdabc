import LexAPI

/// A warning as the store keeps it, under its UUID.
struct WarningRecord: Record, Equatable {
    static let keyPrefix = "/warnings/"

    var kind: String
    var project: String
    /// The URL of what it is about; empty for the server.
    var entity: String
    var status: Warning.Status
    var count: Int
    var firstSeenAt: Timestamp
    var lastSeenAt: Timestamp
    var message: String
}
