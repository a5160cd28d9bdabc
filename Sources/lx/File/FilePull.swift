import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx file pull`
struct FilePull: Command {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Copy files of instances to this machine.",
        discussion: """
            Behind the files stands the local path; "-" stands for standard output. With --recursive whole directories \
            come over one connection. A symbolic link comes as one; to standard output, and with --recursive, comes what \
            it leads to.

              lx file pull web/etc/hosts .
              lx file pull --recursive web/var/log logs
            """)

    @Flag(name: [.customShort("p"), .long], help: "Make the directories that lead to the target.")
    var createDirs = false
    @Flag(name: .shortAndLong, help: "Copy directories with all that is in them.")
    var recursive = false
    @Argument(help: ArgumentHelp("The files, then the local path.", valueName: "path"))
    var paths: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard let target = paths.last, paths.count > 1 else {
            throw Misuse("there must be at least one file and the target", of: ["file", "pull"])
        }
        let sources = try paths.dropLast().map { try FilePlace($0, kind: "source") }
        var isDirectory = try prepare(target, several: sources.count > 1)
        for source in sources {
            try await global.withServer(source.remote) { client in
                try await pull(source, to: target, &isDirectory, client)
            }
        }
    }

    /// Answers whether the target is a directory, made where it has to be one.
    private func prepare(_ target: String, several: Bool) throws -> Bool {
        if target == "-" { return false }
        var status = stat()
        if stat(target, &status) == 0 {
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            guard isDirectory || !several else {
                throw Failure("More than one file to download, but target is not a directory")
            }
            return isDirectory
        }
        guard errno == ENOENT else { throw Failure("Cannot look at \(target): \(String(cString: strerror(errno)))") }
        if target.hasSuffix("/") || several {
            try Self.makeDirectories(target)
            return true
        }
        if createDirs, let slash = target.lastIndex(of: "/"), slash != target.startIndex {
            try Self.makeDirectories(String(target[..<slash]))
        }
        return false
    }

    static func makeDirectories(_ path: String) throws {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part + "/"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST || errno == EISDIR else {
                throw Failure("Cannot make the directory \(made): \(String(cString: strerror(errno)))")
            }
        }
    }

    private func pull(
        _ source: FilePlace, to target: String, _ isDirectory: inout Bool, _ client: Client
    ) async throws {
        let place = target == "-" || recursive ? try await followed(source, client) : source
        // Asked without the content: the list of a large directory is not wanted here.
        if try await client.fileKind(place.instance, place.path) == "directory" {
            guard recursive else { throw Failure("Can't pull a directory without --recursive") }
            guard target != "-" else { throw Failure("A directory cannot be written to standard output") }
            if !isDirectory { try Self.makeDirectories(target) }
            isDirectory = true
            return try await pullTree(place, as: source.name, to: target, client)
        }
        let download = try await client.download(
            API.instances.file, path: ["name": place.instance], query: ["path": place.path])
        if target == "-" {
            return try await told(of: place, client, download.length) { try await download.write(to: 1) }
        }
        let path = isDirectory ? FilePlace.join(target, source.name) : target
        if download.header("X-LXD-type") == "symlink" {
            let link = String(decoding: try await download.bytes(), as: UTF8.self)
            guard symlink(link, path) == 0 else {
                throw Failure("Cannot make the link \(path): \(String(cString: strerror(errno)))")
            }
            return
        }
        let mode = download.header("X-LXD-mode").flatMap { mode_t($0, radix: 8) } ?? 0o644
        let isNew = access(path, F_OK) != 0
        let descriptor = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        do {
            fchmod(descriptor, mode & 0o777)
            try await ProgressLine.during("Pulling \(place.path) from \(place.instance)", quiet: global.quiet) { line in
                let progress = TransferProgress()
                try await told(of: place, client, download.length) {
                    try await download.write(to: descriptor) { done, total in
                        line.set(progress.text(done: done, total: total))
                    }
                }
            }
        } catch {
            // A part of a file must not pass for the file.
            if isNew { unlink(path) }
            throw error
        }
    }

    /// What a chain of links ends at.
    private func followed(_ source: FilePlace, _ client: Client) async throws -> FilePlace {
        var place = source
        for _ in 0..<256 {
            guard try await client.fileKind(place.instance, place.path) == "symlink" else { return place }
            let link = try await client.download(
                API.instances.file, path: ["name": place.instance], query: ["path": place.path])
            // It may be something else by now.
            guard link.header("X-LXD-type") == "symlink" else { continue }
            place = place.moved(to: String(decoding: try await link.bytes(), as: UTF8.self))
        }
        throw Failure("Too many links: \(source.path) in \(source.instance) leads to nothing after 256 of them")
    }

    /// Takes a file's content, and says it when the file has become shorter than the server had promised.
    private func told(
        of place: FilePlace, _ client: Client, _ length: Int64?, _ take: () async throws -> Void
    ) async throws {
        do {
            try await take()
        } catch let lost as ClientError {
            guard case .connectionLost = lost, let length,
                let now = try? await client.raw(
                    API.instances.fileHead, path: ["name": place.instance], query: ["path": place.path]),
                let left = now.header("Content-Length").flatMap({ Int64($0) }), left < length
            else { throw lost }
            throw Failure(
                "\(place.path) in \(place.instance) became shorter while it was read: it had \(length) bytes and has"
                    + " \(left) now. Pull it again when nothing writes to it")
        }
    }

    private func pullTree(_ source: FilePlace, as name: String, to target: String, _ client: Client) async throws {
        let directory = try Files.open(target, O_RDONLY | O_DIRECTORY)
        defer { close(directory) }
        try await ProgressLine.during("Pulling \(source.path) from \(source.instance)", quiet: global.quiet) { line in
            try await client.withFiles(of: source.instance) { session in
                var pull = TreePull { line.set($0) }
                try pull.pull(
                    Array(source.path.utf8), into: directory, as: Array((name.isEmpty ? "." : name).utf8),
                    &session)
            }
        }
    }
}
