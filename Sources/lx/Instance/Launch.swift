import ArgumentParser
import LexAPI

/// `lx launch`
struct Launch: Command {
    static let configuration = CommandConfiguration(
        abstract: "Make an instance from an image and start it.",
        discussion: """
            Standard input, when it is not a terminal, may hold configuration and devices in YAML.

              lx launch template:debian/12 web
              lx launch debian web -c limits.memory=512MiB -p default -p small
              lx launch debian web < web.yaml
            """)

    @OptionGroup var options: CreationOptions
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await options.create(global) { client, name in
            if !global.quiet { try StandardOutput.line("Starting \(name)") }
            try await InstanceAction.starting(name).perform(on: client, global)
        }
    }
}
