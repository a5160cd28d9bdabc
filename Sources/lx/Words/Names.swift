import ArgumentParser
import LexAPI
import LexClient

/// What a shell offers in the place of a name: those of the things there are, as the server says them.
///
/// Whoever presses the key waits for it: a server that does not answer at once has no names.
enum Names {
    static let instances = completion { client in
        try await client.call(API.instances.list, as: [String].self).compactMap { ResourceURL($0)?.name }
    }
    static let profiles = completion { client in
        try await client.call(API.profiles.list, as: [String].self).compactMap { ResourceURL($0)?.name }
    }
    static let networks = completion { client in
        // Also those that are not ours: an instance can be put into one.
        try await client.call(API.networks.list, as: [String].self).compactMap { ResourceURL($0)?.name }
    }
    static let pools = completion { client in
        try await client.call(API.storagePools.list, as: [String].self).compactMap { ResourceURL($0)?.name }
    }
    static let projects = completion { client in
        try await client.call(API.projects.list, as: [String].self).compactMap { ResourceURL($0)?.name }
    }
    /// Images by their aliases; who means one without types the beginning of its fingerprint.
    static let images = completion { client in
        try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"])
            .flatMap { $0.aliases.map(\.name) }
    }

    private static let patience = Duration.milliseconds(500)

    private static func completion(
        _ ask: @escaping @Sendable (Client) async throws -> [String]
    ) -> CompletionKind {
        .custom { words, _, _ in
            await first(within: patience) {
                try await ask(try GlobalOptions.client(of: .local, project: project(in: words)))
                    .sorted(by: NaturalOrder.isLess)
            } ?? []
        }
    }

    /// The project named so far, as `lx --project test start`.
    static func project(in words: [String]) -> String? {
        for (word, next) in zip(words, words.dropFirst()).reversed() where word == "--project" { return next }
        return words.last { $0.hasPrefix("--project=") }.map { String($0.dropFirst("--project=".count)) }
    }

    /// What it gives, unless it fails or takes longer.
    private static func first(
        within patience: Duration, _ body: @escaping @Sendable () async throws -> [String]
    ) async -> [String]? {
        await withTaskGroup(of: [String]?.self) { group in
            group.addTask { try? await body() }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
