import ArgumentParser
import LexAPI
import LexClient

/// `lx profile rename`
struct ProfileRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a profile another name; instances keep it.", aliases: ["mv"])

    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The new name.")
    var newName: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: profile) { client, name in
            try await client.call(API.profiles.rename, path: ["name": name], body: .init(name: newName))
            if !global.quiet { try StandardOutput.line("Profile \(name) renamed to \(newName)") }
        }
    }
}
