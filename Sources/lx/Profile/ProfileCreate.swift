import ArgumentParser
import LexAPI
import LexClient

/// `lx profile create`
struct ProfileCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an empty profile.")

    @Argument(help: "The profile.")
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await client.call(API.profiles.create, body: .init(name: name))
            if !global.quiet { try StandardOutput.line("Profile \(name) created") }
        }
    }
}
