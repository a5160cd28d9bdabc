import ArgumentParser
import LexAPI
import LexClient

/// `lx profile get`
struct ProfileGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of a profile.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            let profile = try await client.call(API.profiles.get, path: ["name": name])
            try StandardOutput.line(profile.config[key] ?? "")
        }
    }
}
