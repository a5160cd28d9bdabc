import ArgumentParser

/// `lx alias remove`
struct AliasRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget an alias.", aliases: ["rm"])

    @Argument(help: "The alias.")
    var alias: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        var configuration = try ClientConfiguration.load()
        guard configuration.aliases.removeValue(forKey: alias) != nil else {
            throw Failure("Alias \(alias) doesn't exist")
        }
        try configuration.save()
    }
}
