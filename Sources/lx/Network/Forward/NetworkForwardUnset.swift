import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward unset`
struct NetworkForwardUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key away from a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await NetworkForwardChange.perform(forward, global) { $0.config[key] = nil }
    }
}
