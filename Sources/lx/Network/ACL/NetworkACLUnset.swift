import ArgumentParser
import LexAPI
import LexClient

/// `lx network acl unset`
struct NetworkACLUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take a configuration key away from a network ACL.")

    @Argument(help: "The ACL.")
    var acl: String
    @Argument(help: "The key.")
    var key: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await NetworkACLChange.perform(acl, global) { $0.config[key] = nil }
    }
}
