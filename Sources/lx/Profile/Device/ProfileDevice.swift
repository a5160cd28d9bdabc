import ArgumentParser

/// `lx profile device`
struct ProfileDevice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Look after the devices of profiles.",
        subcommands: [
            ProfileDeviceAdd.self, ProfileDeviceGet.self, ProfileDeviceList.self, ProfileDeviceRemove.self,
            ProfileDeviceSet.self, ProfileDeviceShow.self, ProfileDeviceUnset.self,
        ])
}
