import ArgumentParser
import LexAPI
import LexClient

/// `lx explain`
struct Explain: Command {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show why an instance is as it is.",
        discussion: """
            Tells of every setting and device whose it is, the instance's own or a profile's, and what it takes the place \
            of; which settings wait for a restart; how the instance was last started and stopped, and why a start failed; \
            and of one that runs its ids, limits, mounts and addresses as the kernel has them.

              lx explain web
              lx explain web -f yaml
            """)

    /// How it is printed.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case text, json, yaml
    }

    @Option(
        name: [.customShort("f", allowingJoined: true), .long], parsing: .unconditional,
        help: "How to print it: text, json or yaml.")
    var format: Form = .text
    @Argument(help: ArgumentHelp("The instance.", valueName: "instance"))
    var name: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: name) { client, name in
            let explanation = try await client.call(API.instances.explanation, path: ["name": name])
            switch format {
            case .text: try StandardOutput.write(ExplanationReport.text(name, explanation))
            case .json: try StandardOutput.write(JSONText.compact(Tree(explanation)) + "\n")
            case .yaml: try StandardOutput.yaml(explanation)
            }
        }
    }
}
