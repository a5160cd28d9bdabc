import ArgumentParser
import LexAPI
import LexClient

/// `lx warning acknowledge`
struct WarningAcknowledge: Command {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge", abstract: "Say that a warning is known: lists then leave it out.", aliases: ["ack"])

    @Argument(help: "The UUID of the warning.")
    var warning: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: warning) { client, name in
            try await client.call(
                API.warnings.update, path: ["uuid": name], body: LexAPI.Warning.Update(status: .acknowledged))
        }
    }
}
