import CLexLinux
import Glibc
import LexIPC

/// mount(2) of a file system that the instance may have mounted.
extension CallWorker {
    func mount(
        _ caller: borrowing Caller, _ arguments: InterceptedCall.MountArguments
    ) throws(SystemError) -> Answer {
        guard let text = try? readFile("\(job.directory)/\(InterceptJob.mounts)"), let policy = MountPolicy(text: text),
            let wish = wish(caller, arguments),
            policy.allowed.contains(wish.type) || policy.programs[wish.type] != nil,
            try caller.status().has(lex_cap_sys_admin), isPending
        else { return .proceed }
        let users = try caller.open("ns/user", O_RDONLY)
        let mounts = try caller.open("ns/mnt", O_RDONLY)
        guard let standing = try Self.standing(users, mounts) else { return .proceed }
        if let program = policy.programs[wish.type] { return try mountByProgram(caller, wish, program, mounts) }
        // A privileged instance's root may do it by itself.
        guard standing == .ownRoot else { return .proceed }
        if wish.type == "hugetlbfs" { return try mountHugePages(caller, wish, mounts) }
        guard Self.isOnDevice(wish.type), let groups = try groupEntrances(caller) else { return .proceed }
        let device = try device(of: wish, caller, groups)
        return try mount(caller, wish, mounts, shift: policy.shifts ? users.number : -1, groups) {
            () throws(SystemError) in
            try Self.emptyRoot(with: wish.sourceParts ?? ["dev", "device"], device)
        }
    }

    /// Whom a caller with CAP_SYS_ADMIN is to us.
    private enum Standing {
        /// Root of the instance's own user namespace, and of the mount namespace it is in.
        case ownRoot
        /// Root of a privileged instance.
        case hostRoot
    }

    /// Nil for one of a user namespace made inside.
    private static func standing(
        _ users: borrowing OwnedDescriptor, _ mounts: borrowing OwnedDescriptor
    ) throws(SystemError) -> Standing? {
        let own = try OwnedDescriptor.open("/proc/self/ns/user", O_RDONLY)
        let owner = lex_owner_of_namespace(mounts.number)
        guard owner >= 0, isSame(users, OwnedDescriptor(taking: owner)) else { return nil }
        if isSame(users, own) { return .hostRoot }
        let parent = lex_parent_of_namespace(users.number)
        return parent >= 0 && isSame(OwnedDescriptor(taking: parent), own) ? .ownRoot : nil
    }

    private func wish(_ caller: borrowing Caller, _ arguments: InterceptedCall.MountArguments) -> MountWish? {
        guard let type = caller.text(at: arguments.type, most: 64), let type = String(validating: type, as: UTF8.self),
            let target = caller.text(at: arguments.target), !target.isEmpty
        else { return nil }
        var options: [UInt8] = []
        if arguments.options != 0 {
            guard let text = caller.text(at: arguments.options, most: MountWish.mostOptions) else { return nil }
            options = text
        }
        return MountWish(
            type: type, source: caller.text(at: arguments.source) ?? [], target: target, flags: arguments.flags,
            options: options)
    }

    // MARK: by the kernel

    /// Whether a file system is one that lies on a block device: what such a mount may reach, the device says.
    private static func isOnDevice(_ type: String) -> Bool {
        guard lex_probe_file_system(type) == 0, let known = try? readFile("/proc/filesystems") else { return false }
        return known.split(separator: "\n").contains { $0 == "\t" + type }
    }

    /// The numbers of the block device that is mounted, which the caller can open by itself: by its rights on the file, and
    /// by what the instance may use.
    private func device(
        of wish: MountWish, _ caller: borrowing Caller, _ groups: [Int32]
    ) throws(SystemError) -> (major: UInt32, minor: UInt32) {
        let opened = try Resolver(caller, from: AT_FDCWD).device(
            Self.text(wish.source), writes: wish.flags & 1 == 0, entering: groups)
        var status = stat()
        try checked("look at", "the device") { fstat(opened.number, &status) }
        guard status.st_mode & S_IFMT == S_IFBLK else { throw SystemError("mount", "the file", code: ENOTBLK) }
        var numbers: (UInt32, UInt32) = (0, 0)
        lex_device_number(UInt64(status.st_rdev), &numbers.0, &numbers.1)
        return numbers
    }

