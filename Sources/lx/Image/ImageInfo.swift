import ArgumentParser
import LexAPI
import LexClient

/// `lx image info`
struct ImageInfo: Command {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what an image is.")

    @Flag(help: "The image of a virtual machine, of which this server has none.")
    var vm = false
    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            let image = try await ImageNames.image(name, on: client, isMachine: vm)
            try StandardOutput.write(ImageReport.text(image))
        }
    }
}
