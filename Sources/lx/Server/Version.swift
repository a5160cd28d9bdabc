import ArgumentParser
import LexAPI
import LexClient

/// `lx version`
struct Version: Command {
    static let configuration = CommandConfiguration(abstract: "Show the versions of lx and of the server.")

    @Argument(help: ArgumentHelp("The remote, with its colon.", valueName: "remote:"))
    var remote: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try StandardOutput.line("Client version: \(Release.version)")
        let server = try? await global.withServer(of: remote) { client, _ in try await client.call(API.server.get) }
        let environment = server?.environment
        // A lexd says which LXD it stands in for as well; any other server has only one version.
        let version = environment.map { environment in
            environment.lexdVersion.map { "\($0) (LXD \(environment.serverVersion))" } ?? environment.serverVersion
        }
        try StandardOutput.line("Server version: \(version ?? "unreachable")")
    }
}
