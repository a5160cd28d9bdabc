import LexAPI
import LexClient

/// Changing a forward by a function, unless somebody else changes it at the same time.
enum NetworkForwardChange {
    static func perform(
        _ forward: NetworkForwardArguments, _ global: GlobalOptions,
        _ body: (inout NetworkForward) throws -> Void
    ) async throws {
        try await global.withServer(of: forward.network) { client, name in
            let path = ["network": name, "address": forward.listenAddress]
            let answer = try await client.answer(API.networkForwards.get, path: path)
            var changed = answer.reply
            try body(&changed)
            try await client.call(
                API.networkForwards.update, path: path,
                body: .init(description: changed.description, config: changed.config, ports: changed.ports),
                ifMatch: answer.etag)
        }
    }
}