    /// The groups a process of ours must be in for the kernel to hold it to the caller's devices, and to its memory: open
    /// to enter. Nil where nothing holds an instance to its devices.
    func groupEntrances(_ caller: borrowing Caller) throws(SystemError) -> [Int32]? {
        let text = String(
            decoding: try caller.open("cgroup", O_RDONLY).readAll(limit: 1 << 20, of: "the caller's groups"),
            as: UTF8.self)
        guard !groups.devices.isEmpty, let devices = groups.directory("devices", below: groups.devices, of: text) else {
            return nil
        }
        var directories = [devices]
        if !groups.isUnified, !groups.memory.isEmpty,
            let memory = groups.directory("memory", below: groups.memory, of: text)
        {
            directories.append(memory)
        }
        var entrances: [Int32] = []
        // Left open: we end with the call.
        for directory in directories {
            entrances.append(try OwnedDescriptor.open("\(directory)/cgroup.procs", O_WRONLY).release())
        }
        return entrances
    }

    static func join(_ groups: [Int32]) -> Bool { groups.allSatisfy { write($0, "0", 1) == 1 } }

    /// A root with nothing in it but a device: what options of a file system name (a journal, more devices) is not there.
    private static func emptyRoot(
        with parts: [String], _ device: (major: UInt32, minor: UInt32)
    ) throws(SystemError) {
        var failed: Int32 = -1
        let root = OwnedDescriptor(
            taking: try checked("make", "an empty root") { lex_make_mount("tmpfs", nil, nil, 0, 0, &failed) })
        try checked("enter", "the empty root") { lex_root_at(root.number) }
        var path = ""
        for part in parts.dropLast() {
            path += "/" + part
            try checked("make", path) { mkdir(path, 0o700) }
        }
        path += "/" + (parts.last ?? "device")
        try checked("make", path) { lex_make_node(AT_FDCWD, path, 1, 0o600, device.major, device.minor) }
    }

    /// Makes a mount in a process of its own and hangs it where the caller wants it.
    private func mount(
        _ caller: borrowing Caller, _ wish: MountWish, _ mounts: borrowing OwnedDescriptor, shift: Int32,
        _ groups: [Int32], prepared: () throws(SystemError) -> Void
    ) throws(SystemError) -> Answer {
        let target = try Resolver(caller, from: AT_FDCWD).place(Self.text(wish.target))
        let tables = try MountTables(from: try OwnedDescriptor.directory("/proc"))
        guard isPending else { return .proceed }
        let worker = getpid()
        let process = lex_fork()
        if process == 0 {
            _ = lex_set_parent_death_signal(SIGKILL)
            guard getppid() == worker else { _exit(EIO) }
            do throws(SystemError) {
                try prepared()
                guard Self.join(groups) else { throw SystemError("enter", "the groups of the caller") }
                try make(wish, mounts, at: target, shift: shift, tables)
                _exit(0)
            } catch { _exit(error.code == 0 ? EIO : error.code) }
        }
        guard process > 0 else { throw SystemError("fork for", "a mount") }
        var status: Int32 = 0
        try checked("wait for", "process \(process)") { waitpid(process, &status, 0) }
        let code = lex_exit_status(status)
        return .result(code > EHWPOISON ? EIO : code)
    }

