import ArgumentParser
import Glibc
import LexAPI
import LexClient

/// `lx file edit`
struct FileEdit: Command {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Edit a file of an instance.",
        discussion: "Where standard input is no terminal, what comes from there replaces the file.")

    @Argument(
        help: ArgumentHelp("The instance and the path in it.", valueName: "instance/path"), completion: Names.instances)
    var path: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let place = try FilePlace(path, kind: "path")
        try await global.withServer(place.remote) { client in
            guard Terminal.isTerminal(0) else {
                return try await client.pushFile(place.instance, place.path, FileHeaders(), 0)
            }
            try await edit(place, client)
        }
    }

    /// In a file of its own, byte for byte, and back. Owner and mode in the instance stay what they are.
    private func edit(_ place: FilePlace, _ client: Client) async throws {
        let download = try await client.download(
            API.instances.file, path: ["name": place.instance], query: ["path": place.path])
        guard download.header("X-LXD-type") == "file" else {
            throw Failure("Only a file can be edited; \(place.path) is a \(download.header("X-LXD-type") ?? "thing")")
        }
        // With the ending of the file, by which editors know what it is.
        let ending = place.name.lastIndex(of: ".").map { String(place.name[$0...]) } ?? ""
        var template = Array("/tmp/lx-file-XXXXXX\(ending)".utf8CString)
        let descriptor = mkstemps(&template, Int32(ending.utf8.count))
        guard descriptor >= 0 else {
            throw Failure("Cannot make a file for the editor in /tmp: \(String(cString: strerror(errno)))")
        }
        let copy = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(copy) }
        do {
            defer { close(descriptor) }
            try await download.write(to: descriptor)
        }
        try Editor.run(copy)
        let edited = try Files.open(copy, O_RDONLY)
        defer { close(edited) }
        try await client.pushFile(place.instance, place.path, FileHeaders(), edited)
    }
}
