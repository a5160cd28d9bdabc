import ArgumentParser
import LexAPI
import LexClient

/// `lx restore`
struct Restore: Command {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make an instance what it was when a snapshot was made.",
        discussion: """
            Its files and its configuration become what they were then; what has changed since is gone. An instance that \
            runs is stopped for it and started again.

              lx restore web before-upgrade
            """)

    @Flag(help: "Bring back the memory of the instance as well.")
    var stateful = false
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The snapshot.")
    var snapshot: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            try await global.run(
                client, saying: "Restoring \(name)", API.instances.update, path: ["name": name],
                body: .init(restore: snapshot, stateful: stateful))
        }
    }
}
