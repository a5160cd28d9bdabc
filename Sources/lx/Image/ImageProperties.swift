import ArgumentParser
import LexAPI
import LexClient

/// `lx image get-property`
struct ImageGetProperty: Command {
    static let configuration = CommandConfiguration(
        commandName: "get-property", abstract: "Show one property of an image.")

    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @Argument(help: "The name of the property.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            guard let value = try await ImageNames.image(name, on: client).properties[key] else {
                throw Failure("Property not found")
            }
            try StandardOutput.line(value)
        }
    }
}

/// `lx image set-property`
struct ImageSetProperty: Command {
    static let configuration = CommandConfiguration(
        commandName: "set-property", abstract: "Set one property of an image.")

    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @Argument(help: "The name of the property.")
    var key: String
    @Argument(help: "Its value.")
    var value: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.changeProperties(of: image) { $0[key] = value }
    }
}

/// `lx image unset-property`
struct ImageUnsetProperty: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset-property", abstract: "Take one property off an image.")

    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @Argument(help: "The name of the property.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.changeProperties(of: image) { $0[key] = nil }
    }
}

extension GlobalOptions {
    /// Changes the properties of an image, unless somebody else has changed it meanwhile.
    fileprivate func changeProperties(
        of image: String, _ change: (inout [String: String]) -> Void
    ) async throws {
        try await withServer(of: image) { client, name in
            let (image, tag) = try await ImageNames.tagged(name, on: client)
            var update = Image.Update(of: image)
            var properties = image.properties
            change(&properties)
            update.properties = properties
            try await client.call(
                API.images.update, path: ["fingerprint": image.fingerprint], body: update, ifMatch: tag)
        }
    }
}
