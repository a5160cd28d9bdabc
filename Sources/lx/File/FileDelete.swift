import ArgumentParser
import LexAPI
import LexClient

/// `lx file delete`
struct FileDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete files of instances.", aliases: ["rm"])

    @Argument(
        help: ArgumentHelp("The instances and the paths in them.", valueName: "instance/path"),
        completion: Names.instances)
    var paths: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        for place in try paths.map({ try FilePlace($0, kind: "path") }) {
            try await global.withServer(place.remote) { client in
                _ = try await client.call(
                    API.instances.deleteFile, path: ["name": place.instance], query: ["path": place.path])
            }
        }
    }
}
