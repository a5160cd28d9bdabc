import ArgumentParser

/// `lx init`
struct Init: Command {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make an instance from an image, but do not start it.",
        discussion: """
            Standard input, when it is not a terminal, may hold configuration and devices in YAML.

              lx init template:debian/12 web
              lx init --empty web
            """,
        aliases: ["create"])

    @OptionGroup var options: CreationOptions
    @OptionGroup var member: TargetOption<PlacementRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await options.create(global) { _, _ in }
    }
}
