import ArgumentParser

/// `lx network`
struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "Look after networks.",
        subcommands: [
            NetworkACLCommand.self, NetworkAttach.self, NetworkAttachProfile.self, NetworkCreate.self,
            NetworkDelete.self, NetworkDetach.self, NetworkDetachProfile.self, NetworkEdit.self,
            NetworkForwardCommand.self, NetworkGet.self, NetworkInfo.self, NetworkLeases.self, NetworkList.self,
            NetworkRename.self, NetworkSet.self, NetworkShow.self, NetworkUnset.self,
        ])
}
