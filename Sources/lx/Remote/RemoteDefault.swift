import ArgumentParser

/// `lx remote get-default`
struct RemoteDefault: Command {
    static let configuration = CommandConfiguration(
        commandName: "get-default", abstract: "Show the remote that is meant when none is named.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try StandardOutput.line(Remote.local.rawValue)
    }
}
