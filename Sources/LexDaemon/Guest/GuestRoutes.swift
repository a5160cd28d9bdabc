import FoundationEssentials
import LexAPI
import LexHost
import LexStore
import NIOCore
import NIOHTTP1

/// `/dev/lxd/sock`
struct GuestRoutes: Sendable {
    private let instances: Instances
    private var router = Router()
    private static let endpoints = GuestEndpoints()
    /// The most bytes of what an instance may send.
    private static let largestBody = 64 << 10

    private typealias Handler = @Sendable (Request, InstanceRecord, Expansion) async throws -> Answer

    /// Under this name of a parameter a request carries the key of the instance it comes from.
    private static let sender = "\u{0}instance"

    init(instances: Instances) {
        self.instances = instances
        mount()
    }

    /// Answers one request.
    func answer(_ arrival: GuestServer.Arrival) async {
        var answer: Answer
        do {
            try await arrival.listener.waitForTurn(of: arrival.request.peer.user)
            answer = try await route(arrival)
        } catch {
            answer = Self.refusal(ErrorAnswers.apiError(error))
        }
        if arrival.request.peer.user != arrival.listener.owner {
            answer.headers.replaceOrAdd(name: "Connection", value: "close")
        }
        await arrival.request.answer(with: answer)
    }

    /// In plain text, as Go's `http.Error` has it.
    private static func refusal(_ error: APIError) -> Answer {
        // What goes wrong in here concerns the host alone.
        let text = error.status >= 500 ? "internal server error" : error.message
        return Answer(
            status: HTTPResponseStatus(statusCode: error.status),
            headers: ["Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"],
            .bytes(ByteBuffer(string: text + "\n")))
    }

    private static let notAuthorised = APIError(status: 403, "not authorized")

    private func route(_ arrival: GuestServer.Arrival) async throws -> Answer {
        let pending = arrival.request
        guard pending.peer.user == arrival.listener.owner else {
            throw APIError(status: 401, "Access denied for non-root user")
        }
        guard let target = RequestTarget(pending.head.uri),
            let method = pending.head.method == .HEAD ? .get : Method(rawValue: pending.head.method.rawValue)
        else { throw APIError.badRequest("bad request") }
        switch router.match(method, target.path) {
        case .notFound: throw APIError.notFound("404 page not found")
        case .noSuchMethod: throw APIError(status: 405, "method not allowed")
        case .found(let handler, var parameters):
            parameters[Self.sender] = arrival.listener.key
            return try await handler(
                Request(
                    method: method, path: target.path, parameters: parameters, query: target.query,
                    queryText: target.queryText, headers: pending.head.headers, peer: pending.peer,
                    body: pending.body, closed: pending.channel.closeFuture))
        }
    }

    private mutating func mount(_ endpoint: RawEndpoint, _ handler: @escaping Handler) {
        let instances = instances
        router.mount(endpoint) { request in
            guard let record = try await instances.records.find(request.parameter(Self.sender))?.value else {
                throw APIError.notFound("not found")
            }
            let expansion = try await instances.expansion(of: record)
            guard try Config<InstanceKeys>(expansion.config)[\.security.devlxd] != false else {
                throw Self.notAuthorised
            }
            return try await handler(request, record, expansion)
        }
    }

    private mutating func mount() {
        let instances = instances
        mount(Self.endpoints.root) { _, _, _ in try .json(["/1.0"]) }
        mount(Self.endpoints.get) { _, record, _ in try Self.state(of: record) }
        mount(Self.endpoints.setState) { request, record, _ in try await Self.setState(request, record, instances) }
        mount(Self.endpoints.listConfig) { _, _, expansion in
            try .json(expansion.config.keys.filter(GuestEvents.isMeant).sorted().map { "/1.0/config/\($0)" })
        }
        mount(Self.endpoints.config) { request, _, expansion in
            let name = try request.parameter("key")
            guard GuestEvents.isMeant(name) else { throw Self.notAuthorised }
            guard let value = expansion.config[name] else { throw APIError.notFound("not found") }
            return Self.raw(value)
        }
        mount(Self.endpoints.devices) { _, record, expansion in try Self.devices(record, expansion) }
        mount(Self.endpoints.events) { request, record, _ in Self.events(request, record, instances.guestEvents) }
        mount(Self.endpoints.metaData) { _, record, expansion in
            let id = record.config["volatile.cloud-init.instance-id"] ?? record.config["volatile.uuid"] ?? record.name
            return Self.raw(
                "#cloud-config\ninstance-id: \(id)\nlocal-hostname: \(record.name)\n"
                    + (expansion.config["user.meta-data"] ?? ""))
        }
        mount(Self.endpoints.exportImage) { request, record, expansion in
            try await Self.image(request, record, expansion, instances.images)
        }
    }

