import LexAPI
import LexClient

/// Changing an ACL by a function, unless somebody else changes it at the same time.
enum NetworkACLChange {
    static func perform(
        _ acl: String, _ global: GlobalOptions, _ body: (inout NetworkACL) throws -> Void
    ) async throws {
        try await global.withServer(of: acl) { client, name in
            let answer = try await client.answer(API.networkACLs.get, path: ["name": name])
            var changed = answer.reply
            try body(&changed)
            try await client.call(
                API.networkACLs.update, path: ["name": name],
                body: .init(
                    description: changed.description, egress: changed.egress, ingress: changed.ingress,
                    config: changed.config),
                ifMatch: answer.etag)
        }
    }
}
