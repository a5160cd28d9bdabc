import CLexLinux
import Glibc
package import LexAPI
import LexHost
import LexIPC

/// Directories of an instance that lie beside its root as they are: an overlay cannot be the upper layer of another
/// (overlayfs(5)), and what runs containers keeps such layers there. They go where their volume goes.
enum PlainDirectories {
    /// The directory of a volume or of a snapshot that holds them.
    static let name = "plain"
    /// While a volume becomes what a snapshot of it is: what it is to have, and what it had.
    static let nextName = "plain.next"
    static let oldName = "plain.old"

    /// Each with its place in the root.
    static let places = [
        "docker": "var/lib/docker", "containerd": "var/lib/containerd", "containers": "var/lib/containers",
        "lexd": "var/lib/lexd",
    ]

    /// The directory that such a place is in, and its name there.
    static func parts(of place: String) -> (parent: String, name: String) {
        let parent = String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)])
        return (parent, String(place.dropFirst(parent.utf8.count + 1)))
    }

    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Copies them from one volume or snapshot to another that has none.
    static func copy(
        from source: String, to target: String, links: String, isCancelled: @escaping @Sendable () -> Bool
    ) throws {
        guard isThere("\(source)/\(name)") else { return }
        try TreeCopy(linkDirectory: links, overlayAttributes: .kept, isCancelled: isCancelled)
            .copy("\(source)/\(name)", to: "\(target)/\(name)")
    }

    /// Whether a place in a directory holds nothing. One that is not reached without a link is not ours to judge.
    static func isEmpty(_ place: String, in directory: String) throws -> Bool {
        let root = try OwnedDescriptor.directory(directory)
        let found = lex_open_no_links(root.number, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard found >= 0 else { return errno == ENOENT }
        let opened = OwnedDescriptor(taking: found)
        return try directoryNames("/proc/self/fd/\(opened.number)").isEmpty
    }

    /// Makes what lies at such a place of a root one of them: it comes from a pool where all lies in the root.
    static func takeOut(of root: String, into volume: String) throws {
        for (name, place) in places where try !isEmpty(place, in: root) {
            let opened = try OwnedDescriptor.directory(root)
            let (parent, last) = parts(of: place)
            let found = lex_open_no_links(opened.number, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
            guard found >= 0 else { continue }
            let directory = OwnedDescriptor(taking: found)
            var status = stat()
            guard fstatat(directory.number, last, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFDIR
            else { continue }
            let target = "\(volume)/\(Self.name)"
            if mkdir(target, 0o700) != 0, errno != EEXIST { throw SystemError("make directory", target) }
            try checked("rename to", "\(target)/\(name)") {
                renameat(directory.number, last, AT_FDCWD, "\(target)/\(name)")
            }
            try checked("make directory", place) { mkdirat(directory.number, last, 0o711) }
        }
    }
}

extension OverlayDriver {
    package func plainDirectories(
        of volume: VolumeName, from fingerprint: Fingerprint?, making: Bool
    ) async throws -> [String: String] {
        guard volume.kind == .instance else { return [:] }
        let directory = pool.place(of: volume)
        let driver = self
        return try await blocking {
            var found: [String: String] = [:]
            let all = "\(directory)/\(PlainDirectories.name)"
            let hasSome = PlainDirectories.isThere(all)
            if !hasSome, !making { return found }
            let chain = try LayerChain(in: directory)
            for (name, place) in PlainDirectories.places {
                let path = "\(all)/\(name)"
                if !hasSome || !PlainDirectories.isThere(path) {
                    guard making else { continue }
                    // What the root has there already stays seen.
                    let parts = ["\(directory)/upper"] + driver.lowers(chain, fingerprint)
                    guard try parts.allSatisfy({ try PlainDirectories.isEmpty(place, in: $0) }) else { continue }
                    if mkdir(all, 0o700) != 0, errno != EEXIST { throw SystemError("make directory", all) }
                    try checked("make directory", path) { mkdir(path, 0o711) }
                    try checked("change the mode of", path) { chmod(path, 0o711) }
                }
                found["/" + place] = path
            }
            return found
        }
    }
}
