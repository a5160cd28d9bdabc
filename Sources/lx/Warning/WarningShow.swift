import ArgumentParser
import LexAPI
import LexClient

/// `lx warning show`
struct WarningShow: Command {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a warning.")

    @Argument(help: "The UUID of the warning.")
    var warning: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: warning) { client, name in
            try StandardOutput.yaml(try await client.call(API.warnings.get, path: ["uuid": name]))
        }
    }
}
