import FoundationEssentials
import LexAPI
import NIOCore

/// `GET /1.0/events`
struct EventRoutes: Sendable {
    let events: Events

    func mount(on router: inout Router) {
        router.mount(API.operations.events) { request in
            let asked = request.query["type"].map { $0.split(separator: ",").map(String.init) } ?? Events.types
            for type in asked where !Events.types.contains(type) {
                throw APIError.badRequest("\"\(type)\" isn't a supported event type")
            }
            let project = try request.isForAllProjects() ? nil : request.project
            // Before the agreement: what happens once the client knows that it listens, it is told.
            let isCutOff = Gate()
            let stream = events.listen(types: Set(asked), project: project) { isCutOff.open() }
            return .webSocket(request) { try await follow(stream, $0, until: isCutOff) }
        }
    }
}

/// Sends events until one side has enough. A ping each ten seconds finds a peer that is gone without a word.
private func follow(_ stream: AsyncStream<Data>, _ socket: WebSocket, until isCutOff: Gate) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            for await event in stream { try await socket.send(text: ByteBuffer(bytes: event)) }
            try await socket.sendClose()
        }
        group.addTask { try await socket.receive { _ in true } }
        group.addTask { if await isCutOff.wait() { socket.cut() } }
        group.addTask {
            while true {
                try await Task.sleep(for: .seconds(10))
                socket.ping()
            }
        }
        defer { group.cancelAll() }
        _ = try await group.next()
    }
}
