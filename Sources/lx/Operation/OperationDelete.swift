import ArgumentParser
import LexAPI
import LexClient

/// `lx operation delete`
struct OperationDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Cancel an operation.", aliases: ["cancel", "rm"])

    @Argument(help: "The id of the operation.")
    var operation: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: operation) { client, name in
            try await client.call(API.operations.delete, path: ["id": name])
            if !global.quiet { try StandardOutput.line("Operation \(name) deleted") }
        }
    }
}
