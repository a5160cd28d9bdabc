import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx file push`
struct FilePush: Command {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Copy files from this machine into an instance.",
        discussion: """
            Behind the files stands the instance and the path in it; with a slash at its end it is a directory. "-" \
            stands for standard input. A new file gets owner and mode of the local one; with --recursive whole \
            directories go over one connection.

              lx file push hosts web/etc/hosts
              lx file push --recursive site/ web/srv
            """)

    @Flag(name: [.customShort("p"), .long], help: "Make the directories that lead to the target.")
    var createDirs = false
    @Flag(name: .shortAndLong, help: "Copy directories with all that is in them.")
    var recursive = false
    @Option(parsing: .unconditional, help: "The user id of a new file.")
    var uid: Int64 = -1
    @Option(parsing: .unconditional, help: "The group id of a new file.")
    var gid: Int64 = -1
    @Option(parsing: .unconditional, help: "The mode of a new file.")
    var mode: String = ""
    @Argument(help: ArgumentHelp("The files, then the instance and the path in it.", valueName: "path"))
    var paths: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard let last = paths.last, paths.count > 1 else {
            throw Misuse("there must be at least one file and the target", of: ["file", "push"])
        }
        let target = try FilePlace(last, kind: "target")
        let sources = Array(paths.dropLast())
        if recursive { return try await pushTrees(sources, target) }
        guard sources.count == 1 || target.isDirectory else { throw Failure("Missing target directory") }
        let wish = FileHeaders(
            user: try FileHeaders.id(uid, "uid"), group: try FileHeaders.id(gid, "gid"),
            mode: try FileHeaders.mode(mode))
        // All are opened first: a mistyped name is to cost nothing.
        var files: [(name: String, descriptor: Int32)] = []
        defer { for file in files where file.descriptor != 0 { close(file.descriptor) } }
        for source in sources {
            files.append((source, source == "-" ? 0 : try Files.open(source, O_RDONLY)))
            if source != "-", Files.isDirectory(source) {
                throw Failure("\(source) is a directory: say --recursive to push it with all that is in it")
            }
        }
        try await global.withServer(target.remote) { client in
            for (name, descriptor) in files { try await push(name, descriptor, target, wish, client) }
        }
    }

    private func push(
        _ name: String, _ descriptor: Int32, _ target: FilePlace, _ wish: FileHeaders, _ client: Client
    ) async throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw Failure("Cannot look at \(name): \(String(cString: strerror(errno)))")
        }
        var wish = wish
        wish.user = wish.user ?? status.st_uid
        wish.group = wish.group ?? status.st_gid
        wish.mode = wish.mode ?? UInt32(status.st_mode) & 0o777
        let last = name == "-" ? "stdin" : name.split(separator: "/").last.map(String.init) ?? name
        let path = target.isDirectory ? FilePlace.join(target.path, last) : target.path
        if createDirs {
            try await client.makeDirectories(
                target.instance, FilePlace.parent(of: path), user: wish.user, group: wish.group)
        }
        let headers = wish
        try await ProgressLine.during("Pushing \(name) to \(path)", quiet: global.quiet) { line in
            let progress = TransferProgress()
            try await client.pushFile(target.instance, path, headers, descriptor) { done, total in
                line.set(progress.text(done: done, total: total))
            }
        }
    }

    private func pushTrees(_ sources: [String], _ target: FilePlace) async throws {
        guard uid == -1, gid == -1, mode.isEmpty else {
            throw Failure("Can't supply uid/gid/mode in recursive mode")
        }
        for source in sources {
            var status = stat()
            guard lstat(source, &status) == 0 else {
                throw Failure("Cannot look at \(source): \(String(cString: strerror(errno)))")
            }
        }
        try await global.withServer(target.remote) { client in
            if createDirs {
                var status = stat()
                _ = stat(sources.first ?? "", &status)
                try await client.makeDirectories(
                    target.instance, target.path, user: status.st_uid, group: status.st_gid)
            }
            try await ProgressLine.during("Pushing to \(target.path)", quiet: global.quiet) { line in
                try await client.withFiles(of: target.instance) { session in
                    var push = TreePush { line.set($0) }
                    for source in sources { try push.push(source, into: Array(target.path.utf8), &session) }
                    try push.finish(&session)
                }
            }
        }
    }
}
