import LexAPI
import LexClient

/// How a person names an image.
enum ImageNames {
    /// The image behind an alias, or behind a fingerprint or its beginning.
    ///
    /// - Parameter isMachine: Whether it must be one of a virtual machine.
    static func image(_ name: String, on client: Client, isMachine: Bool = false) async throws -> Image {
        let image = try await tagged(name, on: client).image
        // An alias of a container's image is none for a machine.
        guard !isMachine || image.type == "virtual-machine" else { throw Failure("Image not found") }
        return image
    }

    /// The same with the tag a change of it must bear.
    static func tagged(_ name: String, on client: Client) async throws -> (image: Image, tag: String?) {
        let fingerprint: String
        do {
            fingerprint = try await client.call(API.images.alias, path: ["name": name]).target
        } catch let error as APIError where error.status == 404 {
            fingerprint = name
        }
        let answer = try await client.answer(API.images.get, path: ["fingerprint": fingerprint])
        return (answer.reply, answer.etag)
    }
}
