import ArgumentParser
import LexAPI
import LexClient

/// `lx file create`
struct FileCreate: Command {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an empty file, a directory or a symbolic link in an instance.",
        discussion: """
            A slash at the end of the path stands for a directory, a second path for a symbolic link.

              lx file create web/srv/site/
              lx file create --type symlink web/srv/current /srv/site
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case file, directory, symlink }

    @Flag(name: [.customShort("p"), .long], help: "Make the directories that lead to it.")
    var createDirs = false
    @Flag(name: .shortAndLong, help: "Empty a file that is there, and leave a directory that is there.")
    var force = false
    @Option(parsing: .unconditional, help: "What to make: file, directory or symlink.")
    var type: Kind?
    @Option(parsing: .unconditional, help: "Its user id.")
    var uid: Int64 = -1
    @Option(parsing: .unconditional, help: "Its group id.")
    var gid: Int64 = -1
    @Option(parsing: .unconditional, help: "Its mode.")
    var mode: String = ""
    @Argument(
        help: ArgumentHelp("The instance and the path in it.", valueName: "instance/path"), completion: Names.instances)
    var path: String
    @Argument(help: ArgumentHelp("Where a symbolic link leads.", valueName: "target"))
    var target: String?
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let place = try FilePlace(path, kind: "path")
        let kind = type ?? (target != nil ? .symlink : place.isDirectory ? .directory : .file)
        guard (kind == .symlink) == (target != nil) else {
            throw Failure(
                target == nil
                    ? "A symbolic link needs the path it leads to, behind its own"
                    : "Symlink target path can only be used for type \"symlink\"")
        }
        let headers = FileHeaders(
            kind: kind == .file ? .file : kind == .directory ? .directory : .symlink,
            user: try FileHeaders.id(uid, "uid"), group: try FileHeaders.id(gid, "gid"),
            mode: try FileHeaders.mode(mode))
        try await global.withServer(place.remote) { client in
            if createDirs {
                try await client.makeDirectories(
                    place.instance, FilePlace.parent(of: place.path), user: headers.user, group: headers.group)
            }
            if !force, try await client.fileKind(place.instance, place.path) != nil {
                throw Failure("\(place.path) is in \(place.instance) already; say --force to replace it")
            }
            try await client.makeFile(place.instance, place.path, headers, content: target ?? "")
        }
    }
}
