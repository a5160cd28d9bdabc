import ArgumentParser

/// `lx config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Configure instances and the server.",
        subcommands: [
            ConfigDevice.self, ConfigEdit.self, ConfigGet.self, ConfigMetadata.self, ConfigSet.self, ConfigShow.self,
            ConfigTemplate.self, ConfigUnset.self,
        ])
}
