import ArgumentParser

/// `lx remote`
struct RemoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote", abstract: "Show what can stand before the colon of a name.",
        subcommands: [RemoteDefault.self, RemoteList.self, RemoteSwitch.self])
}
