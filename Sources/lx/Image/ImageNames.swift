import LexAPI
import LexClient

/// How a person names an image.
enum ImageNames {
    /// The fingerprint behind an alias; what is no alias is taken for a fingerprint or its beginning.
    static func fingerprint(of name: String, on client: Client) async throws -> String {
        do {
            return try await client.call(API.images.alias, path: ["name": name]).target
        } catch let error as APIError where error.status == 404 {
            return name
        }
    }
}
