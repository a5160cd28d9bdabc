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
    try rawNames(of: OwnedDescriptor.directory(path), path).map(text).sorted()
}

/// A name as the kernel has it: bytes of any kind, ended with a NUL. Guests give their files such names.
private typealias RawName = [CChar]

private func text(_ name: RawName) -> String {
    String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func rawNames(of descriptor: borrowing OwnedDescriptor, _ path: String) throws(SystemError) -> [RawName] {
    // fdopendir takes its descriptor over, and its position is shared with the original: a fresh one.
    let fresh = try checked("open", path) { openat(descriptor.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let stream = fdopendir(fresh) else {
        let error = SystemError("read directory", path)
        close(fresh)
        throw error
    }
    defer { closedir(stream) }
    let dot = CChar(UInt8(ascii: "."))
    var names: [RawName] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        }
        if name != [dot, 0], name != [dot, dot, 0] { names.append(name) }
    }
    return names
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
        let root = try open(name, in: parent, path)
        // Emptying may move deeper directories up into `root`: again until there is nothing left.
        while true {
            let names = try rawNames(of: root, path)
            if names.isEmpty { break }
            for child in names { try removeEntry(child, in: root, depth: 1, root: root.number, path) }
        }
        try checked("remove directory", path) { unlinkat(parent.number, name, AT_REMOVEDIR) }
    }

    private func open(_ name: RawName, in parent: borrowing OwnedDescriptor, _ path: String) throws(SystemError)
        -> OwnedDescriptor
    {
        OwnedDescriptor(
            taking: try checked("open", path) {
                openat(parent.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
    }

    private mutating func removeEntry(
        _ name: RawName, in parent: borrowing OwnedDescriptor, depth: Int, root: Int32, _ path: String
    ) throws(SystemError) {
        if unlinkat(parent.number, name, 0) == 0 { return }
        guard errno == EISDIR || errno == EPERM else {
            if errno == ENOENT { return }
            throw SystemError("remove \"\(text(name))\" below", path)
        }
        if unlinkat(parent.number, name, AT_REMOVEDIR) == 0 { return }
        if depth >= Self.deepest {
            moved += 1
            try checked("move up \"\(text(name))\" below", path) {
                renameat(parent.number, name, root, "\(prefix)\(moved)")
            }
            return
        }
        let directory = try open(name, in: parent, "\(path)/…/\(text(name))")
        for child in try rawNames(of: directory, path) {
            try removeEntry(child, in: directory, depth: depth + 1, root: root, path)
        }
        try checked("remove directory \"\(text(name))\" below", path) { unlinkat(parent.number, name, AT_REMOVEDIR) }
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

/// The bytes a tree takes on disk: each file's blocks, a file with several names once. No link is followed. What lies
/// deeper than a path can say is not counted.
package func treeSize(_ path: String) throws -> Int64 {
    var total: Int64 = 0
    var seen: Set<[UInt64]> = []
    // Paths and not descriptors wait here, so that neither depth nor breadth needs more than memory; nothing is
    // written, so a tree that changes meanwhile only makes the sum a little old.
    var waiting = [Array(path.utf8CString)]
    while let directory = waiting.popLast() {
        let number = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { continue }
        let descriptor = OwnedDescriptor(taking: number)
        for name in (try? rawNames(of: descriptor, path)) ?? [] {
            var status = stat()
            guard fstatat(descriptor.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                waiting.append(directory.dropLast() + [CChar(UInt8(ascii: "/"))] + name)
            } else if status.st_nlink > 1, !seen.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted {
                continue
            }
            total += Int64(status.st_blocks) * 512
        }
    }
    return total
}
