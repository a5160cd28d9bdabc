import ArgumentParser

/// `lx operation`
struct OperationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operation", abstract: "Look after what the server does in the background.",
        subcommands: [OperationDelete.self, OperationList.self, OperationShow.self])
}
