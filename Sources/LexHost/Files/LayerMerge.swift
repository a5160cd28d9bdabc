import CLexLinux
import Glibc
import LexIPC

/// Makes one layer of an overlay out of several that lie upon each other, which nothing changes any more.
///
/// Files are not copied: they get a further name. What is no file follows the rules of overlayfs
/// (Documentation/filesystems/overlayfs.rst): what hides something below the layers goes on doing so.
package struct LayerMerge {
    private static let deepest = 32
    private static let mostNames = 100_000
    private static let opaque = "trusted.overlay.opaque"
    private static let redirect = "trusted.overlay.redirect"

    /// What makes a merge impossible: the layers are to be copied as a whole instead.
    private struct Impossible: Error {}

    private let attributes = TreeCopy(linkDirectory: "", overlayAttributes: .kept)
    private let isCancelled: () -> Bool

    /// - Parameter isCancelled: Asked before each file; true ends the merge with the error ECANCELED.
    package init(isCancelled: @escaping () -> Bool = { false }) { self.isCancelled = isCancelled }

    /// Merges layers, the topmost first, into a directory that is not there yet. False when that is not possible: a
    /// directory of theirs was renamed, or they are too deep or too full. What was made until then is left.
    package func merge(_ layers: [String], into target: String) throws -> Bool {
        guard let top = layers.first else { return false }
        do {
            try attributes.copyEmpty(top, to: target)
            let made = try OwnedDescriptor.directory(target)
            var sources: [Int32] = []
            defer { for source in sources { close(source) } }
            for layer in layers { sources.append(try OwnedDescriptor.directory(layer).release()) }
            try unite(sources, in: made.number, depth: 0, target)
            try attributes.copyAttributes(of: sources[0], to: made.number, target)
            return true
        } catch is Impossible {
            return false
        }
    }

    /// Gives a directory the entries of several, of which the first count most.
    private func unite(_ sources: [Int32], in target: Int32, depth: Int, _ path: String) throws {
        guard depth < Self.deepest else { throw Impossible() }
        var seen: Set<RawName> = []
        for (index, source) in sources.enumerated() {
            // A descriptor of its own: reading the names moves the place in the open file.
            let names = try DirectoryNames(
                OwnedDescriptor(
                    taking: try checked("open", path) { openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }),
                path)
            while let name = names.next() {
                if isCancelled() { throw SystemError("merge", path, code: ECANCELED) }
                guard seen.insert(name).inserted else { continue }
                guard seen.count <= Self.mostNames else { throw Impossible() }
                try place(name, of: sources[index...], in: target, depth: depth, path)
            }
        }
    }

    private func place(
        _ name: RawName, of sources: ArraySlice<Int32>, in target: Int32, depth: Int, _ path: String
    ) throws {
        guard let source = sources.first else { return }
        var status = stat()
        try checked("look at a file in", path) { fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            if linkat(source, name, target, name, 0) == 0 { return }
            if errno == EMLINK { throw Impossible() }
            throw SystemError("link \"\(text(name))\" in", path)
        }
        let (parts, isOpaque) = try directories(name, of: sources, path)
        defer { for part in parts { close(part) } }
        guard let top = parts.first else { return }
        try checked("make a directory in", path) { mkdirat(target, name, 0o700) }
        let made = OwnedDescriptor(
            taking: try checked("open a directory in", path) {
                openat(target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
        let below = "\(path)/\(text(name))"
        try unite(parts, in: made.number, depth: depth + 1, below)
        try attributes.copyAttributes(of: top, to: made.number, below)
        if isOpaque {
            try checked("mark", below) { lex_set_attribute(made.number, Self.opaque, "y", 1) }
        }
    }

    /// The directories of a name that are seen as one, and whether they hide what lies below all layers.
    private func directories(
        _ name: RawName, of sources: ArraySlice<Int32>, _ path: String
    ) throws -> (parts: [Int32], isOpaque: Bool) {
        var parts: [Int32] = []
        do {
            for source in sources {
                let number = openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard number >= 0 else {
                    if errno == ENOENT { continue }
                    // Something else hides what is below it, as a mark on a deleted file does.
                    if errno == ENOTDIR || errno == ELOOP || errno == ENXIO { return (parts, true) }
                    throw SystemError("open \"\(text(name))\" in", path)
                }
                parts.append(number)
                if has(Self.redirect, number) { throw Impossible() }
                if has(Self.opaque, number) { return (parts, true) }
            }
            return (parts, false)
        } catch {
            for part in parts { close(part) }
            throw error
        }
    }

    private func has(_ attribute: String, _ directory: Int32) -> Bool {
        lex_read_attribute(directory, attribute, nil, 0) >= 0
    }
}
