import LexAPI
import LexClient

/// Changing a profile by a function, unless somebody else changes it at the same time.
enum ProfileChange {
    static func perform(
        _ name: String, _ client: Client, _ global: GlobalOptions, _ body: (inout Profile) throws -> Void
    ) async throws {
        let answer = try await client.answer(API.profiles.get, path: ["name": name])
        var profile = answer.reply
        try body(&profile)
        try await RestartNotice.update(
            profile: name, client, global,
            .init(description: profile.description, config: profile.config, devices: profile.devices),
            ifMatch: answer.etag)
    }
}
