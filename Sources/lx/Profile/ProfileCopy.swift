import ArgumentParser
import LexAPI
import LexClient

/// `lx profile copy`
struct ProfileCopy: Command {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Make a profile like another.", aliases: ["cp"])

    @Option(
        parsing: .unconditional, help: "The project to make it in, when that is another.", completion: Names.projects)
    var targetProject: String?
    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @Argument(help: "The new profile.")
    var copy: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let source = try await global.withServer(of: profile) { client, name in
            try await client.call(API.profiles.get, path: ["name": name])
        }
        try await global.withServer(of: copy) { client, name in
            try await client.call(
                API.profiles.create, query: ["project": targetProject ?? client.project],
                body: .init(
                    name: name.isEmpty ? source.name : name, description: source.description, config: source.config,
                    devices: source.devices))
        }
    }
}
