import ArgumentParser
import LexClient

/// `lx config unset`
struct ConfigUnset: Command {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Take configuration keys away from an instance or from the server.")

    @Argument(help: ArgumentHelp("The instance, unless the server is meant, and the key.", valueName: "word"))
    var words: [String]
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if words.count > 2 { throw ValidationError("Name one key, and before it the instance if one is meant.") }
    }

    func run() async throws {
        let key = words.last ?? ""
        try await global.withServer(of: words.count == 2 ? words[0] : "") { client, name in
            try await ConfigTarget(name).change(client, global) { config in
                guard config.removeValue(forKey: key) != nil else {
                    throw Failure(
                        "Cannot unset \"\(key)\": it is not set \(name.isEmpty ? "on the server" : "on \(name)")")
                }
            }
        }
    }
}
