import AsyncHTTPClient
import FoundationEssentials
import Glibc
public import LexAPI
import Logging
import NIOCore
import NIOHTTP1

/// What a server answered: the reply itself and what came along with it.
public struct Answer<Reply: Sendable>: Sendable {
    /// What was asked for.
    public let reply: Reply
    /// The version of the object, for `ifMatch` of a later change.
    public let etag: String?
    /// The URL of the operation, when the server began one.
    public let operation: String?
}

extension Client {
    /// Sends a request and gives the server's reply; a refusal is thrown as `APIError`.
    @discardableResult
    public func call<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>, path: [String: String] = [:],
        query: KeyValuePairs<String, String?> = [:], body: Body? = nil, ifMatch: String? = nil
    ) async throws -> Reply {
        try await answer(endpoint, path: path, query: query, body: body, ifMatch: ifMatch).reply
    }

    /// The same for an endpoint whose reply has several shapes, such as a list: reads it as the type named.
    public func call<Body, Declared, Reply: Decodable & Sendable>(
        _ endpoint: Endpoint<Body, Declared>, as type: Reply.Type, path: [String: String] = [:],
        query: KeyValuePairs<String, String?> = [:], body: Body? = nil
    ) async throws -> Reply {
        try await answer(endpoint, as: type, path: path, query: query, body: body, ifMatch: nil).reply
    }

    /// Sends a request and gives the reply with its ETag and operation.
    public func answer<Body, Reply>(
        _ endpoint: Endpoint<Body, Reply>, path: [String: String] = [:],
        query: KeyValuePairs<String, String?> = [:], body: Body? = nil, ifMatch: String? = nil
    ) async throws -> Answer<Reply> {
        try await answer(endpoint, as: Reply.self, path: path, query: query, body: body, ifMatch: ifMatch)
    }

    private func answer<Body, Declared, Reply: Decodable & Sendable>(
        _ endpoint: Endpoint<Body, Declared>, as type: Reply.Type, path: [String: String],
        query: KeyValuePairs<String, String?>, body: Body?, ifMatch: String?
    ) async throws -> Answer<Reply> {
        let path = try RequestPath(endpoint.path, path, query: query, project: project)
        var headers: [(String, String)] = []
        if let ifMatch { headers.append(("If-Match", ifMatch)) }
        let content = try body.map { try JSONEncoder.wire.encode($0) }
        if content != nil { headers.append(("Content-Type", "application/json")) }
        let response = try await send(
            endpoint.method, path, headers: headers, body: content.map { .bytes(ByteBuffer(bytes: $0)) })
        return try await Self.read(response, as: type, what: "\(endpoint.method.rawValue) \(path.text)")
    }

    /// Reads an envelope and takes the reply out of it.
    static func read<Reply: Decodable & Sendable>(
        _ response: HTTPClientResponse, as type: Reply.Type, what: String
    ) async throws -> Answer<Reply> {
        let bytes: ByteBuffer
        do {
            bytes = try await response.body.collect(upTo: Client.longestReply)
        } catch {
            throw ClientError.connectionLost(during: what, reason: "\(error)")
        }
        let data = Data(bytes.readableBytesView)
        let head: EnvelopeHead
        do {
            head = try JSONDecoder().decode(EnvelopeHead.self, from: data)
        } catch {
            throw ClientError.protocolViolation(
                "to \(what) it said \(response.status.code) and \"\(String(decoding: data.prefix(200), as: UTF8.self))\""
            )
        }
        if let refusal = head.refusal(status: Int(response.status.code)) { throw refusal }
        do {
            return Answer(
                reply: try JSONDecoder().decode(EnvelopeBody<Reply>.self, from: data).metadata,
                etag: response.headers.first(name: "ETag"),
                operation: head.operation.flatMap { $0.isEmpty ? nil : $0 })
        } catch {
            throw ClientError.protocolViolation("the reply to \(what) cannot be read: \(describe(error))")
        }
    }

    /// The longest JSON reply that is read: instances with their state take about 10 KiB each.
    static let longestReply = 1 << 30

    /// Sends a request as it is.
    func send(
        _ method: Method, _ path: RequestPath, headers: [(String, String)], body: HTTPClientRequest.Body?
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: address.baseURL + path.text)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "Host", value: "lexd")
        request.headers.add(name: "User-Agent", value: "lx")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = body
        logger.debug("sending request", metadata: ["method": "\(method.rawValue)", "path": "\(path.text)"])
        do {
            let response = try await http.execute(request, deadline: .distantFuture)
            logger.debug("got response", metadata: ["status": "\(response.status.code)", "path": "\(path.text)"])
            return response
        } catch let error as CancellationError {
            throw error
        } catch {
            throw connectionError(error, during: "\(method.rawValue) \(path.text)")
        }
    }

    /// Says what to do when there is no server, and what was under way when the connection ended.
    func connectionError(_ error: any Error, during action: String) -> any Error {
        guard let error = error as? IOError else {
            return ClientError.connectionLost(during: action, reason: "\(error)")
        }
        switch error.errnoCode {
        case ENOENT:
            return ClientError.unreachable(
                address: address,
                reason: "there is no such socket. Start lexd, or name its directory in LEXD_DIR")
        case ECONNREFUSED:
            return ClientError.unreachable(
                address: address, reason: "nobody listens there. Start lexd, or name its directory in LEXD_DIR")
        case EACCES, EPERM:
            return ClientError.unreachable(
                address: address, reason: "permission denied. Become root or a member of the socket's group")
        default:
            return ClientError.connectionLost(during: action, reason: error.description)
        }
    }
}

/// The part of an envelope that says how it went; all of it optional, as servers differ in what they leave out.
struct EnvelopeHead: Decodable {
    var type: String?
    var operation: String?
    var errorCode: Int?
    var error: String?

    enum CodingKeys: String, CodingKey {
        case type, operation, error
        case errorCode = "error_code"
    }

    func refusal(status: Int) -> APIError? {
        guard type == "error" || status >= 400 else { return nil }
        let code = errorCode.flatMap { $0 >= 400 ? $0 : nil } ?? (status >= 400 ? status : 500)
        let text = error ?? ""
        return APIError(status: code, text.isEmpty ? "The server refused with status \(code) and gave no reason" : text)
    }
}

private struct EnvelopeBody<Metadata: Decodable & Sendable>: Decodable {
    var metadata: Metadata

    enum CodingKeys: String, CodingKey { case metadata }

    init(from decoder: any Decoder) throws {
        // Servers differ in what "nothing" looks like: `{}`, null, or no such key.
        if let nothing = Empty() as? Metadata {
            metadata = nothing
        } else {
            metadata = try decoder.container(keyedBy: CodingKeys.self).decode(Metadata.self, forKey: .metadata)
        }
    }
}

extension JSONEncoder {
    static var wire: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return encoder
    }
}

/// The place and the reason in a decoder's error, in one line.
func describe(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        return "\(path.isEmpty ? "the top" : path): \(context.debugDescription)"
    }
    guard let error = error as? DecodingError else { return "\(error)" }
    return switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): place(context)
    case .keyNotFound(let key, let context): "\(place(context)) (\(key.stringValue))"
    @unknown default: "\(error)"
    }
}
