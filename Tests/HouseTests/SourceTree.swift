import Foundation

/// The sources of this project, as text.
struct SourceTree {
    /// A Swift file of `Sources/`.
    struct File {
        /// The path below `Sources/`.
        let path: String
        /// The text without comments: what they say is no call.
        let code: String

        /// The module it belongs to.
        var module: String { path.split(separator: "/").first.map(String.init) ?? "" }
    }

    /// The directory of `Package.swift`.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file, in order.
    let files: [File]
    /// `Package.swift`.
    let manifest: String

    init() throws {
        let sources = Self.root.appending(path: "Sources")
        let found = FileManager.default.enumerator(atPath: sources.path())?.compactMap { $0 as? String } ?? []
        files = try found.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            return File(path: path, code: Self.withoutComments(text))
        }
        manifest = try String(contentsOf: Self.root.appending(path: "Package.swift"), encoding: .utf8)
    }

    /// The files of a module.
    func module(_ name: String) -> [File] { files.filter { $0.module == name } }

    /// Our modules that `Package.swift` lets a module import, or nil when it has no such module.
    func dependencies(of module: String) -> Set<String>? {
        if manifest.contains("target(name: \"\(module)\")") { return [] }
        guard let place = manifest.range(of: "name: \"\(module)\","),
            let list = manifest[place.upperBound...].range(of: "[")
        else { return nil }
        let end = manifest[list.upperBound...].range(of: "]),")?.lowerBound ?? manifest.endIndex
        let words = manifest[list.upperBound..<end].matches(of: /"(C?(?:Lex|LXC|Archive|Netlink)[A-Za-z]*)"/)
        return Set(words.map { String($0.1) })
    }

    private static func withoutComments(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let start = line.drop { $0 == " " }
            if start.hasPrefix("//") { return "" }
            // A comment behind code has two spaces or one before it; "http://" has none.
            guard let comment = line.range(of: " // ") else { return String(line) }
            return String(line[..<comment.lowerBound])
        }.joined(separator: "\n")
    }
}
