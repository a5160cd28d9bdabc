import ArgumentParser

/// `lx file`
struct FileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "file", abstract: "Look after the files of instances.",
        subcommands: [
            FileCreate.self, FileDelete.self, FileEdit.self, FileMount.self, FilePull.self, FilePush.self,
        ])
}

/// A path in an instance as a person writes it: `web/etc/hosts`, `local:web/etc/hosts`.
struct FilePlace: Equatable {
    let remote: Remote
    let instance: String
    /// From the root on, without dots; of a directory the slash at the end is left out.
    private(set) var path: String
    /// Whether it was written with a slash at its end.
    let isDirectory: Bool

    /// - Parameter kind: What it is, for the sentence about a wrong one.
    init(_ text: String, kind: String) throws {
        guard let slash = text.firstIndex(of: "/") else { throw Failure("Invalid \(kind) \(text)") }
        // Only what stands before the path names a remote: a file may have colons in its name.
        let reference = try Reference(String(text[..<slash]))
        guard !reference.name.isEmpty else { throw Failure("Invalid \(kind) \(text)") }
        remote = reference.remote
        instance = reference.name
        isDirectory = text.hasSuffix("/")
        path = Self.clean(text[slash...])
    }

    /// The last word of the path; empty for the root.
    var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// Another path in the same instance.
    func moved(to path: String) -> FilePlace {
        var other = self
        other.path = Self.clean(path[...])
        return other
    }

    static func clean(_ path: Substring) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    static func join(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    static func parent(of path: String) -> String { clean(path[...] + "/..") }
}
