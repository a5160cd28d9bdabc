// timespec is first seen in libarchive's headers, so it is theirs to Swift.
import CArchive
import CLexLinux
import Glibc
import LexIPC

/// The directory an archive is unpacked into.
///
/// Every path is walked name by name from its descriptor, and no symbolic link is followed, whatever the archive made
/// there before. The directories of the current path stay open: entries come directory by directory.
struct TargetTree: ~Copyable {
    private let root: OwnedDescriptor
    private var open: [OpenDirectory] = []
    /// Default ACLs, set when all is there: a directory that has one hands it to what is made in it.
    private var defaultLists: [(path: EntryPath, value: [UInt8])] = []

    private struct OpenDirectory {
        var descriptor: Int32
        var name: [UInt8]
        /// What its time of change must be when we leave it: making entries in it has changed it.
        var modified: timespec
    }

    /// Opens an empty directory.
    init(_ path: String) throws { root = try Self.openEmpty(path) }

    private static func openEmpty(_ path: String) throws -> OwnedDescriptor {
        let directory = try OwnedDescriptor.directory(path)
        let fresh = try checked("open", path) { openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(fresh) else { throw SystemError("read directory", path) }
        defer { closedir(stream) }
        var names = 0
        while readdir(stream) != nil { names += 1 }
        guard names <= 2 else { throw SystemError("unpack into", path, code: ENOTEMPTY) }
        return directory
    }

    deinit { for directory in open { close(directory.descriptor) } }

    /// What every entry has.
    struct Owner {
        var user: uid_t
        var group: gid_t
        var mode: mode_t
        var modified: timespec
    }

    /// Makes a directory, or sets who owns one that is there.
    mutating func makeDirectory(
        _ path: EntryPath, _ owner: Owner, setAttributes: (Int32) throws -> Void
    ) throws {
        try enter(path, path.count - 1)
        let parent = current
        if path.withName(path.count - 1, { mkdirat(parent, $0, 0o700) }) != 0 {
            guard errno == EEXIST else { throw failure("make directory", path) }
            guard try kind(path, in: parent) == S_IFDIR else {
                throw Refusal(path.joined, "is a directory, but was something else before in the same archive")
            }
        }
        try push(path, path.count - 1)
        guard var directory = open.popLast() else { return }
        directory.modified = owner.modified
        open.append(directory)
        try own(directory.descriptor, path, owner)
        try setAttributes(directory.descriptor)
    }

    /// Makes a file with the content that `fill` writes.
    mutating func makeFile(
        _ path: EntryPath, _ owner: Owner, fill: (Int32) throws -> Void, setAttributes: (Int32) throws -> Void
    ) throws {
        try enter(path, path.count - 1)
        let parent = current
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let number = try making("make file", path) { openat(parent, $0, flags, 0o600) }
        let file = OwnedDescriptor(taking: number)
        try fill(number)
        // Owner, then mode, then attributes: chown(2) takes setuid bits and file capabilities away. The time is last.
        try own(file.number, path, owner)
        try setAttributes(file.number)
        try setTime(file.number, path, owner.modified)
    }

    /// Makes a symbolic link; what it points to is the guest's business.
    mutating func makeSymbolicLink(_ path: EntryPath, to target: [UInt8], _ owner: Owner) throws {
        guard !target.isEmpty, target.count < EntryPath.longest else {
            throw Refusal(path.joined, "is a symbolic link with a target of \(target.count) bytes")
        }
        try enter(path, path.count - 1)
        let parent = current
        _ = try making("make link", path) { name in withCString(target) { symlinkat($0, parent, name) } }
        try ownName(path, in: parent, owner)
    }

    /// Makes a named pipe.
    mutating func makeFifo(_ path: EntryPath, _ owner: Owner) throws {
        try enter(path, path.count - 1)
        let parent = current
        _ = try making("make fifo", path) { mknodat(parent, $0, S_IFIFO | 0o600, 0) }
        let changed = path.withName(path.count - 1) { name in
            // After the owner, whose change takes bits away. It is a fifo we just made: nothing is followed.
            fchownat(parent, name, owner.user, owner.group, AT_SYMLINK_NOFOLLOW) == 0
                && fchmodat(parent, name, owner.mode, 0) == 0
        }
        guard changed else { throw failure("own", path) }
        try setTime(of: path, in: parent, owner.modified)
    }

    /// Makes one more name of a file that is there.
    mutating func makeHardLink(_ path: EntryPath, to target: EntryPath) throws {
        let number = openNoLinks(target.joined(target.count - 1))
        guard number >= 0 else {
            guard [ENOENT, ELOOP, ENOTDIR].contains(errno) else { throw failure("open", target) }
            throw Refusal(
                path.joined, "is a hard link to \(quoted(target.joined)), which is not in the archive before it")
        }
        let directory = OwnedDescriptor(taking: number)
        guard try kind(target, in: directory.number, orNothing: true) != S_IFDIR else {
            throw Refusal(path.joined, "is a hard link to the directory \(quoted(target.joined))")
        }
        try enter(path, path.count - 1)
        let parent = current
        do {
            _ = try making("link", path) { name in
                target.withName(target.count - 1) { linkat(directory.number, $0, parent, name, 0) }
            }
        } catch let error as SystemError where error.code == ENOENT {
            throw Refusal(
                path.joined, "is a hard link to \(quoted(target.joined)), which is not in the archive before it")
        } catch let error as SystemError where error.code == EMLINK {
            throw Refusal(path.joined, "is one hard link more than the file system of the pool allows")
        }
    }

    /// Keeps a default ACL for ``finish()``.
    mutating func addDefaultList(_ path: EntryPath, _ value: [UInt8]) { defaultLists.append((path, value)) }

    /// Leaves every directory and sets what has to come last.
    mutating func finish() throws {
        while !open.isEmpty { try pop() }
        for (path, value) in defaultLists {
            let number = openNoLinks(path.joined)
            guard number >= 0 else { throw failure("open", path) }
            _ = lex_set_attribute(number, AttributeRules.defaultList, value, value.count)
            close(number)
        }
    }

    // MARK: Walking

    private var current: Int32 { open.last?.descriptor ?? root.number }

    /// Makes the directory of the first `count` names the current one; those that are missing become root's.
    private mutating func enter(_ path: EntryPath, _ count: Int) throws {
        var common = 0
        while common < open.count, common < count, path.name(common).elementsEqual(open[common].name) { common += 1 }
        while open.count > common { try pop() }
        for index in common..<max(count, common) { try push(path, index, makesMissing: true) }
    }

    private mutating func push(_ path: EntryPath, _ index: Int, makesMissing: Bool = false) throws {
        let parent = current
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var number = path.withName(index) { openat(parent, $0, flags) }
        if number < 0, errno == ENOENT, makesMissing {
            guard path.withName(index, { mkdirat(parent, $0, 0o755) }) == 0 else {
                throw failure("make directory", path)
            }
            number = path.withName(index) { openat(parent, $0, flags) }
        }
        guard number >= 0 else {
            // On a symbolic link: ELOOP or ENOTDIR (open(2)).
            if errno == ELOOP || errno == ENOTDIR {
                throw Refusal(
                    path.joined, "lies below \(quoted(path.joined(index + 1))), which is no directory in this archive")
            }
            throw failure("open", path)
        }
        var status = stat()
        guard fstat(number, &status) == 0 else {
            let error = failure("look at", path)
            close(number)
            throw error
        }
        open.append(OpenDirectory(descriptor: number, name: Array(path.name(index)), modified: status.st_mtim))
    }

    private mutating func pop() throws {
        guard let directory = open.popLast() else { return }
        defer { close(directory.descriptor) }
        let times = [timespec(tv_sec: 0, tv_nsec: utimeOmit), directory.modified]
        guard futimens(directory.descriptor, times) == 0 || errno == EINVAL else {
            throw SystemError("set the time of", quoted(directory.name))
        }
    }

    // MARK: Single calls

    /// Makes something under the last name of a path; a file, link or fifo of that name gives way, as in tar(1).
    private func making(_ call: String, _ path: EntryPath, _ make: (UnsafePointer<CChar>) -> Int32) throws -> Int32 {
        let parent = current
        var result = path.withName(path.count - 1, make)
        if result < 0, errno == EEXIST {
            guard try kind(path, in: parent) != S_IFDIR else {
                throw Refusal(path.joined, "is no directory, but was one before in the same archive")
            }
            guard path.withName(path.count - 1, { unlinkat(parent, $0, 0) }) == 0 else {
                throw failure("replace", path)
            }
            result = path.withName(path.count - 1, make)
        }
        guard result >= 0 else { throw failure(call, path) }
        return result
    }

    private func kind(_ path: EntryPath, in parent: Int32, orNothing: Bool = false) throws(SystemError) -> mode_t {
        var status = stat()
        if path.withName(path.count - 1, { fstatat(parent, $0, &status, AT_SYMLINK_NOFOLLOW) }) != 0 {
            if orNothing && errno == ENOENT { return 0 }
            throw failure("look at", path)
        }
        return status.st_mode & S_IFMT
    }

    private func own(_ descriptor: Int32, _ path: EntryPath, _ owner: Owner) throws(SystemError) {
        guard fchown(descriptor, owner.user, owner.group) == 0, fchmod(descriptor, owner.mode) == 0 else {
            throw failure("own", path)
        }
    }

    private func ownName(_ path: EntryPath, in parent: Int32, _ owner: Owner) throws(SystemError) {
        let changed = path.withName(path.count - 1) {
            fchownat(parent, $0, owner.user, owner.group, AT_SYMLINK_NOFOLLOW)
        }
        guard changed == 0 else { throw failure("own", path) }
        try setTime(of: path, in: parent, owner.modified)
    }

    private func setTime(_ descriptor: Int32, _ path: EntryPath, _ modified: timespec) throws(SystemError) {
        // EINVAL: a time this file system cannot hold; the file is the same without it.
        let times = [timespec(tv_sec: 0, tv_nsec: utimeOmit), modified]
        guard futimens(descriptor, times) == 0 || errno == EINVAL else { throw failure("set the time of", path) }
    }

    private func setTime(of path: EntryPath, in parent: Int32, _ modified: timespec) throws(SystemError) {
        let times = [timespec(tv_sec: 0, tv_nsec: utimeOmit), modified]
        let changed = path.withName(path.count - 1) { utimensat(parent, $0, times, AT_SYMLINK_NOFOLLOW) }
        guard changed == 0 || errno == EINVAL else { throw failure("set the time of", path) }
    }

    private func openNoLinks(_ path: [UInt8]) -> Int32 {
        withCString(path) { lex_open_no_links(root.number, $0, O_RDONLY | O_DIRECTORY, 0) }
    }

    private func failure(_ call: String, _ path: EntryPath) -> SystemError {
        let code = errno
        return SystemError(call, quoted(path.joined), code: code)
    }
}

/// UTIME_OMIT of utimensat(2), a macro Swift does not see: this time is left as it is.
private let utimeOmit = (1 << 30) - 2

/// Calls `body` with bytes as a C string.
func withCString<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    func call(_ pointer: UnsafePointer<UInt8>) -> Result {
        body(UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
    }
    return call(bytes + [0])
}
