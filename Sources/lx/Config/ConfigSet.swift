import ArgumentParser
import LexClient

/// `lx config set`
struct ConfigSet: Command {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set configuration keys of an instance or of the server.",
        discussion: """
            A value "-" is read from standard input.

              lx config set web limits.memory=1GiB limits.cpu=2
              lx config set web limits.cpu 2
              lx config set core.shutdown_timeout=10
            """)

    @Argument(
        help: ArgumentHelp("The instance, unless the server is meant, and KEY=VALUE...", valueName: "word"),
        completion: Names.instances)
    var words: [String]
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (target, assignments) = ConfigTarget.ofSet(words)
        try member.check(instance: target)
        let changes = try KeyValues.parse(assignments)
        try await global.withServer(of: target) { client, name in
            try await ConfigTarget(name).change(client, global) { $0.merge(changes) { $1 } }
        }
    }
}
