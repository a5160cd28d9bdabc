import ArgumentParser
import LexClient

/// `lx profile assign`
struct ProfileAssign: Command {
    static let configuration = CommandConfiguration(
        commandName: "assign", abstract: "Replace the profiles of an instance.", aliases: ["apply"])

    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The profiles, with commas between them; an empty word for none.")
    var profiles: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            let wanted = profiles.split(separator: ",").map(String.init)
            try await InstanceProfiles.change(name, client, global) { $0 = wanted }
            if !global.quiet {
                try StandardOutput.line("Profiles \(profiles.isEmpty ? "(none)" : profiles) applied to \(name)")
            }
        }
    }
}
