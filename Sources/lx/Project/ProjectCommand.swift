import ArgumentParser

/// `lx project`
struct ProjectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "project", abstract: "Look after projects: rooms of their own for instances and what they need.",
        subcommands: [
            ProjectCreate.self, ProjectDelete.self, ProjectEdit.self, ProjectGet.self, ProjectInfo.self,
            ProjectList.self, ProjectRename.self, ProjectSet.self, ProjectShow.self, ProjectSwitch.self,
            ProjectUnset.self,
        ])
}
