import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx image export`
struct ImageExport: Command {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the files of an image to this machine.",
        discussion: """
            The target is a directory or the name of the file, to which the ending of the image's own name is added. \
            Without a target the file is written here and named after the fingerprint; "-" stands for standard output.
            """)

    @Flag(help: "The image of a virtual machine, of which this server has none.")
    var vm = false
    @Argument(help: "An alias, or the beginning of a fingerprint.", completion: Names.images)
    var image: String
    @Argument(help: "Where to write it.")
    var target: String = "."
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: image) { client, name in
            let image = try await ImageNames.image(name, on: client, isMachine: vm)
            let download = try await client.download(
                API.images.export, path: ["fingerprint": image.fingerprint])
            let written = try await ProgressLine.during("Exporting the image", quiet: global.quiet) { line in
                let progress = TransferProgress()
                return try await write(download, image.fingerprint) { done, total in
                    line.set(progress.text(done: done, total: total))
                }
            }
            // Said only when the image is not what stands on standard output.
            if written && !global.quiet { try StandardOutput.line("Image exported successfully!") }
        }
    }

    /// Whether it was written to files.
    private func write(
        _ download: Download, _ fingerprint: String, _ progress: @escaping TransferReport
    ) async throws -> Bool {
        if target == "-" {
            guard !download.hasParts else {
                throw Failure("The image has two files; they cannot both be written to standard output")
            }
            try await download.write(to: 1, progress: progress)
            return false
        }
        var open: [(path: String, descriptor: Int32)] = []
        func file(_ path: String) throws -> Int32 {
            let descriptor = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            open.append((path, descriptor))
            return descriptor
        }
        defer { for file in open { close(file.descriptor) } }
        do {
            if download.hasParts {
                try await download.writeParts(progress: progress) { field, filename in
                    try file(Self.path(target, filename ?? "\(field)-\(fingerprint)", part: field))
                }
            } else {
                let descriptor = try file(Self.path(target, download.filename ?? fingerprint, part: nil))
                try await download.write(to: descriptor, progress: progress)
            }
        } catch {
            // Half an image is worse than none.
            for file in open { unlink(file.path) }
            throw error
        }
        return true
    }

    /// Where a file of the server's choosing goes. One file gets the ending of its own name; of two, the second gets
    /// `.root`, as with the stock client.
    static func path(_ target: String, _ filename: String, part: String?) -> String {
        if target.hasSuffix("/") || Files.isDirectory(target) {
            return target + (target.hasSuffix("/") ? "" : "/") + filename
        }
        if let part { return target + (part == "metadata" ? "" : ".root") }
        return target + (filename.firstIndex(of: ".").map { String(filename[$0...]) } ?? "")
    }
}
