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
            let project =
                request.query["all-projects"] == "true" ? nil : request.query["project"] ?? Project.defaultName
            let events = events
            return .webSocket(request) { socket in
                try await follow(events.listen(types: Set(asked), project: project) { socket.cut() }, socket)
            }
        }
    }
}

/// Sends events until one side has enough. A ping each ten seconds finds a peer that is gone without a word.
private func follow(_ stream: AsyncStream<Data>, _ socket: WebSocket) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            for await event in stream { try await socket.send(text: ByteBuffer(bytes: event)) }
            try await socket.sendClose()
        }
        group.addTask { try await socket.receive { _ in true } }
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
