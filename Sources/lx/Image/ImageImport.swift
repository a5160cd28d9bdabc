import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx image import`
struct ImageImport: Command {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Bring image files to the server.",
        discussion: """
            An image is one tarball or squashfs, or one with its metadata and one with its files, or a directory with a \
            metadata.yaml and a rootfs.

              lx image import debian.tar.xz --alias debian os=Debian
              lx image import meta.tar.xz rootfs.tar.xz
            """)

    @Option(name: .long, parsing: .unconditionalSingleValue, help: "A name to give the image.")
    var alias: [String] = []
    @Flag(help: "Let strangers see it.")
    var `public` = false
    @Argument(
        help: ArgumentHelp(
            "The file or the two files, the remote with its colon, and properties KEY=VALUE.", valueName: "word"))
    var words: [String]
    @OptionGroup var global: GlobalOptions

    /// What the words mean.
    struct Meaning: Equatable {
        var files: [String] = []
        var remote = Remote.local
        var properties: [String: String] = [:]
    }

    static func meaning(of words: [String]) throws -> Meaning {
        var meaning = Meaning()
        for word in words {
            if word.hasSuffix(":"), !word.contains("/") {
                meaning.remote = try Reference(word).remote
            } else if !meaning.files.isEmpty, let (key, value) = KeyValues.split(word) {
                meaning.properties[key] = value
            } else {
                meaning.files.append(word)
            }
        }
        for url in meaning.files where url.hasPrefix("http://") || url.hasPrefix("https://") {
            throw Failure("Cannot import \(url): fetch the file first, then import it")
        }
        guard (1...2).contains(meaning.files.count) else {
            throw Failure("Name one image file, or one with the metadata and one with the files; got \(meaning.files)")
        }
        return meaning
    }

    func run() async throws {
        let meaning = try Self.meaning(of: words)
        let files = try meaning.files.map { path in
            if Files.isDirectory(path) {
                guard meaning.files.count == 1 else {
                    throw Failure("Cannot import \(path): it is a directory, which is an image by itself")
                }
                return ("image.tar.gz", try ImageDirectory.pack(path))
            }
            return (path, try Files.open(path, O_RDONLY))
        }
        defer { for (_, descriptor) in files { close(descriptor) } }
        try await global.withServer(meaning.remote) { client in
            let operation = try await upload(files, meaning.properties, client)
            guard let fingerprint = operation.metadata?["fingerprint"]?.text else {
                throw Failure("The server took the image but does not say which fingerprint it has")
            }
            for name in alias { try await setAlias(name, fingerprint, client) }
            if !global.quiet { try StandardOutput.line("Image imported with fingerprint: \(fingerprint)") }
        }
    }

    private func upload(
        _ files: [(String, Int32)], _ properties: [String: String], _ client: Client
    ) async throws -> LexAPI.Operation {
        func filename(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
        let content: Upload
        var headers = [("X-LXD-public", `public` ? "true" : "false")]
        if files.count == 1 {
            content = .file(files[0].1)
            headers.append(("X-LXD-filename", filename(files[0].0)))
        } else {
            content = .form(
                zip(["metadata", "rootfs"], files).map { field, file in
                    Upload.Part(name: field, filename: filename(file.0), descriptor: file.1)
                })
        }
        if !properties.isEmpty { headers.append(("X-LXD-properties", FormQuery.text(properties))) }
        let begun = try await ProgressLine.during("Transferring the image", quiet: global.quiet) { line in
            let progress = TransferProgress()
            return try await client.upload(API.images.create, headers: headers, content) { done, total in
                line.set(progress.text(done: done, total: total))
            }
        }
        return try await global.follow(
            client, begun.reply.decoded(as: LexAPI.Operation.self), saying: "Importing the image")
    }

    /// An alias that stands for another image is moved to this one.
    private func setAlias(_ name: String, _ fingerprint: String, _ client: Client) async throws {
        do {
            try await client.call(API.images.createAlias, body: .init(name: name, target: fingerprint))
        } catch let error as APIError where error.status == 409 {
            try await client.call(
                API.images.updateAlias, path: ["name": name], body: .init(description: "", target: fingerprint))
        }
    }
}
