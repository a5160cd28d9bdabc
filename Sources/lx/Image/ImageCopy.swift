import ArgumentParser
import LexAPI
import LexClient

/// `lx image copy`
struct ImageCopy: Command {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy an image to another project.",
        discussion: """
              lx image copy debian local: --target-project web --copy-aliases

            In this version both remotes are the server on this machine.
            """,
        aliases: ["cp"])

    @Option(name: .long, parsing: .unconditionalSingleValue, help: "A name to give the copy.")
    var alias: [String] = []
    @Flag(help: "Give the copy the names of the original.")
    var copyAliases = false
    @Flag(help: "Let the copy follow its source.")
    var autoUpdate = false
    @Flag(help: "Let strangers see the copy.")
    var `public` = false
    @Flag(help: "Copy the image of a virtual machine.")
    var vm = false
    @Option(parsing: .unconditional, help: "How it is transferred: pull, push or relay; here all are the same.")
    var mode: String = "pull"
    @Option(parsing: .unconditional, help: "The project to copy it to.", completion: Names.projects)
    var targetProject: String?
    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @Argument(help: "Where to, with its colon.")
    var target: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard ["pull", "push", "relay"].contains(mode) else {
            throw Failure("There is no transfer mode \"\(mode)\"; there are pull, push and relay")
        }
        guard !vm else { throw Failure("There are no images of virtual machines here; lexd runs containers") }
        let target = try Reference(target)
        guard target.name.isEmpty else { throw Failure("Cannot provide a target image name") }
        guard let targetProject, targetProject != global.project ?? "default" else {
            throw Failure("The source and target servers must be different")
        }
        let source = try await global.withServer(of: image) { try await ImageNames.image($1, on: $0) }
        let names = alias + (copyAliases ? source.aliases.map(\.name).filter { !alias.contains($0) } : [])
        let creation = Image.Creation(
            source: .init(
                type: "image", mode: "pull", fingerprint: source.fingerprint, project: global.project ?? "default"),
            aliases: names.map { Image.Alias(name: $0, description: "") }, public: `public`, autoUpdate: autoUpdate)
        var there = global
        there.project = targetProject
        try await there.withServer(target.remote) { client in
            try await there.run(
                client, saying: "Copying the image",
                Endpoint<Image.Creation, Operation>(.post, API.images.create.path, API.images.create.summary),
                body: creation)
        }
        if !global.quiet { try StandardOutput.line("Image copied successfully!") }
    }
}
