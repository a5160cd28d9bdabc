public import LexAPI
import Logging
import NIOCore
import NIOPosix

/// What happens on a server, from the moment the stream was made; each value as the server sent it.
///
/// It ends without an error when the server closes the connection, as it does when it stops.
public struct EventStream: AsyncSequence, Sendable {
    private let socket: WebSocket

    init(socket: WebSocket) {
        self.socket = socket
    }

    /// Begins to read; only one iterator at a time makes sense.
    public func makeAsyncIterator() -> Iterator { Iterator(socket: socket) }

    /// Reads the events one by one.
    public struct Iterator: AsyncIteratorProtocol {
        let socket: WebSocket

        /// The next event; nil when the server has closed the connection.
        public mutating func next() async throws -> JSONValue? {
            while let part = try await socket.next() {
                // The server sends nothing else; what is not text is not an event.
                if case .text(let text) = part { return try JSONValue.parse(Array(buffer: text)) }
            }
            return nil
        }
    }

    /// Closes the connection.
    public func close() async { await socket.close() }
}

extension Client {
    /// Follows what happens on the server: `operation`, `lifecycle` and `logging`, or what is named.
    public func events(types: [String] = [], allProjects: Bool = false) async throws -> EventStream {
        let path = try RequestPath(
            API.operations.events.path, [:],
            query: [
                "type": types.isEmpty ? nil : types.joined(separator: ","), "all-projects": allProjects ? "true" : nil,
            ], project: project)
        return EventStream(socket: try await webSocket(path))
    }

    /// Connects to a websocket of the server.
    func webSocket(_ path: RequestPath) async throws -> WebSocket {
        do {
            logger.debug("connecting websocket", metadata: ["path": "\(path.text)"])
            return try await WebSocket.connect(to: address, path: path.text, on: loops.next())
        } catch let error as APIError {
            throw error
        } catch let error as ClientError {
            throw error
        } catch {
            throw connectionError(error, during: path.text)
        }
    }
}
