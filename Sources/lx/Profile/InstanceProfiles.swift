import LexAPI
import LexClient

/// Changing the list of an instance's profiles, unless somebody else changes the instance at the same time.
enum InstanceProfiles {
    static func change(
        _ name: String, _ client: Client, _ global: GlobalOptions, _ body: (inout [String]) throws -> Void
    ) async throws {
        let answer = try await client.answer(API.instances.get, path: ["name": name])
        var profiles = answer.reply.profiles
        try body(&profiles)
        var update = Instance.Update(of: answer.reply)
        update.profiles = profiles
        try await RestartNotice.update(name, client, global, update, ifMatch: answer.etag)
    }
}
