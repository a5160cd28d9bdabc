import ArgumentParser

/// `lx network`
struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "Look after networks.",
        subcommands: [
            NetworkCreate.self, NetworkDelete.self, NetworkGet.self, NetworkInfo.self, NetworkLeases.self,
            NetworkList.self, NetworkShow.self,
        ])
}
