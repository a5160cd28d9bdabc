import ArgumentParser
import LexAPI
import LexClient

/// `lx config get`
struct ConfigGet: Command {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the value of a configuration key of an instance or of the server.")

    @Flag(name: .shortAndLong, help: "What counts in the end, with what comes from profiles.")
    var expanded = false
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
            if name.isEmpty {
                guard !expanded else { throw Failure("The server has no profiles: leave out --expanded") }
                try StandardOutput.line(try await client.call(API.server.get).config?[key] ?? "")
            } else {
                let instance = try await client.call(API.instances.get, path: ["name": name])
                try StandardOutput.line((expanded ? instance.expandedConfig : instance.config)[key] ?? "")
            }
        }
    }
}
