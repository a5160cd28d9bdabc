import ArgumentParser

/// `lx warning`
struct WarningCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warning", abstract: "Look after what the server warns of.",
        subcommands: [WarningAcknowledge.self, WarningDelete.self, WarningList.self, WarningShow.self])
}
