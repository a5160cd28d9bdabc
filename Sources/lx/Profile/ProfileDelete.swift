import ArgumentParser
import LexAPI
import LexClient

/// `lx profile delete`
struct ProfileDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a profile that nothing uses.", aliases: ["rm"])

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await client.call(API.profiles.delete, path: ["name": name])
            if !global.quiet { try StandardOutput.line("Profile \(name) deleted") }
        }
    }
}