    private func make(
        _ wish: MountWish, _ mounts: borrowing OwnedDescriptor, at target: borrowing OwnedDescriptor, shift: Int32,
        _ tables: borrowing MountTables
    ) throws(SystemError) {
        // We end with it: nothing is freed.
        var texts = (wish.fileSystemWords + wish.options).map { strdup($0).map { UnsafePointer($0) } }
        let source = wish.source.isEmpty ? nil : strdup(String(decoding: wish.source, as: UTF8.self))
        var failed: Int32 = -1
        let made = OwnedDescriptor(
            taking: try checked("mount", wish.type) {
                lex_make_mount(wish.type, source, &texts, texts.count, 0, &failed)
            })
        let attributes = wish.attributes
        try checked("change", "the mount") {
            lex_change_mount(made.number, -1, attributes, lex_mount_attr_atime_mask, 0)
        }
        // A file system that cannot be mounted so says EINVAL, which would be about the options.
        if shift >= 0, lex_change_mount(made.number, shift, 0, 0, 0) != 0 {
            throw SystemError("shift", "the owners", code: errno == EINVAL ? EOPNOTSUPP : errno)
        }
        guard isPending else { throw SystemError("mount", wish.type, code: EINTR) }
        try checked("enter", "the caller's mounts") { lex_setns(mounts.number, lex_clone_newns) }
        guard try !tables.isSeenByHost(target) else {
            throw SystemError("mount", "where the host sees it", code: EPERM)
        }
        try checked("attach", "the mount") { lex_attach_tree_to(made.number, target.number) }
    }

    /// hugetlbfs has no device: its files are made the caller's root's by its options.
    private func mountHugePages(
        _ caller: borrowing Caller, _ wish: MountWish, _ mounts: borrowing OwnedDescriptor
    ) throws(SystemError) -> Answer {
        func map(_ name: String) throws(SystemError) -> String {
            String(decoding: try caller.open(name, O_RDONLY).readAll(limit: 1 << 20, of: name), as: UTF8.self)
        }
        guard let ids = IDMap(users: try map("uid_map"), groups: try map("gid_map")),
            let groups = try groupEntrances(caller)
        else { return .proceed }
        var owned = wish
        for (name, find) in [("uid=", ids.user), ("gid=", ids.group)] {
            let said = owned.options.last { $0.hasPrefix(name) }.map { $0.dropFirst(name.count) } ?? "0"
            guard let id = UInt32(said).flatMap(find) else { return .result(EINVAL) }
            owned.options.removeAll { $0.hasPrefix(name) }
            owned.options.append("\(name)\(id)")
        }
        return try mount(caller, owned, mounts, shift: -1, groups) {}
    }
}

/// What is mounted on the host, and a way to look at what is mounted where we are.
private struct MountTables: ~Copyable {
    private let host: String
    private let processes: OwnedDescriptor

    init(from processes: consuming OwnedDescriptor) throws(SystemError) {
        host = try readFile("/proc/self/mountinfo", limit: 16 << 20)
        self.processes = processes
    }

    /// Whether what is mounted at a place of the mount namespace we have entered is mounted on the host as well, by a
    /// disk that passes mounts on: a program on it that becomes root would do so there.
    func isSeenByHost(_ place: borrowing OwnedDescriptor) throws(SystemError) -> Bool {
        let info = try read("self/fdinfo/\(place.number)")
        guard let number = Self.value("mnt_id:\t", info.split(separator: "\n")) else { return true }
        let line = try read("self/mountinfo").split(separator: "\n").first { $0.hasPrefix("\(number) ") }
        guard let line else { return true }
        guard let group = Self.value("shared:", Self.propagation(line)) else { return false }
        return host.split(separator: "\n").contains { line in
            let fields = Self.propagation(line)
            return Self.value("shared:", fields) == group || Self.value("master:", fields) == group
        }
    }

    private func read(_ name: String) throws(SystemError) -> String {
        let directory = processes.number
        let file = OwnedDescriptor(
            taking: try checked("open", name) { openat(directory, name, O_RDONLY | O_CLOEXEC) })
        return String(decoding: try file.readAll(limit: 16 << 20, of: name), as: UTF8.self)
    }

    private static func propagation(_ line: Substring) -> ArraySlice<Substring> {
        line.split(separator: " ").dropFirst(6).prefix { $0 != "-" }
    }
    private static func value(_ key: String, _ fields: some Sequence<Substring>) -> Substring? {
        fields.first { $0.hasPrefix(key) }.map { $0.dropFirst(key.count) }
    }
}
