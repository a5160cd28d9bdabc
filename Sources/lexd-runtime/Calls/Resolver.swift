import CLexLinux
import Glibc
import LexIPC

/// Walks paths as the caller would: a process for each, which shares our table of descriptors, goes to the caller's root
/// and into its user namespace, takes on its ids, groups and capabilities, and looks there.
///
/// What it finds is a descriptor, which no change of names leads elsewhere. Nothing that the caller could not have
/// reached, or not have written to, is ever found.
struct Resolver: ~Copyable {
    private let caller: Caller.Ends
    private let memory: UnsafeMutablePointer<Int32>

    /// - Parameter directory: Where a path that does not begin at the root begins: a descriptor of the caller's, or AT_FDCWD.
    init(_ caller: borrowing Caller, from directory: Int32) throws(SystemError) {
        let ends = try Caller.Ends(caller, from: directory)
        guard let memory = lex_shared_memory(64) else { throw SystemError("share", "memory") }
        self.memory = memory.assumingMemoryBound(to: Int32.self)
        self.caller = ends
    }

    /// A directory that the caller may make names in.
    func parent(_ path: [CChar]) throws(SystemError) -> OwnedDescriptor { try find(path, follows: true) }

    /// A directory that the caller may change, by a path whose last link is followed or not.
    func directory(_ path: [CChar], follows: Bool) throws(SystemError) -> OwnedDescriptor {
        try find(path, follows: follows)
    }

    /// Any directory.
    func place(_ path: [CChar]) throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(
            taking: try run { _ in
                let found = lex_open_without_magic(path, lex_o_path | O_DIRECTORY)
                return (found, found < 0 ? errno : 0)
            })
    }

    /// A device, opened as the caller can open it in these groups.
    func device(_ path: [CChar], writes: Bool, entering groups: [Int32]) throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(
            taking: try run(entering: groups) { _ in
                let flags = (writes ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY
                let found = lex_open_without_magic(path, flags)
                return (found, found < 0 ? errno : 0)
            })
    }

    /// Whether the caller is the root of its user namespace, with this right.
    func isRoot(with capability: Int32) throws(SystemError) -> Bool {
        try run { status in
            (status.user == 0 && status.group == 0 && status.has(capability) ? 1 : 0, 0)
        } == 1
    }

    private func find(_ path: [CChar], follows: Bool) throws(SystemError) -> OwnedDescriptor {
        let number = try run { _ in
            // O_PATH would open a link itself; O_DIRECTORY then says ENOTDIR, and so does the attribute's call to a link.
            let flags = lex_o_path | O_DIRECTORY | (follows ? 0 : O_NOFOLLOW)
            let found = lex_open_without_magic(path, flags)
            guard found >= 0 else { return (-1, errno) }
            guard lex_may_change_directory(found) == 0 else { return (-1, errno) }
            return (found, 0)
        }
        return OwnedDescriptor(taking: number)
    }

    /// Runs a look as the caller; what it finds, or throws its errno.
    private func run(
        entering groups: [Int32] = [], _ look: (CallerStatus) -> (Int32, Int32)
    ) throws(SystemError) -> Int32 {
        memory[0] = -1
        memory[1] = EIO
        let process = lex_fork_with_descriptors()
        if process == 0 {
            let (found, code) = (CallWorker.join(groups) ? caller.become() : nil).map(look) ?? (-1, errno)
            memory[0] = found
            memory[1] = code
            _exit(0)
        }
        guard process > 0 else { throw SystemError("fork for", "a path") }
        var status: Int32 = 0
        try checked("wait for", "process \(process)") { waitpid(process, &status, 0) }
        guard lex_exit_status(status) == 0, memory[1] == 0 else {
            throw SystemError("find", "what the caller names", code: memory[1] == 0 ? EIO : memory[1])
        }
        return memory[0]
    }
}

extension Caller {
    /// What is needed to become the caller.
    struct Ends: ~Copyable {
        private let directory: OwnedDescriptor
        private let root: OwnedDescriptor
        private let base: OwnedDescriptor
        private let users: OwnedDescriptor
        /// Whether that is the one we are in already.
        private let isOurs: Bool

        init(_ caller: borrowing Caller, from directory: Int32) throws(SystemError) {
            let process = try caller.directory.duplicate()
            let root = try caller.open("root", lex_o_path | O_DIRECTORY)
            let base = try caller.open(directory == AT_FDCWD ? "cwd" : "fd/\(directory)", lex_o_path | O_DIRECTORY)
            let users = try caller.open("ns/user", O_RDONLY)
            let own = try OwnedDescriptor.open("/proc/self/ns/user", O_RDONLY)
            isOurs = CallWorker.isSame(users, own)
            self.directory = process
            self.root = root
            self.base = base
            self.users = users
        }

        /// Becomes the caller for good; nil with errno when that cannot be.
        func become() -> CallerStatus? {
            guard lex_root_at(root.number) == 0, fchdir(base.number) == 0 else { return nil }
            if !isOurs, lex_setns(users.number, lex_clone_newuser) != 0 { return nil }
            // Opened in there: the ids in it are those of that namespace.
            let file = openat(directory.number, "status", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return nil }
            guard let text = try? OwnedDescriptor(taking: file).readAll(limit: 1 << 20, of: "status"),
                let status = CallerStatus(String(decoding: text, as: UTF8.self))
            else {
                errno = EPERM
                return nil
            }
            let rc = lex_become_caller(
                status.user, status.group, status.groups, status.groups.count, status.capabilities)
            return rc == 0 ? status : nil
        }
    }
}
