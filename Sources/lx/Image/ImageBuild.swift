import ArgumentParser
import LexAPI
import LexClient

/// `lx image build`
struct ImageBuild: Command {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build an image from a recipe, out of the packages of a distribution.",
        discussion: """
              lx image build debian/12 --alias debian
            """)

    @Option(name: .long, parsing: .unconditionalSingleValue, help: "A name to give the image.")
    var alias: [String] = []
    @Flag(help: "Let strangers see it.")
    var `public` = false
    @Argument(help: "The recipe, such as debian/12.")
    var recipe: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        // With and without the remote that such recipes belong to.
        let reference = try Reference(recipe)
        let creation = Image.Creation(
            source: .init(type: "template", alias: reference.name),
            aliases: alias.map { Image.Alias(name: $0, description: "") }, public: `public`)
        try await global.withServer(.local) { client in
            let operation = try await global.run(
                client, saying: "Building the image \(reference.name)",
                Endpoint<Image.Creation, Operation>(.post, API.images.create.path, API.images.create.summary),
                body: creation)
            guard let fingerprint = operation?.metadata?["fingerprint"]?.text else {
                throw Failure("The server built \(reference.name) but does not say which image that is")
            }
            if !global.quiet { try StandardOutput.line("Image built with fingerprint: \(fingerprint)") }
        }
    }
}
