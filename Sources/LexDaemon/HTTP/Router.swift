import LexAPI
import NIOHTTP1

/// Which request goes where: the declared endpoints and who carries them out.
struct Router: Sendable {
    typealias Handler = @Sendable (Request) async throws -> Answer

    private struct Route: Sendable {
        let segments: [Segment]
        var handlers: [Method: Handler] = [:]
    }
    private enum Segment: Sendable, Equatable {
        case literal(String)
        case parameter(String)
    }

    // By the number of segments; routes with literals come before those with parameters in the same place.
    private var routes: [Int: [Route]] = [:]
    /// What is mounted, `GET /1.0/instances`, in the order it was.
    private(set) var mounted: [String] = []

    mutating func mount(_ endpoint: some AnyEndpoint, _ handler: @escaping Handler) {
        mounted.append("\(endpoint.method.rawValue) \(endpoint.path)")
        let segments = endpoint.path.split(separator: "/").map { part -> Segment in
            part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
        var sameLength = routes[segments.count] ?? []
        if let index = sameLength.firstIndex(where: { $0.segments == segments }) {
            sameLength[index].handlers[endpoint.method] = handler
        } else {
            sameLength.append(Route(segments: segments, handlers: [endpoint.method: handler]))
        }
        sameLength.sort { parameters(in: $0.segments) < parameters(in: $1.segments) }
        routes[segments.count] = sameLength
    }

    private func parameters(in segments: [Segment]) -> Int {
        segments.filter { if case .parameter = $0 { true } else { false } }.count
    }

    /// What is found for a path.
    enum Match: Sendable {
        case found(Handler, parameters: [String: String])
        /// The path is known, the method is not: LXD's 501.
        case noSuchMethod
        case notFound
    }

    func match(_ method: Method, _ path: String) -> Match {
        // An empty part is no part: a name that was left out must not make the next word the name.
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: path.count < 2)
        guard path.hasPrefix("/"), let candidates = routes[parts.count] else { return .notFound }
        // The most literal pattern that fits owns the path: an alias is never looked for among the images.
        for route in candidates {
            guard let parameters = fit(route.segments, parts) else { continue }
            guard let handler = route.handlers[method] else { return .noSuchMethod }
            return .found(handler, parameters: parameters)
        }
        return .notFound
    }

    private func fit(_ segments: [Segment], _ parts: [Substring]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .literal(let literal): if literal != part { return nil }
            case .parameter(let name):
                guard !part.isEmpty, let value = PercentEncoding.decode(part) else { return nil }
                parameters[name] = value
            }
        }
        return parameters
    }
}

extension Router {
    /// Mounts an endpoint without a body that answers at once.
    mutating func get<Reply>(
        _ endpoint: Endpoint<Empty, Reply>, _ handler: @escaping @Sendable (Request) async throws -> Reply
    ) {
        mount(endpoint) { try .sync(try await handler($0)) }
    }

    /// Mounts an endpoint that answers with an object and its ETag.
    mutating func getTagged<Reply>(
        _ endpoint: Endpoint<Empty, Reply>, _ handler: @escaping @Sendable (Request) async throws -> Tagged<Reply>
    ) {
        mount(endpoint) { request in
            let tagged = try await handler(request)
            return try .sync(tagged.value, headers: ["ETag": "\"\(tagged.tag)\""])
        }
    }

    /// Mounts an endpoint with a JSON body that changes something at once and answers `{}`.
    mutating func change<Body>(
        _ endpoint: Endpoint<Body, Empty>, _ handler: @escaping @Sendable (Request, Body) async throws -> Void
    ) {
        mount(endpoint) { request in
            try await handler(request, try await request.json(Body.self))
            return try .sync(Empty())
        }
    }

    /// Mounts an endpoint with a JSON body that changes something at once and answers what came of it.
    mutating func change<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>, answering handler: @escaping @Sendable (Request, Body) async throws -> Reply
    ) {
        mount(endpoint) { request in
            try .sync(try await handler(request, try await request.json(Body.self)))
        }
    }

    /// Mounts an endpoint without a body that removes something at once and answers `{}`.
    mutating func remove(
        _ endpoint: Endpoint<Empty, Empty>, _ handler: @escaping @Sendable (Request) async throws -> Void
    ) {
        mount(endpoint) { request in
            try await handler(request)
            return try .sync(Empty())
        }
    }

    /// Mounts an endpoint with a JSON body that makes something; the handler answers its URL.
    mutating func create<Body>(
        _ endpoint: Endpoint<Body, Empty>, _ handler: @escaping @Sendable (Request, Body) async throws -> String
    ) {
        mount(endpoint) { request in
            try .created(try await handler(request, try await request.json(Body.self)))
        }
    }

    /// Mounts an endpoint with a JSON body that begins an operation.
    mutating func begin<Body>(
        _ endpoint: Endpoint<Body, LexAPI.Operation>,
        _ handler: @escaping @Sendable (Request, Body) async throws -> LexAPI.Operation
    ) {
        mount(endpoint) { request in
            try .async(try await handler(request, try await request.json(Body.self)))
        }
    }

    /// Mounts an endpoint without a body that begins an operation.
    mutating func begin(
        _ endpoint: Endpoint<Empty, LexAPI.Operation>,
        _ handler: @escaping @Sendable (Request) async throws -> LexAPI.Operation
    ) {
        mount(endpoint) { try .async(try await handler($0)) }
    }
}
