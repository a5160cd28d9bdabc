import ArgumentParser
import LexAPI

/// `lx launch`
struct Launch: Command {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Make an instance from an image and start it.",
        discussion: """
            Standard input, when it is not a terminal, may hold configuration and devices in YAML.

              lx launch template:debian/12 web
              lx launch debian web -c limits.memory=512MiB -p default -p small
              lx launch debian web < web.yaml
            """)

    @Option(
        defaultAsFlag: "console",
        help: ArgumentHelp(
            "Sit at its console at once; another kind of it would be named as --console=TYPE.", valueName: "type"))
    var console: String?
    @OptionGroup var options: CreationOptions
    @OptionGroup var member: TargetOption<PlacementRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        try await options.create(global) { client, name in
            if !global.quiet { try StandardOutput.line("Starting \(name)") }
            try await InstanceAction.starting(name).perform(on: client, global)
            if let console { try await ConsoleSession.run(client, name, type: console) }
        }
    }
}
