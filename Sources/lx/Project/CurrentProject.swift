import LexAPI

/// The project that is meant when none is named, kept for the person who uses lx.
enum CurrentProject {
    static func choose(_ name: String, _ remote: Remote) throws {
        var configuration = try ClientConfiguration.load()
        configuration.setProject(name == Project.defaultName ? nil : name, of: remote)
        try configuration.save()
    }

    /// Chooses another project where one was chosen that is no more.
    static func left(_ name: String, _ remote: Remote, for next: String = Project.defaultName) throws {
        guard try ClientConfiguration.load().project(of: remote) == name else { return }
        try choose(next, remote)
    }

    /// The one that a command is about.
    static func name(_ global: GlobalOptions, _ remote: Remote) throws -> String {
        try global.project ?? ClientConfiguration.load().project(of: remote) ?? Project.defaultName
    }
}
