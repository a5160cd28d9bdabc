import CLexLinux
import Glibc
import LexIPC
import Synchronization

/// Limits how much directories may hold together, by a project of their file system (quotactl(2); ext4 and xfs have them,
/// when mounted with the option `prjquota`).
///
/// A project is a number that a file carries; what is made in a directory of one carries it too. Only the host's root can
/// change it, not an instance's (ioctl_xfs_fssetxattr(2)). lexd takes its numbers from a range of its own, so that it does
/// not meet those of whoever else uses the file system, and tells from the number what it set itself.
///
///     try ProjectQuota.limit(["/pool/containers/web/rootfs"], of: "/pool/containers/web", to: 10 << 30)
///     try ProjectQuota.lift(of: "/pool/containers/web")
///
/// Who may exceed a limit: whatever has the capability CAP_SYS_RESOURCE over the host, as a file server for an instance
/// that does not run.
package enum ProjectQuota {
    /// "LX" and a number: 65536 projects on one file system.
    static let range: ClosedRange<UInt32> = 0x4C58_0000...0x4C58_FFFF

    /// Held from the choice of a project to the moment when something counts for it.
    private static let choice = Mutex(())

    /// Lets these directories, with all that is in them now and later, hold so many bytes together.
    ///
    /// - Parameter anchor: The directory that remembers the project; one of them, or one they lie in.
    package static func limit(_ directories: [String], of anchor: String, to bytes: Int64) throws {
        let holder = try OwnedDescriptor.directory(anchor)
        try checkSupport(holder, anchor)
        let project = try choice.withLock { _ in try ownProject(of: holder, anchor) }
        // A limit says that all was marked: what is cut short is done again.
        var isMarked = try quota(of: project, holder, anchor).limit > 0
        for path in directories where isMarked {
            let directory = try OwnedDescriptor.directory(path)
            isMarked = read(directory.number) == Mark(project: project, isInherited: true)
        }
        if !isMarked {
            try set(0, of: project, holder, anchor)
            for path in directories { try mark(try OwnedDescriptor.directory(path), path, project, depth: 0) }
        }
        try set(max(1, (UInt64(max(0, bytes)) + 1023) / 1024), of: project, holder, anchor)
    }

    /// Takes the limit away that a directory remembers; without one nothing happens.
    package static func lift(of anchor: String) throws {
        guard let holder = try? OwnedDescriptor.directory(anchor), let mark = read(holder.number),
            range.contains(mark.project)
        else { return }
        try set(0, of: mark.project, holder, anchor)
    }

    /// What is used of the limit that a directory remembers; nil without one.
    package static func usage(of anchor: String) throws -> Int64? {
        guard let holder = try? OwnedDescriptor.directory(anchor), let mark = read(holder.number),
            range.contains(mark.project)
        else { return nil }
        let quota = try quota(of: mark.project, holder, anchor)
        return quota.limit > 0 ? Int64(clamping: quota.bytes) : nil
    }

    // MARK: whether there are any

    private static func checkSupport(_ directory: borrowing OwnedDescriptor, _ path: String) throws(QuotaUnavailable) {
        let answer = lex_enforces_projects(directory.number)
        if answer > 0 { return }
        throw QuotaUnavailable(path: path, code: answer == 0 ? 0 : errno)
    }

    // MARK: projects

    private struct Mark: Equatable {
        var project: UInt32
        var isInherited: Bool
    }

    private static func read(_ number: Int32) -> Mark? {
        var project: UInt32 = 0
        var isInherited: Int32 = 0
        guard lex_get_project(number, &project, &isInherited) == 0 else { return nil }
        return Mark(project: project, isInherited: isInherited != 0)
    }

    /// The project that a directory remembers; a new one when it has none of ours.
    private static func ownProject(of holder: borrowing OwnedDescriptor, _ path: String) throws -> UInt32 {
        guard let mark = read(holder.number) else { throw SystemError("read the project of", path) }
        if range.contains(mark.project) { return mark.project }
        guard mark.project == 0 else { throw ForeignProject(path: path, project: mark.project) }
        for _ in 0..<4096 {
            let project = UInt32.random(in: range)
            let quota = try quota(of: project, holder, path)
            guard quota.limit == 0, quota.bytes == 0, quota.files == 0 else { continue }
            try checked("set the project of", path) { lex_set_project(holder.number, project, 0) }
            return project
        }
        throw SystemError("find an unused project for", path, code: ENOSPC)
    }

    private static func quota(
        of project: UInt32, _ directory: borrowing OwnedDescriptor, _ path: String
    ) throws(SystemError) -> (limit: UInt64, bytes: UInt64, files: UInt64) {
        var (limit, bytes, files) = (UInt64(0), UInt64(0), UInt64(0))
        try checked("read the quota of", path) {
            lex_project_quota(directory.number, project, &limit, &bytes, &files)
        }
        return (limit, bytes, files)
    }

    private static func set(
        _ kibibytes: UInt64, of project: UInt32, _ directory: borrowing OwnedDescriptor, _ path: String
    ) throws(SystemError) {
        try checked("set the quota of", path) { lex_limit_project(directory.number, project, kibibytes) }
    }

    /// Marks a directory and all below it. First the directory: what is made in it meanwhile inherits.
    ///
    /// What is neither directory nor file takes no space to speak of and cannot be marked (file_setattr(2) is too new).
    /// No link is followed; what goes away is left out. It throws for more than 512 directories in each other: one that
    /// was left out could hold anything.
    private static func mark(
        _ directory: consuming OwnedDescriptor, _ path: String, _ project: UInt32, depth: Int
    ) throws {
        try checked("set the project of", path) { lex_set_project(directory.number, project, 1) }
        let names = try DirectoryNames(directory, path)
        while let name = names.next() {
            var status = stat()
            guard fstatat(names.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            guard kind == S_IFREG || kind == S_IFDIR else { continue }
            let number = lex_open_to_read(names.number, name)
            guard number >= 0 else { continue }
            let file = OwnedDescriptor(taking: number)
            // Another may have its name by now.
            guard fstat(file.number, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                guard depth < 512 else { throw SystemError("look deep enough below", path, code: ELOOP) }
                try mark(file, path, project, depth: depth + 1)
            case S_IFREG: try checked("set the project below", path) { lex_set_project(file.number, project, 0) }
            default: continue
            }
        }
    }
}

/// A file system that cannot limit what a directory may hold.
package struct QuotaUnavailable: Error, Equatable, CustomStringConvertible {
    let path: String
    /// What quotactl(2) said; 0 where projects are counted and not limited.
    let code: Int32

    package init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }

    package var description: String {
        switch code {
        case 0:
            "the file system of \(path) counts the space of projects and does not limit it: mount it with the option "
                + "prjquota"
        case EPERM, EACCES: "the kernel does not let lexd set quotas here, as in a container"
        case ENOTTY, EOPNOTSUPP, ENOSYS, ESRCH, EINVAL:
            "the file system of \(path) has no quotas of projects (ext4 and xfs have them, when mounted with the option "
                + "prjquota; ext4 made with mkfs.ext4 -O project,quota, and the kernel with CONFIG_QUOTA and "
                + "CONFIG_QFMT_V2)"
        default: "the quotas of the file system of \(path) cannot be asked for: \(String(cString: strerror(code)))"
        }
    }
}

/// A directory that counts for somebody else's project.
package struct ForeignProject: Error, CustomStringConvertible {
    let path: String
    let project: UInt32
    package var description: String {
        "\(path) counts for the project \(project) of its file system already, which somebody else has set: take the project "
            + "off the pool's directory (chattr -p 0 -P), or leave the size out"
    }
}
