import ArgumentParser
import LexAPI
import LexClient

/// `lx rename`
struct Rename: Command {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give an instance or a snapshot another name.",
        discussion: """
              lx rename web www
              lx rename web/snap0 web/before-upgrade
            """)

    @Argument(help: "The instance, or a snapshot of it.", completion: Names.instances)
    var source: String
    @Argument(help: ArgumentHelp("Its new name.", valueName: "name"))
    var name: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let from = try Reference(source)
        let to = try Reference(name)
        guard from.remote == to.remote else {
            throw Failure("Cannot rename \(from.name): \"\(to.remote.rawValue)\" is not the server it is on")
        }
        if from.name.contains("/") { return try await Self.renameSnapshot(from, to: to.name, global) }
        let global = global
        try await global.withServer(from.remote) { client in
            try await global.run(
                client, saying: "Renaming \(from.name)", API.instances.move, path: ["name": from.name],
                body: Instance.Move(name: to.name))
        }
    }

    /// Gives a snapshot another name, which stays with its instance.
    static func renameSnapshot(_ from: Reference, to name: String, _ global: GlobalOptions) async throws {
        let (old, new) = (try SnapshotPath(from.name), try SnapshotPath(name))
        guard old.instance == new.instance, let newName = new.snapshot else {
            throw Failure("Invalid new snapshot name, parent must be the same as source")
        }
        try await global.withServer(from.remote) { client in
            try await global.run(
                client, saying: "Renaming \(from.name)", API.instances.renameSnapshot, path: old.path,
                body: .init(name: newName))
        }
    }
}
