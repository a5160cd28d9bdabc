import AsyncHTTPClient
import FoundationEssentials
public import LexAPI
import NIOCore
import NIOHTTP1

/// An answer as it came.
public struct RawAnswer: Sendable {
    /// The HTTP status.
    public let status: Int
    /// The headers in the order they came.
    public let headers: [(name: String, value: String)]
    /// The body.
    public let body: [UInt8]

    /// The value of a header, whatever the case of its name.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

extension Client {
    /// Sends a request to any path with any body, and gives the answer as it came, refusals too.
    public func raw(
        _ method: Method, _ path: String, body: [UInt8]? = nil, headers: [(String, String)] = []
    ) async throws -> RawAnswer {
        try await raw(method, RequestPath(raw: path, project: project), body: body, headers: headers)
    }

    /// Sends a request to an endpoint, and gives the answer as it came, refusals too.
    public func raw(
        _ endpoint: RawEndpoint, path: [String: String], query: KeyValuePairs<String, String?> = [:],
        body: [UInt8]? = nil, headers: [(String, String)] = []
    ) async throws -> RawAnswer {
        let place = try RequestPath(endpoint.path, path, query: query, project: project)
        return try await raw(endpoint.method, place, body: body, headers: headers)
    }

    private func raw(
        _ method: Method, _ path: RequestPath, body: [UInt8]?, headers: [(String, String)]
    ) async throws -> RawAnswer {
        let response = try await send(
            method, path, headers: headers, body: body.map { .bytes(ByteBuffer(bytes: $0)) })
        do {
            let bytes = try await response.body.collect(upTo: Client.longestReply)
            return RawAnswer(
                status: Int(response.status.code), headers: response.headers.map { (name: $0.name, value: $0.value) },
                body: Array(buffer: bytes))
        } catch {
            throw ClientError.connectionLost(during: "\(method.rawValue) \(path.text)", reason: "\(error)")
        }
    }
}
