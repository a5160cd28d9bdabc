import ArgumentParser

/// `lx alias rename`
struct AliasRename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give an alias another name.", aliases: ["mv"])

    @Argument(help: "The alias.")
    var alias: String
    @Argument(help: "Its new name.")
    var name: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard name.contains(where: { $0 != " " }) else { throw Failure("An alias cannot be empty") }
        var configuration = try ClientConfiguration.load()
        guard let target = configuration.aliases[alias] else { throw Failure("Alias \(alias) doesn't exist") }
        guard configuration.aliases[name] == nil else { throw Failure("Alias \(name) already exists") }
        configuration.aliases[alias] = nil
        configuration.aliases[name] = target
        try configuration.save()
    }
}
