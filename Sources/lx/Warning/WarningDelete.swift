import ArgumentParser
import LexAPI
import LexClient

/// `lx warning delete`
struct WarningDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a warning, or all of them.", aliases: ["rm"])

    @Flag(name: .shortAndLong, help: "Delete all warnings.")
    var all = false
    @Argument(help: ArgumentHelp("The UUID of the warning; with --all the remote.", valueName: "warning"))
    var warning: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: warning) { client, name in
            guard all else {
                guard !name.isEmpty else { throw Failure("Name the warning to delete by its UUID, or give --all") }
                _ = try await client.call(API.warnings.delete, path: ["uuid": name])
                return
            }
            guard name.isEmpty else { throw Failure("Name a warning, or give --all, not both") }
            let warnings = try await client.call(
                API.warnings.list, as: [LexAPI.Warning].self, query: ["recursion": "1"])
            for warning in warnings { try await client.call(API.warnings.delete, path: ["uuid": warning.uuid]) }
        }
    }
}
