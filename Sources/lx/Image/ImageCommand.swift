import ArgumentParser

/// `lx image`
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Look after images.",
        subcommands: [
            ImageAliasCommand.self, ImageBuild.self, ImageDelete.self, ImageExport.self, ImageImport.self,
            ImageInfo.self, ImageList.self, ImageShow.self,
        ])
}
