import CLexLinux
import Glibc
import LexIPC
import LexSFTP

/// The files below one root.
///
/// Every path is walked with `openat2` below the root, and nothing is opened before it is known to be a plain file or
/// a directory: opening a device does something, and opening a fifo waits.
struct GuestFiles: ~Copyable {
    let root: OwnedDescriptor
    let descriptors: OwnedDescriptor

    /// A directory, and a name in it.
    struct Place: ~Copyable {
        let directory: OwnedDescriptor
        let name: [CChar]
    }
    /// An open file, and whether it was made just now.
    struct Opened: ~Copyable {
        let file: OwnedDescriptor
        let isNew: Bool

        consuming func release() -> Int32 { file.release() }
    }

    /// The most links followed by ourselves, as in the kernel.
    private static let mostLinks = 40

    init(root: consuming OwnedDescriptor, descriptors: consuming OwnedDescriptor) {
        self.root = root
        self.descriptors = descriptors
    }

    /// What lies there, not opened.
    func find(_ path: SFTPPath, following: Bool = true) throws(SystemError) -> OwnedDescriptor {
        let flags = lex_o_path | (following ? 0 : O_NOFOLLOW)
        return OwnedDescriptor(
            taking: try checked("find", "") { lex_open_in_root(root.number, Self.text(path), flags) })
    }

    /// The directory something lies in, and its name there.
    func parent(of path: SFTPPath) throws(SystemError) -> Place {
        let (parent, name) = Self.split(path)
        guard !name.isEmpty, name != [UInt8(ascii: ".")], name != Array("..".utf8) else {
            throw SystemError("find", "", code: EINVAL)
        }
        let directory = OwnedDescriptor(
            taking: try checked("find", "") {
                lex_open_in_root(root.number, Self.text(parent), lex_o_path | O_DIRECTORY)
            })
        return Place(directory: directory, name: Self.text(name))
    }

    /// What something is.
    static func look(_ file: borrowing OwnedDescriptor) throws(SystemError) -> stat {
        var status = stat()
        let number = file.number
        try checked("look at", "") { fstat(number, &status) }
        return status
    }

