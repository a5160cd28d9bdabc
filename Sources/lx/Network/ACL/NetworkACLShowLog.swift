import ArgumentParser
import FoundationEssentials
import LexAPI
import LexClient

/// `lx network acl show-log`
struct NetworkACLShowLog: Command {
    static let configuration = CommandConfiguration(
        commandName: "show-log", abstract: "Show what the rules of a network ACL logged.")

    @Argument(help: "The ACL.")
    var acl: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: acl) { client, name in
            try NetworkACL.validateName(name)
            let answer = try await client.raw(.get, "/1.0/network-acls/\(name)/log")
            guard answer.status == 200 else {
                let refusal = try JSONDecoder().decode(Envelope<JSONValue>.self, from: Data(answer.body))
                throw Failure(refusal.error)
            }
            try StandardOutput.write(String(decoding: answer.body, as: UTF8.self))
        }
    }
}
