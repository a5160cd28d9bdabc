import ArgumentParser
import LexAPI
import LexClient

/// `lx profile show`
struct ProfileShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a profile.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try StandardOutput.yaml(try await client.call(API.profiles.get, path: ["name": name]))
        }
    }
}
