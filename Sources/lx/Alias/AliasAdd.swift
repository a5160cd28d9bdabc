import ArgumentParser

/// `lx alias add`
struct AliasAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Let a word, or several, stand for a command.",
        discussion: """
            @ARGS@ in the command stands for what is typed behind the alias; without it, that follows. A command that \
            begins with a slash is a program.

              lx alias add ll "list -c ns4"
              lx alias add login "exec @ARGS@ -- su -l"
              lx alias add "image where" "image list -c lf"
            """)

    @Argument(help: "The new word, or words.")
    var alias: String
    @Argument(help: "The command it stands for, in one word.")
    var target: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard alias.contains(where: { $0 != " " }) else { throw Failure("An alias cannot be empty") }
        guard target.contains(where: { $0 != " " }) else {
            throw Failure("The alias \(alias) has to stand for something")
        }
        var configuration = try ClientConfiguration.load()
        guard configuration.aliases[alias] == nil else { throw Failure("Alias \(alias) already exists") }
        configuration.aliases[alias] = target
        try configuration.save()
    }
}
