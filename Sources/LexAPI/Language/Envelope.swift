/// The seven keys of every JSON answer of the REST API, all of them always present.
public struct Envelope<Metadata: Codable & Sendable>: Codable, Sendable {
    /// `sync`, `async` or `error`.
    public var type: String
    /// `Success`, `Operation created`, or empty for an error.
    public var status: String
    /// 200, 100, or 0 for an error.
    public var statusCode: Int
    /// The URL of the operation, for an asynchronous answer.
    public var operation: String
    /// The HTTP status of an error, else 0.
    public var errorCode: Int
    /// The text of an error, else empty.
    public var error: String
    /// What was asked for.
    @Nullable public var metadata: Metadata?

    enum CodingKeys: String, CodingKey {
        case type, status
        case statusCode = "status_code"
        case operation
        case errorCode = "error_code"
        case error, metadata
    }

    /// An answer that is complete now.
    public static func sync(_ metadata: Metadata?) -> Envelope {
        Envelope(
            type: "sync", status: "Success", statusCode: 200, operation: "", errorCode: 0, error: "",
            metadata: metadata)
    }
    /// An answer that an operation was begun.
    public static func async(_ operation: String, _ metadata: Metadata) -> Envelope {
        Envelope(
            type: "async", status: "Operation created", statusCode: 100, operation: operation, errorCode: 0, error: "",
            metadata: metadata)
    }
}

extension Envelope where Metadata == JSONValue {
    /// An answer that is an error.
    public static func failure(_ error: APIError) -> Envelope {
        Envelope(
            type: "error", status: "", statusCode: 0, operation: "", errorCode: error.status, error: error.message,
            metadata: nil)
    }
}

/// An answer or a body without content: `{}`.
public struct Empty: Codable, Sendable, Equatable {
    /// Nothing.
    public init() {}
}
