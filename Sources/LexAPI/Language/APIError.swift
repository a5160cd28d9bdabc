/// An answer that is an error: an HTTP status and a sentence for the person who asked.
///
/// The sentence says what was attempted, on what, why it failed and, where there is one, what to do about it. Where
/// stock clients match on a text, the text is LXD's.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The HTTP status, 400 to 599.
    public let status: Int
    /// The sentence.
    public let message: String

    /// An error with any status.
    public init(status: Int, _ message: String) {
        self.status = status
        self.message = message
    }

    /// 400: the request cannot be carried out as it is.
    public static func badRequest(_ message: String) -> APIError { APIError(status: 400, message) }
    /// 403: it is not allowed.
    public static func forbidden(_ message: String) -> APIError { APIError(status: 403, message) }
    /// 404: there is no such thing; LXD's text is "Instance not found", "Profile not found" and so on.
    public static func notFound(_ message: String) -> APIError { APIError(status: 404, message) }
    /// 409: there is one already.
    public static func conflict(_ message: String) -> APIError { APIError(status: 409, message) }
    /// 412: the If-Match header does not fit.
    public static func preconditionFailed(_ message: String) -> APIError { APIError(status: 412, message) }
    /// 500: something in the server or below it failed.
    public static func failed(_ message: String) -> APIError { APIError(status: 500, message) }
    /// 503: not now.
    public static func unavailable(_ message: String) -> APIError { APIError(status: 503, message) }

    /// The sentence.
    public var description: String { message }
}
