import CLexLinux
import Glibc
package import LexIPC

/// Makes a directory and those above it, with this mode for the last one; one that is there already is fine.
package func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
    if mkdir(path, mode) == 0 { return }
    switch errno {
    case EEXIST: return
    case ENOENT:
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        guard !parent.isEmpty else { throw SystemError("make directory", path) }
        try makeDirectories(parent, mode: 0o711)
        try checked("make directory", path) { mkdir(path, mode) }
    default: throw SystemError("make directory", path)
    }
}

/// The names in a directory, without `.` and `..`, in order. What is no UTF-8 in them is replaced: for directories whose
/// names lexd itself gives.
package func directoryNames(_ path: String) throws(SystemError) -> [String] {
    let names = try DirectoryNames(OwnedDescriptor.directory(path), path)
    var result: [String] = []
    while let name = names.next() { result.append(text(name)) }
    return result.sorted()
}

/// Removes a file or a whole tree; one that is not there is fine.
///
/// No symbolic link is ever followed, and no depth makes it fail: what lies deeper than 64 directories is moved up
/// first. Nothing may write to the tree meanwhile.
package func removeTree(_ path: String) throws(SystemError) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    let directory: OwnedDescriptor
    do { directory = try OwnedDescriptor.directory(parent) } catch {
        if error.code == ENOENT { return }
        throw error
    }
    var removal = TreeRemoval()
    try removal.remove(Array(name.utf8CString), in: directory, path)
}

private struct TreeRemoval {
    private static let deepest = 64
    // A name nobody can have put there: the tree may be an attacker's.
    private let prefix = ".lexd-" + String(UInt64.random(in: .min ... .max), radix: 36) + "-"
    private var moved = 0

    mutating func remove(_ name: RawName, in parent: borrowing OwnedDescriptor, _ path: String) throws(SystemError) {
        if unlinkat(parent.number, name, 0) == 0 { return }
        switch errno {
        case ENOENT: return
        case EISDIR, EPERM: break
        default: throw SystemError("remove", path)
        }
        let root = try open(name, in: parent.number, path)
        // Emptying may move deeper directories up into the root.
        try removeDirectory(name, root, in: parent.number, depth: 0, root: root.number, path)
    }

    private func open(_ name: RawName, in parent: Int32, _ path: String) throws(SystemError) -> DirectoryNames {
        try DirectoryNames(
            OwnedDescriptor(
                taking: try checked("open", path) {
                    openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                }), path)
    }

    /// Empties a directory and removes it. What is removed while a directory is read may hide other names from the
    /// reader (readdir(3)): it is read again until nothing is left.
    private mutating func removeDirectory(
        _ name: RawName, _ directory: borrowing DirectoryNames, in parent: Int32, depth: Int, root: Int32,
        _ path: String
    ) throws(SystemError) {
        while true {
            var isEmpty = true
            while let child = directory.next() {
                isEmpty = false
                try removeEntry(child, in: directory.number, depth: depth + 1, root: root, path)
            }
            if unlinkat(parent, name, AT_REMOVEDIR) == 0 { return }
            guard !isEmpty, errno == ENOTEMPTY || errno == EEXIST else {
                throw SystemError(depth == 0 ? "remove directory" : "remove directory \"\(text(name))\" below", path)
            }
            directory.rewind()
        }
    }

    private mutating func removeEntry(
        _ name: RawName, in parent: Int32, depth: Int, root: Int32, _ path: String
    ) throws(SystemError) {
        if unlinkat(parent, name, 0) == 0 { return }
        guard errno == EISDIR || errno == EPERM else {
            if errno == ENOENT { return }
            throw SystemError("remove \"\(text(name))\" below", path)
        }
        if unlinkat(parent, name, AT_REMOVEDIR) == 0 { return }
        if depth >= Self.deepest {
            moved += 1
            try checked("move up \"\(text(name))\" below", path) {
                renameat(parent, name, root, "\(prefix)\(moved)")
            }
            return
        }
        let directory = try open(name, in: parent, "\(path)/…/\(text(name))")
        try removeDirectory(name, directory, in: parent, depth: depth, root: root, path)
    }
}

/// Writes a file as a whole: readers see the old content or the new one.
package func replaceFile(_ path: String, _ bytes: some Collection<UInt8>, mode: UInt32 = 0o600) throws(SystemError) {
    let new = path + ".new"
    unlink(new)
    let file = try OwnedDescriptor.open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
    do {
        try file.writeAll(bytes, to: new)
        try checked("rename", new) { rename(new, path) }
    } catch {
        unlink(new)
        throw error
    }
}

/// Where a path leads in the end; nil when nothing is there (realpath(3)).
package func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
}

/// Throws unless the directory belongs to root and nobody else can enter it.
///
/// Below it lie files with setuid bits and file capabilities that are valid on the host.
package func checkClosedDirectory(_ path: String) throws {
    var status = stat()
    try checked("look at", path) { lstat(path, &status) }
    guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == 0, status.st_mode & 0o077 == 0 else {
        throw OpenDirectory(path: path)
    }
}

/// A directory others can enter that must be closed to them.
package struct OpenDirectory: Error, CustomStringConvertible {
    let path: String
    package var description: String {
        "\(path) must be a directory of root's that nobody else can enter: programs below it would run with rights "
            + "they must not have on the host. Run: chown root:root '\(path)' && chmod 0700 '\(path)'"
    }
}

/// The bytes a tree takes on disk: each file's blocks, a file with several names once. No link is followed.
///
/// The tree may be a guest's, who writes to it meanwhile: only so much memory is used. What lies deeper than 128
/// directories is not counted. Of files with several names 65536 are remembered; of those beyond, each name counts for
/// its share of the file, which is the same sum where all names lie in the tree.
package func treeSize(_ path: String) throws -> Int64 {
    var count = TreeCount()
    guard let root = TreeCount.open(path, in: AT_FDCWD) else { return 0 }
    count.add(root, depth: 0)
    return count.total
}

private struct TreeCount {
    private static let deepest = 128
    private static let mostRemembered = 65536

    private struct File: Hashable {
        let device: dev_t
        let number: ino_t
    }
    private var seen: Set<File> = []
    private(set) var total: Int64 = 0

    /// Nil for what is no directory, or is gone.
    static func open(_ name: UnsafePointer<CChar>, in parent: Int32) -> OwnedDescriptor? {
        let number = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        return number < 0 ? nil : OwnedDescriptor(taking: number)
    }

    mutating func add(_ directory: consuming OwnedDescriptor, depth: Int) {
        guard let names = try? DirectoryNames(directory, "") else { return }
        while let name = names.next() {
            var status = stat()
            guard fstatat(names.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let bytes = Int64(status.st_blocks) * 512
            if status.st_mode & S_IFMT == S_IFDIR {
                total += bytes
                guard depth < Self.deepest, let below = Self.open(name, in: names.number) else { continue }
                add(below, depth: depth + 1)
            } else if status.st_nlink > 1 {
                total += share(of: status, bytes)
            } else {
                total += bytes
            }
        }
    }

    private mutating func share(of status: stat, _ bytes: Int64) -> Int64 {
        let file = File(device: status.st_dev, number: status.st_ino)
        if seen.contains(file) { return 0 }
        guard seen.count < Self.mostRemembered else { return bytes / Int64(status.st_nlink) }
        seen.insert(file)
        return bytes
    }
}
