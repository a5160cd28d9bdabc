import AsyncHTTPClient
public import Logging
import NIOCore
import NIOPosix

/// A client for one server, which speaks LXD's REST API.
///
/// ```swift
/// let client = Client(.local(environment: environment))
/// let web = try await client.call(API.instances.get, path: ["name": "web"])
/// try await client.run(API.instances.delete, path: ["name": "web"])
/// try await client.close()
/// ```
///
/// - `call` sends a request and gives the reply, `answer` also the ETag and the operation.
/// - `run` sends a request and, when the server begins an operation for it, waits for its end.
/// - `upload`, `download`, `events` and `exec` are the streams.
///
/// One event loop thread serves all of it. Nothing is connected before the first request.
public final class Client: Sendable {
    /// Where the server is.
    public let address: ServerAddress
    /// The project every request is about; nil for the server's own choice.
    public let project: String?
    let logger: Logger
    let loops: MultiThreadedEventLoopGroup
    let http: HTTPClient

    /// Makes a client; call ``close()`` when done with it.
    public init(
        _ address: ServerAddress, project: String? = nil,
        logger: Logger = Logger(label: "client", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.address = address
        self.project = project
        self.logger = logger
        loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5))
        configuration.httpVersion = .http1Only
        // A socket that is not there now will not be there in a moment either; without this AsyncHTTPClient tries
        // again until the time for connecting is used up.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroup: loops, configuration: configuration)
    }

    /// Ends the connections and the thread. The client cannot be used any more.
    public func close() async throws {
        try await http.shutdown()
        try await loops.shutdownGracefully()
    }
}