    /// Opens what was found, when it is a plain file.
    func open(_ found: borrowing OwnedDescriptor, _ flags: Int32) throws(SystemError) -> OwnedDescriptor {
        let kind = try Self.look(found).st_mode & S_IFMT
        if kind == S_IFDIR { throw SystemError("open", "", code: EISDIR) }
        if kind == S_IFLNK { throw SystemError("open", "", code: ELOOP) }
        guard kind == S_IFREG else { throw SystemError("open", "", code: EOPNOTSUPP) }
        return OwnedDescriptor(
            taking: try checked("open", "") {
                openat(descriptors.number, "\(found.number)", flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            })
    }

    /// Opens a plain file; made with this mode where it is not there, if `creates`. Answers whether it is new.
    func open(
        _ path: SFTPPath, _ flags: Int32, creates: Bool, exclusively: Bool = false, mode: UInt32
    ) throws(SystemError) -> Opened {
        var path = path
        // Each turn follows a link that leads to nothing yet, or meets what somebody made or took away meanwhile.
        for _ in 0..<Self.mostLinks {
            do throws(SystemError) {
                let found = try find(path)
                if exclusively { throw SystemError("make", "", code: EEXIST) }
                return Opened(file: try open(found, flags), isNew: false)
            } catch {
                guard error.code == ENOENT, creates else { throw error }
            }
            let place = try parent(of: path)
            let number = openat(
                place.directory.number, place.name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0o7777)
            if number >= 0 { return Opened(file: OwnedDescriptor(taking: number), isNew: true) }
            guard errno == EEXIST else { throw SystemError("make", "") }
            if exclusively { throw SystemError("make", "", code: EEXIST) }
            if let target = try link(place) {
                path =
                    target.first == UInt8(ascii: "/") ? target : Self.split(path).parent + [UInt8(ascii: "/")] + target
                guard path.count < SFTP.longestPath else { throw SystemError("find", "", code: ENAMETOOLONG) }
            }
        }
        throw SystemError("find", "", code: ELOOP)
    }

    /// Where a link leads; nil when it is none.
    private func link(_ place: borrowing Place) throws(SystemError) -> SFTPPath? {
        var buffer = [CChar](repeating: 0, count: SFTP.longestPath)
        let count = readlinkat(place.directory.number, place.name, &buffer, buffer.count)
        if count < 0 {
            if [EINVAL, ENOENT].contains(errno) { return nil }
            throw SystemError("read the link", "")
        }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// Where the link that was found leads.
    func target(of path: SFTPPath) throws(SystemError) -> SFTPPath {
        let found = try find(path, following: false)
        var buffer = [CChar](repeating: 0, count: SFTP.longestPath)
        let count = try checked("read the link", "") { readlinkat(found.number, "", &buffer, buffer.count) }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }

    /// Makes what was found what is wished of it.
    func change(_ found: borrowing OwnedDescriptor, _ wish: SFTPAttributes) throws(SystemError) {
        let name = "\(found.number)"
        if let size = wish.size {
            let file = try open(found, O_WRONLY)
            try checked("cut", "") { ftruncate(file.number, off_t(clamping: size)) }
        }
        // The owner first: the kernel takes the set-id bits away with it.
        if let owner = wish.owner {
            try checked("change the owner of", "") { fchownat(descriptors.number, name, owner.user, owner.group, 0) }
        }
        if let permissions = wish.permissions {
            try checked("change the mode of", "") { fchmodat(descriptors.number, name, permissions & 0o7777, 0) }
        }
        if let times = wish.times {
            let both = [
                timespec(tv_sec: time_t(times.accessed), tv_nsec: 0),
                timespec(tv_sec: time_t(times.modified), tv_nsec: 0),
            ]
            try checked("change the times of", "") { utimensat(descriptors.number, name, both, 0) }
        }
    }

    /// The same for an open file.
    static func change(_ number: Int32, _ wish: SFTPAttributes) throws(SystemError) {
        if let size = wish.size { try checked("cut", "") { ftruncate(number, off_t(clamping: size)) } }
        if let owner = wish.owner {
            try checked("change the owner of", "") { fchown(number, owner.user, owner.group) }
        }
        if let permissions = wish.permissions {
            try checked("change the mode of", "") { fchmod(number, permissions & 0o7777) }
        }
        if let times = wish.times {
            let both = [
                timespec(tv_sec: time_t(times.accessed), tv_nsec: 0),
                timespec(tv_sec: time_t(times.modified), tv_nsec: 0),
            ]
            try checked("change the times of", "") { futimens(number, both) }
        }
    }

    /// A whole small file; the attributes count for one that is new.
    func put(_ path: SFTPPath, _ attributes: SFTPAttributes, _ data: ArraySlice<UInt8>) throws(SystemError) {
        // Until it has its owner nobody else shall read it.
        let opened = try open(path, O_WRONLY | O_TRUNC, creates: true, mode: 0o600)
        do throws(SystemError) {
            try opened.file.writeAll(data, to: "")
            guard opened.isNew else { return }
            var wish = attributes
            wish.permissions = wish.permissions ?? 0o644
            try Self.change(opened.file.number, wish)
        } catch {
            if opened.isNew { remove(path, ifItIs: opened.file) }
            throw error
        }
    }

    /// Takes back what could not be finished; what somebody else has put there meanwhile stays.
    private func remove(_ path: SFTPPath, ifItIs file: borrowing OwnedDescriptor) {
        guard let place = try? parent(of: path), let made = try? Self.look(file) else { return }
        var status = stat()
        guard fstatat(place.directory.number, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_dev == made.st_dev, status.st_ino == made.st_ino
        else { return }
        unlinkat(place.directory.number, place.name, 0)
    }

    // MARK: paths

    /// A path as C has it.
    static func text(_ path: SFTPPath) -> [CChar] {
        path.isEmpty ? [CChar(bitPattern: UInt8(ascii: ".")), 0] : path.map { CChar(bitPattern: $0) } + [0]
    }

    /// The directory of a path and the name in it.
    static func split(_ path: SFTPPath) -> (parent: SFTPPath, name: [UInt8]) {
        let slash = UInt8(ascii: "/")
        var trimmed = path[...]
        while trimmed.last == slash { trimmed = trimmed.dropLast() }
        guard let last = trimmed.lastIndex(of: slash) else { return ([slash], Array(trimmed)) }
        return (last == trimmed.startIndex ? [slash] : Array(trimmed[..<last]), Array(trimmed[(last + 1)...]))
    }

    /// A path from the root, without dots: of the words alone, links are not looked at.
    static func absolute(_ path: SFTPPath) -> SFTPPath {
        var parts: [ArraySlice<UInt8>] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            if part == [UInt8(ascii: ".")] { continue }
            if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.isEmpty ? [UInt8(ascii: "/")] : parts.flatMap { [UInt8(ascii: "/")] + $0 }
    }
}

extension SFTPAttributes {
    init(_ status: stat) {
        self.init(
            size: UInt64(max(0, status.st_size)), owner: (status.st_uid, status.st_gid),
            permissions: UInt32(status.st_mode),
            times: (UInt32(clamping: status.st_atim.tv_sec), UInt32(clamping: status.st_mtim.tv_sec)))
    }
}
