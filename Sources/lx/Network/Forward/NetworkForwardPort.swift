import ArgumentParser
import LexAPI
import LexClient

/// `lx network forward port`
struct NetworkForwardPort: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "port", abstract: "Say where the packets to single ports go.",
        subcommands: [NetworkForwardPortAdd.self, NetworkForwardPortRemove.self])
}

/// `lx network forward port add`
struct NetworkForwardPortAdd: Command {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add ports to a forward.")

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(help: "tcp or udp.")
    var `protocol`: String
    @Argument(help: "The ports that are listened on, such as 80,90-100.")
    var listenPorts: String
    @Argument(help: "The address they go to.")
    var targetAddress: String
    @Argument(help: "The ports there; the same when they are left out.")
    var targetPorts: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await NetworkForwardChange.perform(forward, global) { changed in
            changed.ports.append(
                .init(
                    protocol: self.protocol, listenPort: listenPorts, targetAddress: targetAddress,
                    targetPort: targetPorts))
        }
    }
}

/// `lx network forward port remove`
struct NetworkForwardPortRemove: Command {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove ports from a forward.", aliases: ["delete", "rm"])

    @OptionGroup var forward: NetworkForwardArguments
    @Argument(help: "tcp or udp; any when it is left out.")
    var `protocol`: String = ""
    @Argument(help: "The ports that are listened on; any when they are left out.")
    var listenPorts: String = ""
    @Flag(help: "Remove all that match.")
    var force = false
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await NetworkForwardChange.perform(forward, global) { changed in
            func matches(_ port: NetworkForward.Port) -> Bool {
                (self.protocol.isEmpty || port.protocol == self.protocol)
                    && (listenPorts.isEmpty || port.listenPort == listenPorts)
            }
            let count = changed.ports.count(where: matches)
            guard count > 0 else { throw Failure("No matching port(s) found") }
            guard count == 1 || force else {
                throw Failure("Multiple ports match. Use --force to remove them all")
            }
            changed.ports.removeAll(where: matches)
        }
    }
}
