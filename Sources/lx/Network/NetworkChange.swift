import LexAPI
import LexClient

/// Changing a network by a function, unless somebody else changes it at the same time.
enum NetworkChange {
    static func perform(
        _ name: String, _ client: Client, _ global: GlobalOptions, _ body: (inout Network.Update) throws -> Void
    ) async throws {
        let answer = try await client.answer(API.networks.get, path: ["name": name])
        try manageable(answer.reply)
        var update = Network.Update(description: answer.reply.description, config: answer.reply.config)
        try body(&update)
        try await global.run(
            client, saying: "Changing the network \(name)", API.networks.update, path: ["name": name], body: update,
            ifMatch: answer.etag)
    }

    static func manageable(_ network: Network) throws {
        guard network.managed else { throw Failure("Only managed networks can be modified") }
    }
}
