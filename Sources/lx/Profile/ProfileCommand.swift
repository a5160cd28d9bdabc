import ArgumentParser

/// `lx profile`
struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Look after profiles: configuration and devices that instances share.",
        subcommands: [
            ProfileAdd.self, ProfileAssign.self, ProfileCopy.self, ProfileCreate.self, ProfileDelete.self,
            ProfileDevice.self, ProfileEdit.self, ProfileGet.self, ProfileList.self, ProfileRemove.self,
            ProfileRename.self, ProfileSet.self, ProfileShow.self, ProfileUnset.self,
        ])
}
