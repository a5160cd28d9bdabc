import Glibc
import LexAPI
import LexStore
import LexTestKit
import Logging
import NIOCore
import NIOHTTP1

@testable import LexDaemon

/// Serves a router on a socket in a directory of its own while `body` runs.
func withServer(
    _ router: Router, projects: Projects = .inMemory(MemoryStore()),
    gate: @escaping @Sendable (LexAPI.Method, String) -> APIError? = { _, _ in nil },
    _ body: (_ path: String) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let path = directory + "/socket"
        let server = HTTPServer(
            router: router, logger: Logger(label: "test"), project: { try await projects.asked($0, query: $1) },
            gate: gate)
        let isReady = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run(unixSocket: path, group: getgid()) { isReady.open() } }
            _ = await isReady.wait(.seconds(20))
            do {
                try await body(path)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }
}

extension Projects {
    /// The projects of a store, with everything that may lie in them.
    static func inMemory(_ store: any StateStore, events: Events = Events()) -> Projects {
        Projects(records: Records(store), contents: .init(store), events: events)
    }
}

extension ProjectContents {
    init(_ store: any StateStore) {
        self.init(
            instances: Records(store), images: Records(store), profiles: Records(store), networks: Records(store),
            volumes: Records(store), acls: Records(store))
    }
}

extension Router {
    /// Mounts a handler at a path, for a test.
    mutating func on(_ method: LexAPI.Method, _ path: String, _ handler: @escaping Handler) {
        mount(RawEndpoint(method, path, "A test."), handler)
    }
}

extension Answer {
    /// Text as an answer.
    static func text(_ text: String, status: Int = 200) -> Answer {
        Answer(status: .init(statusCode: status), .bytes(.init(string: text)))
    }
}
