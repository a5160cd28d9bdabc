import ArgumentParser
import LexAPI
import LexClient

/// `lx profile unset`
struct ProfileUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key away from a profile.")

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await ProfileChange.perform(name, client, global) { $0.config[key] = nil }
        }
    }
}
