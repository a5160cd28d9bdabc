import ArgumentParser

/// `lx network forward`
struct NetworkForwardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward", abstract: "Look after forwards: addresses whose packets go to instances.",
        subcommands: [
            NetworkForwardCreate.self, NetworkForwardDelete.self, NetworkForwardEdit.self, NetworkForwardGet.self,
            NetworkForwardList.self, NetworkForwardPort.self, NetworkForwardSet.self, NetworkForwardShow.self,
            NetworkForwardUnset.self,
        ])
}

/// The forward that a command is about.
struct NetworkForwardArguments: ParsableArguments {
    @Argument(help: "The network.", completion: Names.networks)
    var network: String
    @Argument(help: "The address that is listened on.")
    var listenAddress: String
}
