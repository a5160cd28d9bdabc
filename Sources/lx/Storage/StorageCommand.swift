import ArgumentParser

/// `lx storage`
struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage", abstract: "Look after storage pools.",
        subcommands: [
            StorageCreate.self, StorageDelete.self, StorageGet.self, StorageInfo.self, StorageList.self,
            StorageShow.self,
        ])
}
