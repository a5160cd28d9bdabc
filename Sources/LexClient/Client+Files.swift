import AsyncHTTPClient
public import LexAPI
import NIOCore
import NIOHTTP1
import NIOPosix

/// Told how many bytes have passed, and how many there are altogether when that is known.
public typealias TransferReport = @Sendable (_ done: Int64, _ total: Int64?) -> Void

extension Client {
    /// Sends files as the body of a request, in pieces, and gives the server's reply.
    public func upload(
        _ endpoint: RawEndpoint, path: [String: String] = [:], query: KeyValuePairs<String, String?> = [:],
        headers: [(String, String)] = [], _ content: Upload, progress: TransferReport? = nil
    ) async throws -> Answer<JSONValue> {
        let path = try RequestPath(endpoint.path, path, query: query, project: project)
        let length = content.length
        let body = UploadBody(segments: content.segments, threads: .singleton) { done in progress?(done, length) }
        let response = try await send(
            endpoint.method, path, headers: [("Content-Type", content.contentType)] + headers,
            body: .stream(body, length: length.map { .known($0) } ?? .unknown))
        return try await Self.read(response, as: JSONValue.self, what: "\(endpoint.method.rawValue) \(path.text)")
    }

    /// Uploads and waits for the operation that the server began for it.
    public func runUpload(
        _ endpoint: RawEndpoint, headers: [(String, String)] = [], _ content: Upload, transfer: TransferReport? = nil,
        progress: ProgressReport? = nil
    ) async throws -> LexAPI.Operation? {
        let answer = try await upload(endpoint, headers: headers, content, progress: transfer)
        guard answer.operation != nil else { return nil }
        return try await wait(for: answer.reply.decoded(as: LexAPI.Operation.self), progress: progress)
    }

    /// Begins to download; a refusal is thrown as `APIError`.
    public func download(
        _ endpoint: RawEndpoint, path: [String: String] = [:], query: KeyValuePairs<String, String?> = [:]
    ) async throws -> Download {
        let path = try RequestPath(endpoint.path, path, query: query, project: project)
        let what = "\(endpoint.method.rawValue) \(path.text)"
        let response = try await send(endpoint.method, path, headers: [], body: nil)
        guard response.status.code < 400 else {
            _ = try await Self.read(response, as: Empty.self, what: what)
            throw ClientError.protocolViolation("to \(what) it said \(response.status.code) without an error")
        }
        return Download(response: response, what: what)
    }
}

/// A download that has begun. Its bytes must be taken before the client is used for much else.
public struct Download: Sendable {
    let response: HTTPClientResponse
    let what: String

    /// The bytes that will come; nil when the server does not say.
    public var length: Int64? { response.headers.first(name: "Content-Length").flatMap { Int64($0) } }

    /// The value of a header.
    public func header(_ name: String) -> String? { response.headers.first(name: name) }

    /// The file's name by the server; never with a slash.
    public var filename: String? { Self.filename(response.headers.first(name: "Content-Disposition")) }

    /// Whether it is a form with several files, to be written by ``writeParts(progress:to:)``.
    public var hasParts: Bool { splitter != nil }

    private var splitter: FormSplitter? {
        response.headers.first(name: "Content-Type").flatMap { FormSplitter(contentType: $0) }
    }

    /// Gives all of it as text or bytes in memory, up to 64 MiB.
    public func bytes() async throws -> [UInt8] {
        Array(buffer: try await response.body.collect(upTo: 64 << 20))
    }

    /// Writes the bytes to an open descriptor, which stays the caller's.
    public func write(to descriptor: Int32, progress: TransferReport? = nil) async throws {
        try await chunks(progress) { chunk in
            try await NIOThreadPool.singleton.runIfActive { try Descriptors.write(chunk, to: descriptor) }
        }
    }

    /// Writes every part of a form to the descriptor that the caller opens for it, by the names of its field and file.
    public func writeParts(
        progress: TransferReport? = nil, to open: (_ field: String, _ filename: String?) throws -> Int32
    ) async throws {
        guard var splitter else { throw ClientError.protocolViolation("\(what) did not give a form") }
        var target: Int32?
        try await chunks(progress) { chunk in
            let pieces: [FormSplitter.Piece]
            do { pieces = try splitter.take(chunk) } catch { throw ClientError.protocolViolation("\(error)") }
            for piece in pieces {
                switch piece {
                case .part(let headers):
                    let disposition = headers["content-disposition"]
                    let field = FormSplitter.value("name", of: disposition) ?? ""
                    target = try open(field, Self.filename(disposition))
                case .bytes(let bytes):
                    guard let target else { continue }
                    try await NIOThreadPool.singleton.runIfActive { try Descriptors.write(bytes, to: target) }
                }
            }
        }
        guard splitter.isComplete else {
            throw ClientError.connectionLost(during: what, reason: "the form was cut off")
        }
    }

    private func chunks(_ progress: TransferReport?, _ take: (ByteBuffer) async throws -> Void) async throws {
        var done: Int64 = 0
        let length = length
        var iterator = response.body.makeAsyncIterator()
        while true {
            let next: ByteBuffer?
            do {
                next = try await iterator.next()
            } catch {
                throw ClientError.connectionLost(during: what, reason: "\(error)")
            }
            guard let chunk = next else { return }
            done += Int64(chunk.readableBytes)
            progress?(done, length)
            try await take(chunk)
        }
    }

    static func filename(_ disposition: String?) -> String? {
        guard let name = FormSplitter.value("filename", of: disposition) else { return nil }
        // The name becomes one of a file here: nothing in it may lead elsewhere.
        let last = name.split(separator: "/").last.map(String.init) ?? ""
        return last.isEmpty || last == "." || last == ".." ? nil : last
    }
}
