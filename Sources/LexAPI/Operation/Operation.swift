/// Work in the background, as LXD's API shows it (`shared/api/operation.go`).
public struct Operation: Codable, Sendable {
    /// A UUID.
    public var id: String
    /// `task`, `websocket` or `token`.
    public var `class`: String
    /// What it does, in a few words.
    public var description: String
    /// When it began.
    public var createdAt: Timestamp
    /// When its state or metadata last changed.
    public var updatedAt: Timestamp
    /// The state in a word.
    public var status: String
    /// The state as a number, see ``StatusCode``.
    public var statusCode: Int
    /// The URLs of what it works on, by kind; null for none.
    @Nullable public var resources: [String: [String]]?
    /// Progress and results; null for none.
    @Nullable public var metadata: [String: JSONValue]?
    /// Whether it can be cancelled.
    public var mayCancel: Bool
    /// Why it failed; empty when it did not.
    public var err: String
    /// The cluster member it runs on; `none` alone.
    public var location: String

    enum CodingKeys: String, CodingKey {
        case id, `class`, description
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case status
        case statusCode = "status_code"
        case resources, metadata
        case mayCancel = "may_cancel"
        case err, location
    }

    /// Makes the value from all its parts.
    public init(
        id: String, class: String, description: String, createdAt: Timestamp, updatedAt: Timestamp,
        status: StatusCode, resources: [String: [String]]?, metadata: [String: JSONValue]?, mayCancel: Bool,
        err: String, location: String = "none"
    ) {
        self.id = id
        self.class = `class`
        self.description = description
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.status = status.name
        self.statusCode = status.rawValue
        self.resources = resources
        self.metadata = metadata
        self.mayCancel = mayCancel
        self.err = err
        self.location = location
    }
}
