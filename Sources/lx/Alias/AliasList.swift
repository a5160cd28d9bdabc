import ArgumentParser

/// `lx alias list`
struct AliasList: Command {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List your aliases.", aliases: ["ls"])

    @OptionGroup var format: FormatOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let aliases = try ClientConfiguration.load().aliases
        try format.print(
            Table(headers: ["ALIAS", "TARGET"], sorting: aliases.map { [$0.key, $0.value] }), values: aliases)
    }
}
