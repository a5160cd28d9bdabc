import ArgumentParser
import LexClient

/// `lx config unset`
struct ConfigUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take configuration keys away from an instance or from the server.")

    @Argument(
        help: ArgumentHelp("The instance, unless the server is meant, and the key.", valueName: "word"),
        completion: Names.instances)
    var words: [String]
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if words.count > 2 { throw ValidationError("Name one key, and before it the instance if one is meant.") }
    }

    func run() async throws {
        try member.check(instance: words.count == 2 ? words[0] : "")
        let key = words.last ?? ""
        try await global.withServer(of: words.count == 2 ? words[0] : "") { client, name in
            try await ConfigTarget(name).change(client, global) { config in
                if name.isEmpty {
                    // LXD keeps keys of the server that a PUT leaves out; an empty value takes them away.
                    config[key] = ""
                } else if config.removeValue(forKey: key) == nil {
                    throw Failure("Cannot unset \"\(key)\": it is not set on \(name)")
                }
            }
        }
    }
}
