import ArgumentParser

/// `lx remote switch`
struct RemoteSwitch: Command {
    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Choose the remote that is meant when none is named: always the local one.",
        aliases: ["set-default"])

    @Argument(help: ArgumentHelp("The remote.", valueName: "remote"))
    var remote: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard let known = Remote(rawValue: remote) else { throw Failure("Remote \(remote) doesn't exist") }
        guard known == .local else {
            throw Failure(
                "Cannot switch to the remote \"\(remote)\": it is a set of recipes and no server; only \"local\" is one"
            )
        }
    }
}
