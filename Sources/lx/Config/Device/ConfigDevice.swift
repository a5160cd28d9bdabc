import ArgumentParser

/// `lx config device`
struct ConfigDevice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Look after the devices of instances.",
        subcommands: [
            ConfigDeviceAdd.self, ConfigDeviceGet.self, ConfigDeviceList.self, ConfigDeviceOverride.self,
            ConfigDeviceRemove.self, ConfigDeviceSet.self, ConfigDeviceShow.self, ConfigDeviceUnset.self,
        ])
}
