import ArgumentParser

/// `lx image`
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Look after images.",
        subcommands: [
            ImageAliasCommand.self, ImageBuild.self, ImageCopy.self, ImageDelete.self, ImageEdit.self,
            ImageExport.self, ImageGetProperty.self, ImageImport.self, ImageInfo.self, ImageList.self,
            ImageRefresh.self, ImageSetProperty.self, ImageShow.self, ImageUnsetProperty.self,
        ])
}
