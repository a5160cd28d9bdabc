import LexAPI
import NIOCore
import NIOPosix

/// The websockets that an operation has waiting.
struct OperationSockets {
    let client: Client
    let operation: LexAPI.Operation
    private let secrets: [String: String]
    private let action: String

    /// - Parameter action: What was asked for, for the error when there are none.
    init(of operation: LexAPI.Operation?, client: Client, whose action: String) throws {
        guard let operation, let secrets = operation.metadata?["fds"]?.members?.compactMapValues(\.text) else {
            throw ClientError.protocolViolation("the answer to \(action) names no websockets")
        }
        self.client = client
        self.operation = operation
        self.secrets = secrets
        self.action = action
    }

    func connect(_ name: String) async throws -> WebSocket {
        guard let secret = secrets[name] else {
            throw ClientError.protocolViolation("the answer to \(action) names no websocket \"\(name)\"")
        }
        return try await client.webSocket(
            RequestPath(API.operations.websocket.path, ["id": operation.id], query: ["secret": secret], project: nil))
    }
}

extension ExecStreams.Sink {
    /// Passes bytes on; a descriptor may make a thread wait.
    func take(_ bytes: ByteBuffer, _ threads: NIOThreadPool) async throws {
        switch self {
        case .discard: break
        case .descriptor(let descriptor):
            try await threads.runIfActive { try Descriptors.write(bytes, to: descriptor) }
        case .function(let take): try await take(Array(buffer: bytes))
        }
    }
}
