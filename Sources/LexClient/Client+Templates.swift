import AsyncHTTPClient
import LexAPI
import NIOCore

extension Client {
    /// The names of the templates of an instance.
    public func templates(of instance: String) async throws -> [String] {
        let path = try RequestPath(API.instances.templates.path, ["name": instance], query: [:], project: project)
        let response = try await send(.get, path, headers: [], body: nil)
        return try await Self.read(response, as: [String].self, what: "GET \(path.text)").reply
    }

    /// The content of a template of an instance.
    public func template(_ name: String, of instance: String) async throws -> String {
        let download = try await download(API.instances.templates, path: ["name": instance], query: ["path": name])
        return String(decoding: try await download.bytes(), as: UTF8.self)
    }

    /// Writes a template of an instance.
    public func putTemplate(_ name: String, _ content: String, of instance: String) async throws {
        let path = try RequestPath(
            API.instances.putTemplate.path, ["name": instance], query: ["path": name], project: project)
        let response = try await send(
            .post, path, headers: [("Content-Type", "application/octet-stream")],
            body: .bytes(ByteBuffer(string: content)))
        _ = try await Self.read(response, as: Empty.self, what: "POST \(path.text)")
    }
}
