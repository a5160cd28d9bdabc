import FoundationEssentials
import LexAPI
import NIOCore
import NIOHTTP1

/// The most bytes a JSON body may have.
private let largestJSONBody = 4 << 20

/// Who is at the other end of a connection.
struct Peer: Sendable, Equatable {
    /// The user who opened the Unix socket.
    let user: UInt32
    /// The process that opened it.
    let process: Int32
}

/// One request, as the services see it.
struct Request: Sendable {
    let method: Method
    /// The path, still percent-encoded, without the query.
    let path: String
    /// The parts of the path named in the endpoint's pattern, decoded.
    var parameters: [String: String] = [:]
    /// The query, decoded; of a name given twice the first counts.
    let query: [String: String]
    /// The query as it came.
    var queryText = ""
    let headers: HTTPHeaders
    let peer: Peer
    let body: RequestBody
    /// Done when the connection is closed, for what waits long.
    let closed: EventLoopFuture<Void>
    /// The project it is about: `default`, unless it names another.
    var project = Project.defaultName
    /// Whether it came under the old name `/1.0/containers`, whose answers carry that name too.
    var legacyName: String?

    /// A named part of the path.
    func parameter(_ name: String) throws(APIError) -> String {
        guard let value = parameters[name] else { throw .notFound("not found") }
        return value
    }

    /// Reads the whole body, at most `limit` bytes.
    func bytes(limit: Int = largestJSONBody) async throws -> ByteBuffer {
        var buffer = ByteBuffer()
        for try await part in body {
            guard buffer.readableBytes + part.readableBytes <= limit else {
                throw APIError(status: 413, "The body of the request is larger than \(limit) bytes")
            }
            buffer.writeImmutableBuffer(part)
        }
        return buffer
    }

    /// Reads the body as JSON the way Go does: unknown keys are ignored, null is zero, case does not matter in keys.
    func json<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        let buffer = try await bytes()
        return try JSONCoding.decode(type, from: Data(buffer.readableBytesView))
    }

    /// Whether it is about all projects; a 400 when it names one as well.
    func isForAllProjects() throws(APIError) -> Bool {
        guard Bool(configText: query["all-projects"] ?? "") == true else { return false }
        guard (query["project"] ?? "").isEmpty else {
            throw .badRequest("Cannot specify a project when requesting all projects")
        }
        return true
    }

    /// The query's `recursion`, 0 when absent.
    var recursion: Int { query["recursion"].flatMap { Int($0) } ?? 0 }
}

typealias RequestBody = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RequestBodyDelegate
>

/// A target of a request taken apart.
struct RequestTarget: Sendable, Equatable {
    let path: String
    let query: [String: String]
    /// The query as it came.
    let queryText: String

    /// Takes a path with a query apart; nil for what is no origin-form target (RFC 9112, 3.2.1).
    init?(_ uri: String) {
        guard uri.hasPrefix("/") else { return nil }
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        var query: [String: String] = [:]
        queryText = parts.count > 1 ? String(parts[1]) : ""
        if parts.count > 1 {
            guard let fields = Self.fields(queryText) else { return nil }
            for (name, value) in fields where query[name] == nil { query[name] = value }
        }
        self.query = query
    }

    /// `a=b&c=d`, decoded, in its order; nil when that cannot be done.
    static func fields(_ text: String) -> [(name: String, value: String)]? {
        var fields: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(sides[0]) else { return nil }
            guard let value = sides.count > 1 ? decode(sides[1]) : "" else {
                // The name of a file need not be UTF-8; whoever wants it takes its bytes.
                if name == "path", PercentEncoding.bytes(sides[1]) != nil { continue }
                return nil
            }
            fields.append((name, value))
        }
        return fields
    }

    /// The bytes of the first field of that name; nil when there is none, or it is broken.
    static func bytes(of name: String, in text: String) -> [UInt8]? {
        for pair in text.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count > 1, decode(sides[0]) == name else { continue }
            return PercentEncoding.bytes(spaced(sides[1]))
        }
        return nil
    }

    private static func decode(_ text: Substring) -> String? { PercentEncoding.decode(spaced(text)) }

    private static func spaced(_ text: Substring) -> Substring {
        text.map { $0 == "+" ? " " : $0 }.reduce(into: "") { $0.append($1) }[...]
    }
}
