public import LexAPI

/// Why something asked of a server did not succeed, apart from the server's own refusals, which are `APIError`.
public enum ClientError: Error, Sendable, CustomStringConvertible {
    /// There is no way to the server.
    case unreachable(address: ServerAddress, reason: String)
    /// The server sent what is not LXD's API.
    case protocolViolation(String)
    /// The connection ended before the answer was complete.
    case connectionLost(during: String, reason: String)
    /// The path of an endpoint has a part that was not given.
    case missingPart(name: String, path: String)
    /// A read or write of a local file or terminal failed.
    case file(String)
    /// Whoever read what is written here has gone, as `head` does when it has enough.
    case nobodyReads

    /// A sentence for the person who asked.
    public var description: String {
        switch self {
        case .unreachable(.unix(let path), let reason):
            "Cannot reach the server at \(path): \(reason)"
        case .protocolViolation(let text):
            "The server's answer makes no sense: \(text)"
        case .connectionLost(let action, let reason):
            "Lost the connection to the server during \(action): \(reason)"
        case .missingPart(let name, let path):
            "Cannot ask for \(path): the \(name) is empty"
        case .file(let text):
            text
        case .nobodyReads:
            "Nobody reads the output any more"
        }
    }
}

/// An operation that the server began and that did not end well.
public struct OperationFailure: Error, Sendable, CustomStringConvertible {
    /// The operation as it was at its end.
    public let operation: LexAPI.Operation

    /// The server's reason, or a sentence when it gave none.
    public var description: String {
        if !operation.err.isEmpty { return operation.err }
        return operation.statusCode == StatusCode.cancelled.rawValue
            ? "The operation was cancelled: \(operation.description)"
            : "The operation failed without a reason: \(operation.description)"
    }
}
