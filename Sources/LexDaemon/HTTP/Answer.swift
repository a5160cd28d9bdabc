import FoundationEssentials
import LexAPI
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// What a request is answered with.
struct Answer: Sendable {
    enum Payload: Sendable {
        case bytes(ByteBuffer)
        /// A body of that many bytes, written part by part; not written where only the head is wanted. Without a length it
        /// is sent in chunks, whose end says that it is whole.
        case stream(length: Int64?, @Sendable (BodyWriter) async throws -> Void)
        /// From here on the connection is a websocket.
        case webSocket(@Sendable (WebSocket) async throws -> Void)
        /// From here on the connection speaks that protocol.
        case upgrade(String, @Sendable (ByteStream) async throws -> Void)
        /// From here on the connection is bytes; the head of the answer is to be the first of them.
        case bare(@Sendable (ByteStream) async throws -> Void)
    }

    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var payload: Payload

    init(status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], _ payload: Payload) {
        self.status = status
        self.headers = headers
        self.payload = payload
    }

    /// A JSON body, with the newline LXD ends it with.
    static func json(_ value: some Encodable, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]) throws
        -> Answer
    {
        try json(rendered: JSONCoding.encode(value), status: status, headers: headers)
    }

    /// A JSON body that is rendered already.
    static func json(rendered: Data, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]) -> Answer {
        var buffer = ByteBuffer(data: rendered)
        buffer.writeInteger(UInt8(ascii: "\n"))
        var headers = headers
        headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        return Answer(status: status, headers: headers, .bytes(buffer))
    }

    /// The envelope around a result.
    static func sync<Value: Codable & Sendable>(_ value: Value?, headers: HTTPHeaders = [:]) throws -> Answer {
        try json(Envelope.sync(value), headers: headers)
    }

    /// The envelope around a result that is rendered already.
    static func sync(rendered value: Data) -> Answer {
        var body = Data(
            #"{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":"#
                .utf8)
        body.append(value)
        body.append(UInt8(ascii: "}"))
        return json(rendered: body)
    }

    /// 201 with the URL of what was made.
    static func created(_ location: String) throws -> Answer {
        try json(Envelope<JSONValue>.sync(nil), status: .created, headers: ["Location": location])
    }

    /// 202 with the operation that was begun.
    static func async(_ operation: LexAPI.Operation) throws -> Answer {
        let url = "/1.0/operations/\(operation.id)"
        return try json(Envelope.async(url, operation), status: .accepted, headers: ["Location": url])
    }

    /// An error.
    static func failure(_ error: APIError) -> Answer {
        // An envelope of plain strings always encodes; the fallback is for the compiler.
        let body = (try? JSONCoding.encode(Envelope<JSONValue>.failure(error))) ?? Data("{}".utf8)
        return json(
            rendered: body, status: HTTPResponseStatus(statusCode: error.status),
            headers: ["X-Content-Type-Options": "nosniff"])
    }
}

/// The bytes of a connection that has left HTTP behind.
struct ByteStream: Sendable {
    let channel: any Channel
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
}

/// Writes a body part by part; each write waits until the kernel has taken the bytes, so that a slow reader slows the
/// source and not the memory.
struct BodyWriter: Sendable {
    let channel: any Channel

    func write(_ buffer: ByteBuffer) async throws {
        try await channel.send(HTTPServerResponsePart.body(.byteBuffer(buffer)))
    }
}
