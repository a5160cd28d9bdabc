import ArgumentParser

/// `lx storage`
struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage", abstract: "Look after storage pools and volumes.",
        subcommands: [
            StorageCreate.self, StorageDelete.self, StorageEdit.self, StorageGet.self, StorageInfo.self,
            StorageList.self, StorageSet.self, StorageShow.self, StorageUnset.self, StorageVolumeCommand.self,
        ])
}
