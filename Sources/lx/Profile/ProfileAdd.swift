import ArgumentParser
import LexClient

/// `lx profile add`
struct ProfileAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a profile to an instance, behind those it has.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await InstanceProfiles.change(name, client, global) { $0.append(profile) }
            if !global.quiet { try StandardOutput.line("Profile \(profile) added to \(name)") }
        }
    }
}
