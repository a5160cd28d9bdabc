import ArgumentParser
import LexClient

/// `lx profile remove`
struct ProfileRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a profile away from an instance.")

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The profile.", completion: Names.profiles)
    var profile: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await InstanceProfiles.change(name, client, global) { profiles in
                guard let index = profiles.firstIndex(of: profile) else {
                    throw Failure("Cannot remove the profile \"\(profile)\": \(name) does not have it")
                }
                profiles.remove(at: index)
            }
            if !global.quiet { try StandardOutput.line("Profile \(profile) removed from \(name)") }
        }
    }
}
