import CLexLinux
import Glibc
package import LexIPC

/// Copies a tree of files as it is: owners, modes, times, extended attributes, hard links, holes, devices, fifos and
/// sockets.
///
/// The source may be a guest's and may change meanwhile: no symbolic link is followed, every name is taken below an open
/// directory, what vanishes is left out, and of a file that grows only the size it had is taken. Contents are shared
/// with the source where the file system can (FICLONE), and else copied by the kernel. Memory does not grow with the
/// tree: which files have several names is remembered in a directory beside the copy, not here.
package final class TreeCopy {
    /// What becomes of overlayfs's own attributes (`trusted.overlay.*`).
    package enum OverlayAttributes {
        /// They stay: the copy is to lie over the same layer.
        case kept
        /// They go: the copy is to be plain files, and what looks like them is no work of overlayfs.
        case dropped
    }

    private static let deepest = 64
    private static let mostDeferred = 64
    private static let deepestOfAll = 320

    private let linkDirectory: String
    private let overlayAttributes: OverlayAttributes
    private let owners: OwnerChange
    private let isCancelled: () -> Bool
    private var links: Int32 = -1
    private var clonesFiles = true
    private var deferred: [(source: Int32, target: Int32)] = []
    private var buffer: [UInt8] = []

    /// - Parameters:
    ///   - linkDirectory: A path on the copy's file system where nothing is; a directory may be there afterwards, for
    ///     the caller to remove.
    ///   - owners: How the copy's owners differ.
    ///   - isCancelled: Asked before each file; true ends the copy with the error ECANCELED.
    package init(
        linkDirectory: String, overlayAttributes: OverlayAttributes, owners: OwnerChange = .none,
        isCancelled: @escaping () -> Bool = { false }
    ) {
        self.owners = owners
        self.linkDirectory = linkDirectory
        self.overlayAttributes = overlayAttributes
        self.isCancelled = isCancelled
    }

    deinit {
        if links >= 0 { close(links) }
        for (source, target) in deferred {
            close(source)
            close(target)
        }
    }

    /// Copies a directory with all that is in it; nothing may lie at `target`. A copy that failed leaves what it made.
    package func copy(_ source: String, to target: String) throws(SystemError) {
        let directory = OwnedDescriptor(
            taking: try checked("open", source) {
                open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
        try copy(directory, of: source, to: target)
    }

    /// The same of an open directory; `path` names it in errors.
    package func copy(
        _ source: borrowing OwnedDescriptor, of path: String, to target: String
    ) throws(SystemError) {
        try checked("make directory", target) { mkdir(target, 0o700) }
        let made = OwnedDescriptor(
            taking: try checked("open", target) {
                open(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
        // A descriptor of its own: reading the names moves the place in the open file.
        let own = OwnedDescriptor(
            taking: try checked("open", path) {
                openat(source.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            })
        try copyDirectory(own, to: made, depth: 0, path)
        while let next = deferred.popLast() {
            try copyDirectory(
                OwnedDescriptor(taking: next.source), to: OwnedDescriptor(taking: next.target), depth: 1, path)
        }
    }

    /// Makes an empty directory with all that another has beside its files; nothing may lie at `target`.
    package func copyEmpty(_ source: String, to target: String) throws(SystemError) {
        let directory = try OwnedDescriptor.directory(source)
        try checked("make directory", target) { mkdir(target, 0o700) }
        let made = try OwnedDescriptor.directory(target)
        try copyAttributes(of: directory.number, to: made.number, target)
    }

    /// Gives an open directory all that another has beside its files.
    func copyAttributes(of source: Int32, to target: Int32, _ path: String) throws(SystemError) {
        var status = stat()
        try checked("look at", path) { fstat(source, &status) }
        try copyAttributes(of: source, status, to: target, path)
    }

    private func copyDirectory(
        _ source: consuming OwnedDescriptor, to target: borrowing OwnedDescriptor, depth: Int, _ path: String
    ) throws(SystemError) {
        var status = stat()
        try checked("look at", path) { fstat(source.number, &status) }
        let names = try DirectoryNames(source, path)
        while let name = names.next() {
            if isCancelled() { throw SystemError("copy", path, code: ECANCELED) }
            try copyEntry(name, from: names.number, to: target.number, depth: depth, path)
        }
        // Last: what is made inside changes a directory's time, and its mode may forbid making it.
        try copyAttributes(of: names.number, status, to: target.number, path)
    }

    private func copyEntry(
        _ name: RawName, from source: Int32, to target: Int32, depth: Int, _ path: String
    ) throws(SystemError) {
        var status = stat()
        guard fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }
            throw SystemError("look at", below(path, name))
        }
        let kind = status.st_mode & S_IFMT
        let hasMoreNames = kind != S_IFDIR && status.st_nlink > 1
        if hasMoreNames, try takeLink(status, as: name, in: target, path) { return }
        let isThere: Bool
        switch kind {
        case S_IFDIR:
            try copyChild(name, from: source, to: target, depth: depth, path)
            return
        case S_IFREG: isThere = try copyFile(name, from: source, to: target, path)
        case S_IFLNK: isThere = try copySymbolicLink(name, from: source, to: target, status, path)
        default:
            try checked("make", below(path, name)) { mknodat(target, name, kind | 0o600, status.st_rdev) }
            try copyAttributesByName(of: name, from: source, status, to: target, path)
            isThere = true
        }
        if isThere, hasMoreNames { try noteLink(status, as: name, in: target, path) }
    }

    private func copyChild(
        _ name: RawName, from source: Int32, to target: Int32, depth: Int, _ path: String
    ) throws(SystemError) {
        let path = depth < 16 ? below(path, name) : path
        let number = openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else {
            if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return }
            throw SystemError("open", path)
        }
        let child = OwnedDescriptor(taking: number)
        try checked("make directory", path) { mkdirat(target, name, 0o700) }
        let made = OwnedDescriptor(
            taking: try checked("open", path) {
                openat(target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
        if depth >= Self.deepest, deferred.count < Self.mostDeferred {
            // Filled later: so a chain of any length takes neither stack nor descriptors.
            deferred.append((child.release(), made.release()))
            return
        }
        guard depth < Self.deepestOfAll else { throw SystemError("descend into", path, code: ENAMETOOLONG) }
        try copyDirectory(child, to: made, depth: depth + 1, path)
    }

    // MARK: files

    private func copyFile(
        _ name: RawName, from source: Int32, to target: Int32, _ path: String
    ) throws(SystemError) -> Bool {
        let number = lex_open_to_read(source, name)
        guard number >= 0 else {
            if [ENOENT, ELOOP, ENXIO].contains(errno) { return false }
            throw SystemError("open", below(path, name))
        }
        let file = OwnedDescriptor(taking: number)
        var status = stat()
        try checked("look at", below(path, name)) { fstat(file.number, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else { return false }
        let made = OwnedDescriptor(
            taking: try checked("make", below(path, name)) {
                openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            })
        if status.st_size > 0 { try copyContent(of: file.number, status, to: made.number, path, name) }
        try copyAttributes(of: file.number, status, to: made.number, path)
        return true
    }

    private func copyContent(
        of file: Int32, _ status: stat, to made: Int32, _ path: String, _ name: RawName
    ) throws(SystemError) {
        if clonesFiles {
            if lex_clone_file(made, file) == 0 { return }
            // EINVAL: this file cannot be shared, for its size or its flags; the next one may.
            if errno != EINVAL { clonesFiles = false }
        }
        let size = Int64(status.st_size)
        if Int64(status.st_blocks) &* 512 >= size {
            try copyRange(of: file, 0..<size, to: made, path, name)
            return
        }
        try checked("give its size to", below(path, name)) { ftruncate(made, status.st_size) }
        var place: Int64 = 0
        while place < size {
            let data = lex_next_data(file, place)
            // ENXIO: only a hole follows.
            guard data >= 0, data < size else { return }
            let hole = lex_next_hole(file, data)
            let end = hole > data ? min(hole, size) : size
            try copyRange(of: file, data..<end, to: made, path, name)
            place = end
        }
    }

    private func copyRange(
        of file: Int32, _ range: Range<Int64>, to made: Int32, _ path: String, _ name: RawName
    ) throws(SystemError) {
        var place = range.lowerBound
        while place < range.upperBound {
            let done = lex_copy_range(file, place, made, place, Int(min(range.upperBound - place, 1 << 26)))
            if done == 0 { return }
            if done < 0 {
                if errno == EINTR { continue }
                guard [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM].contains(errno) else {
                    throw SystemError("write", below(path, name))
                }
                try copyByHand(of: file, place..<range.upperBound, to: made, path, name)
                return
            }
            place += Int64(done)
            if isCancelled() { throw SystemError("copy", path, code: ECANCELED) }
        }
    }

    private func copyByHand(
        of file: Int32, _ range: Range<Int64>, to made: Int32, _ path: String, _ name: RawName
    ) throws(SystemError) {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 1 << 20) }
        var place = range.lowerBound
        while place < range.upperBound {
            let wanted = Int(min(range.upperBound - place, Int64(buffer.count)))
            let got = try checked("read", below(path, name)) {
                buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, wanted, Int(place)) }
            }
            if got == 0 { return }
            var written = 0
            while written < got {
                written += try checked("write", below(path, name)) {
                    buffer.withUnsafeBytes {
                        pwrite(made, $0.baseAddress?.advanced(by: written), got - written, Int(place) + written)
                    }
                }
            }
            place += Int64(got)
            if isCancelled() { throw SystemError("copy", path, code: ECANCELED) }
        }
    }

    private func copySymbolicLink(
        _ name: RawName, from source: Int32, to target: Int32, _ status: stat, _ path: String
    ) throws(SystemError) -> Bool {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let length = readlinkat(source, name, &text, Int(PATH_MAX))
        guard length >= 0 else {
            if [ENOENT, EINVAL].contains(errno) { return false }
            throw SystemError("read the link", below(path, name))
        }
        text[length] = 0
        try checked("make the link", below(path, name)) { symlinkat(text, target, name) }
        try copyAttributesByName(of: name, from: source, status, to: target, path)
        return true
    }

    // MARK: files with several names

    /// Gives what was copied already its further name; false when this is its first.
    private func takeLink(
        _ status: stat, as name: RawName, in target: Int32, _ path: String
    ) throws(SystemError) -> Bool {
        guard links >= 0 else { return false }
        if linkat(links, linkName(status), target, name, 0) == 0 { return true }
        if errno == ENOENT { return false }
        // The name of the link directory is one more than the source has: it can become the last one.
        if errno == EMLINK, lex_rename_new(links, linkName(status), target, name) == 0 { return true }
        throw SystemError("link", below(path, name))
    }

    private func noteLink(
        _ status: stat, as name: RawName, in target: Int32, _ path: String
    ) throws(SystemError) {
        if links < 0 {
            try checked("make directory", linkDirectory) { mkdir(linkDirectory, 0o700) }
            links = try checked("open", linkDirectory) {
                open(linkDirectory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
        }
        try checked("link", below(path, name)) { linkat(target, name, links, linkName(status), 0) }
    }

    private func linkName(_ status: stat) -> String { "\(status.st_dev)-\(status.st_ino)" }

    // MARK: attributes

    private func copyAttributes(
        of source: Int32, _ status: stat, to target: Int32, _ path: String
    ) throws(SystemError) {
        try checked("change the owner of", path) {
            fchown(target, owners.user(status.st_uid), owners.group(status.st_gid))
        }
        // After the owner, whose change takes setuid bits and capabilities away.
        try checked("change the mode of", path) { fchmod(target, status.st_mode & 0o7777) }
        for attribute in try attributeNames(path, { lex_list_attributes(source, $0, $1) }) {
            guard let stored = try attributeValue(path, { lex_read_attribute(source, attribute, $0, $1) }) else {
                continue
            }
            let value = owners.value(stored, of: attribute)
            try setAttribute(attribute, path) { lex_set_attribute(target, attribute, value, value.count) }
        }
        let times = [status.st_atim, status.st_mtim]
        try checked("change the time of", path) { futimens(target, times) }
    }

    private func copyAttributesByName(
        of name: RawName, from source: Int32, _ status: stat, to target: Int32, _ path: String
    ) throws(SystemError) {
        try checked("change the owner of", below(path, name)) {
            fchownat(target, name, owners.user(status.st_uid), owners.group(status.st_gid), AT_SYMLINK_NOFOLLOW)
        }
        if status.st_mode & S_IFMT != S_IFLNK {
            try checked("change the mode of", below(path, name)) {
                fchmodat(target, name, status.st_mode & 0o7777, 0)
            }
        }
        // There is no call that takes a directory and a name for attributes; the directory's number in /proc is one.
        let from = "/proc/self/fd/\(source)/".utf8CString.dropLast() + name
        let to = "/proc/self/fd/\(target)/".utf8CString.dropLast() + name
        let (fromPath, toPath) = (Array(from), Array(to))
        for attribute in try attributeNames(path, { lex_list_attributes_at(fromPath, $0, $1) }) {
            guard let stored = try attributeValue(path, { lex_get_attribute(fromPath, attribute, $0, $1) }) else {
                continue
            }
            let value = owners.value(stored, of: attribute)
            try setAttribute(attribute, path) { lex_set_attribute_at(toPath, attribute, value, value.count) }
        }
        let times = [status.st_atim, status.st_mtim]
        try checked("change the time of", below(path, name)) {
            utimensat(target, name, times, AT_SYMLINK_NOFOLLOW)
        }
    }

    private func attributeNames(
        _ path: String, _ list: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(SystemError) -> [RawName] {
        let size = list(nil, 0)
        if size == 0 { return [] }
        guard size > 0 else {
            if [EOPNOTSUPP, ENOENT].contains(errno) { return [] }
            throw SystemError("list the attributes of a file below", path)
        }
        // A guest may add some meanwhile; XATTR_LIST_MAX is 64 KiB.
        var names = [CChar](repeating: 0, count: 65536)
        let got = names.withUnsafeMutableBufferPointer { list($0.baseAddress, $0.count) }
        guard got >= 0 else { throw SystemError("list the attributes of a file below", path) }
        return names.prefix(got).split(separator: 0).map { Array($0) + [0] }.filter { name in
            overlayAttributes == .kept || !text(name).hasPrefix("trusted.overlay.")
        }
    }

    /// Nil for one that is gone.
    private func attributeValue(
        _ path: String, _ read: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws(SystemError) -> [UInt8]? {
        // XATTR_SIZE_MAX.
        var value = [UInt8](repeating: 0, count: 65536)
        let got = value.withUnsafeMutableBytes { read($0.baseAddress, $0.count) }
        guard got >= 0 else {
            if [ENODATA, ENOENT].contains(errno) { return nil }
            throw SystemError("read an attribute of a file below", path)
        }
        value.removeLast(value.count - got)
        return value
    }

    private func setAttribute(
        _ name: RawName, _ path: String, _ set: () -> Int32
    ) throws(SystemError) {
        if set() == 0 { return }
        // Labels of the host's security modules follow its policy, not the copy.
        let label = text(name)
        if label.hasPrefix("security."), label != "security.capability" { return }
        throw SystemError("set the attribute \(label) of a file below", path)
    }

    private func below(_ path: String, _ name: RawName) -> String { "\(path)/\(text(name))" }
}