    private static func raw(_ text: String) -> Answer {
        Answer(headers: ["Content-Type": "application/octet-stream"], .bytes(ByteBuffer(string: text)))
    }

    // MARK: state

    private struct State: Encodable {
        let state: String
        let apiVersion = "1.0"
        let instanceType = "container"
        let location = "none"

        enum CodingKeys: String, CodingKey {
            case state
            case apiVersion = "api_version"
            case instanceType = "instance_type"
            case location
        }
    }

    private static func state(of record: InstanceRecord) throws -> Answer {
        try .json(State(state: record.config["volatile.last_state.ready"] == "true" ? "Ready" : "Started"))
    }

    private static func setState(
        _ request: Request, _ record: InstanceRecord, _ instances: Instances
    ) async throws -> Answer {
        let body = try await request.bytes(limit: largestBody)
        let wish = try JSONCoding.decode(GuestState.self, from: Data(body.readableBytesView))
        guard ["Ready", "Started"].contains(wish.state) else {
            throw APIError.badRequest("Invalid state: there are Ready and Started")
        }
        return try state(of: try await instances.setReady(wish.state == "Ready", record.key))
    }

    private static func devices(_ record: InstanceRecord, _ expansion: Expansion) throws -> Answer {
        var devices = expansion.devices
        for (name, device) in devices where device["type"] == "nic" && device["hwaddr"] == nil {
            // cloud-init finds the interface by it, whatever the device is called.
            devices[name]?["hwaddr"] = record.config["volatile.\(name).hwaddr"]
        }
        return try .json(devices)
    }

    // MARK: images

    private static func image(
        _ request: Request, _ record: InstanceRecord, _ expansion: Expansion, _ images: Images
    ) async throws -> Answer {
        guard try Config<InstanceKeys>(expansion.config)[\.security.devlxdImages] == true else {
            throw notAuthorised
        }
        // By its whole fingerprint, and only what is no secret.
        let name = try request.parameter("fingerprint")
        guard Fingerprint(name) != nil, let image = try? await images.find(name, project: record.project).value,
            image.isPublic || image.isCached
        else { throw APIError.notFound("not found") }
        return try await ImageRoutes(images: images).export(image)
    }

    // MARK: events

    private static func events(_ request: Request, _ record: InstanceRecord, _ events: GuestEvents) -> Answer {
        let asked = request.query["type"].map { Set($0.split(separator: ",").map(String.init)) }
        let stream = events.listen(record.key, types: asked ?? GuestEvents.types)
        if request.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) {
            return .webSocket(request) { socket in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await event in stream { try await socket.send(text: ByteBuffer(bytes: event)) }
                        try await socket.sendClose()
                    }
                    group.addTask { try await socket.receive { _ in true } }
                    defer { group.cancelAll() }
                    _ = try await group.next()
                }
            }
        }
        // Without the frames of HTTP: a line of JSON for each event, as long as the connection lasts.
        return Answer(
            .bare { bytes in
                try await bytes.channel.send(
                    ByteBuffer(
                        string: "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
                            + "X-Content-Type-Options: nosniff\r\n\r\n"))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await event in stream {
                            var line = ByteBuffer(bytes: event)
                            line.writeInteger(UInt8(ascii: "\n"))
                            try await bytes.channel.send(line)
                        }
                    }
                    // Nothing is expected from there but the end.
                    group.addTask { for try await _ in bytes.inbound {} }
                    defer { group.cancelAll() }
                    _ = try await group.next()
                }
            })
    }
}
