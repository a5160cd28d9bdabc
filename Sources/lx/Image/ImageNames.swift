import LexAPI
import LexClient

/// How a person names an image.
enum ImageNames {
    /// The image behind an alias, or behind a fingerprint or its beginning.
    static func image(_ name: String, on client: Client) async throws -> Image {
        let fingerprint: String
        do {
            fingerprint = try await client.call(API.images.alias, path: ["name": name]).target
        } catch let error as APIError where error.status == 404 {
            fingerprint = name
        }
        return try await client.call(API.images.get, path: ["fingerprint": fingerprint])
    }
}
