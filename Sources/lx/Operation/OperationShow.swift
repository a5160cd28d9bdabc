import ArgumentParser
import LexAPI
import LexClient

/// `lx operation show`
struct OperationShow: Command {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an operation.")

    @Argument(help: "The id of the operation.")
    var operation: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: operation) { client, name in
            try StandardOutput.yaml(try await client.call(API.operations.get, path: ["id": name]))
        }
    }
}
