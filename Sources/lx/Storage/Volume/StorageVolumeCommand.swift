import ArgumentParser

/// `lx storage volume`
struct StorageVolumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume", abstract: "Look after the volumes of storage pools.",
        subcommands: [
            StorageVolumeAttach.self,
            StorageVolumeAttachProfile.self,
            StorageVolumeCopy.self,
            StorageVolumeCreate.self,
            StorageVolumeDelete.self,
            StorageVolumeDetach.self,
            StorageVolumeDetachProfile.self,
            StorageVolumeEdit.self,
            StorageVolumeGet.self,
            StorageVolumeInfo.self,
            StorageVolumeList.self,
            StorageVolumeMove.self,
            StorageVolumeRename.self,
            StorageVolumeRestore.self,
            StorageVolumeSet.self,
            StorageVolumeShow.self,
            StorageVolumeSnapshot.self,
            StorageVolumeUnset.self,
        ])
}
