import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward delete`
struct NetworkForwardDelete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a forward.", aliases: ["rm"])

    @OptionGroup var forward: NetworkForwardArguments
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: forward.network) { client, name in
            try await client.call(
                API.networkForwards.delete, path: ["network": name, "address": forward.listenAddress])
            if !global.quiet { try StandardOutput.line("Network forward \(forward.listenAddress) deleted") }
        }
    }
}
