import LexAPI
import LexClient

/// What `lx config` changes: an instance or the server itself.
enum ConfigTarget {
    case server
    case instance(String)

    init(_ name: String) { self = name.isEmpty ? .server : .instance(name) }

    /// Takes the words of `set` apart. The instance may be left out, which then means the server; as a single key and
    /// its value may also stand as two words, two words without an equals sign in the second are the server's.
    static func ofSet(_ words: [String]) -> (target: String, assignments: [String]) {
        guard let first = words.first, !first.contains("="), words.count > 1 else { return ("", words) }
        if words.count == 2, !words[1].contains("="), !first.hasSuffix(":") { return ("", words) }
        return (first, Array(words.dropFirst()))
    }

    /// Changes its configuration by a function, unless somebody else changes it at the same time.
    func change(
        _ client: Client, _ global: GlobalOptions, _ body: (inout [String: String]) throws -> Void
    ) async throws {
        switch self {
        case .server:
            let answer = try await client.answer(API.server.get)
            var config = answer.reply.config ?? [:]
            try body(&config)
            try await global.run(
                client, saying: "Configuring the server", API.server.update, body: .init(config: config),
                ifMatch: answer.etag)
        case .instance(let name):
            let answer = try await client.answer(API.instances.get, path: ["name": name])
            var update = Instance.Update(of: answer.reply)
            var config = answer.reply.config
            try body(&config)
            update.config = config
            try await RestartNotice.update(name, client, global, update, ifMatch: answer.etag)
        }
    }
}
