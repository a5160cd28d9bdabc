import CLexLinux
import Glibc
import LexIPC

/// Answers one call of a guest's.
///
/// What memory says is read once, and only then is anything decided. Paths are walked by ``Resolver`` with the rights of
/// who called, in their root. Whatever is not certain goes back to the kernel, which makes the call as if nobody had
/// looked: who has no right to it gets its EPERM.
struct CallWorker {
    let call: lex_call
    let listener: Int32
    /// The program that what is about to become the guest still runs.
    let program: stat
    let job: InterceptJob
    /// Seconds since the instance began.
    let uptime: UInt64

    enum Answer {
        /// The kernel makes the call.
        case proceed
        /// This errno; 0 for success.
        case result(Int32)
        /// It has its answer: a descriptor.
        case given
    }

    var groups: MeasuredGroups { job.groups }

    func serve() {
        let answer: Answer
        do { answer = try decide() } catch {
            // Also what leads through a link of /proc, which we do not follow: the kernel may.
            answer = error.code == ELOOP ? .proceed : .result(error.code)
        }
        switch answer {
        case .proceed: _ = lex_answer_call(listener, call.id, 0, 1)
        case .result(let code): _ = lex_answer_call(listener, call.id, code, 0)
        case .given: break
        }
    }

    private func decide() throws(SystemError) -> Answer {
        let words = call.arguments
        let wish = InterceptedCall(
            architecture: call.architecture, number: call.number,
            arguments: [words.0, words.1, words.2, words.3, words.4, words.5])
        guard let wish, call.thread > 0, let caller = try Caller(call.thread) else { return .proceed }
        // The thread's number could have been another's when its directory was opened; from here on it is the right one.
        guard isPending, try !isOnItsWay(caller) else { return .proceed }
        switch wish {
        case .makeNode(let directory, let path, let mode, let device):
            return try makeNode(caller, directory, path, mode, device)
        case .setAttribute(let path, let follows, let attribute):
            guard let path = caller.text(at: path), !path.isEmpty else { return .proceed }
            return try mark(caller, .path(path, follows: follows), attribute)
        case .setOpenAttribute(let descriptor, let attribute):
            guard descriptor >= 0 else { return .proceed }
            return try mark(caller, .descriptor(descriptor), attribute)
        case .setScheduler(let thread, let policy, let parameter):
            return try setScheduler(caller, thread, policy, parameter)
        case .systemInformation(let address, let isNarrow): return tell(caller, address, isNarrow: isNarrow)
        case .mount(let arguments): return try mount(caller, arguments)
        case .mountInParts:
            // As in LXD: who is told that there is no such call takes mount(2).
            return .result(ENOSYS)
        case .loadProgram(let address, let size): return try loadProgram(caller, address, size: size)
        case .attachProgram(let address, let size, let detaches):
            return try attachProgram(caller, address, size: size, detaches: detaches)
        }
    }

    var isPending: Bool { lex_call_is_pending(listener, call.id) == 0 }

    /// Whether it is still liblxc on its way into the instance: its calls are no guest's.
    private func isOnItsWay(_ caller: borrowing Caller) throws(SystemError) -> Bool {
        var status = stat()
        guard fstatat(caller.directory.number, "exe", &status, 0) == 0 else { return true }
        return status.st_dev == program.st_dev && status.st_ino == program.st_ino
    }

    // MARK: mknod

    private func makeNode(
        _ caller: borrowing Caller, _ directory: Int32, _ address: UInt64, _ mode: UInt32, _ device: CharacterDevice
    ) throws(SystemError) -> Answer {
        let status = try caller.status()
        guard status.has(lex_cap_mknod), let path = caller.text(at: address) else { return .proceed }
        let (parent, name) = Self.split(path)
        let isAbsolute = path.first == UInt8(ascii: "/")
        guard let name, isAbsolute || directory == AT_FDCWD || directory >= 0, isPending else { return .proceed }
        let place = try Resolver(caller, from: isAbsolute ? AT_FDCWD : directory).parent(parent)
        guard isPending else { return .proceed }
        umask(status.umask)
        let kept: UInt64 = 1 << UInt64(lex_cap_mknod) | 1 << UInt64(lex_cap_dac_override)
        try checked("be", "the caller") { lex_own_files_as(status.user, status.group, kept) }
        let encoded = dev_t(device.encoded)
        guard mknodat(place.number, name, mode, encoded) == 0 else { return .result(errno) }
        if isUsable(name, in: place) { return .result(0) }
        // A file system of the guest's own, whose nodes nobody can open (SB_I_NODEV): what has another way than a node
        // takes it when it is told so.
        unlinkat(place.number, name, 0)
        return .proceed
    }

    /// Whether a node can be opened; these devices do nothing when they are.
    private func isUsable(_ name: [CChar], in place: borrowing OwnedDescriptor) -> Bool {
        let node = openat(place.number, name, lex_o_path | O_NOFOLLOW | O_CLOEXEC)
        guard node >= 0 else { return true }
        var status = stat()
        // Somebody has put something else in its place: that is none of our business.
        guard fstat(node, &status) == 0, status.st_mode & S_IFMT == S_IFCHR,
            CharacterDevice.harmless.contains(CharacterDevice(encoded: UInt32(truncatingIfNeeded: status.st_rdev)))
        else { return true }
        let opened = open("/proc/self/fd/\(node)", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return opened >= 0 || errno != EACCES
    }

    /// The directory of a path, and the name in it; no name for what mknod(2) cannot make.
    static func split(_ path: [UInt8]) -> (parent: [CChar], name: [CChar]?) {
        let slash = UInt8(ascii: "/")
        let start = path.lastIndex(of: slash).map { $0 + 1 } ?? 0
        let name = Array(path[start...])
        let parent = start == 0 ? Array(".".utf8) : Array(path[..<start])
        let isName = !name.isEmpty && name != Array(".".utf8) && name != Array("..".utf8)
        return (Self.text(parent), isName ? Self.text(name) : nil)
    }

    static func text(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

    // MARK: setxattr

    private enum Target {
        case path([UInt8], follows: Bool)
        case descriptor(Int32)
    }

    private func mark(
        _ caller: borrowing Caller, _ target: Target, _ attribute: InterceptedCall.AttributeArguments
    ) throws(SystemError) -> Answer {
        let status = try caller.status()
        guard status.has(lex_cap_sys_admin), let name = caller.text(at: attribute.name, most: 256),
            let value = caller.bytes(at: attribute.value, count: 1), OpaqueMark.matches(name: name, value: value),
            isPending
        else { return .proceed }
        let place: OwnedDescriptor
        switch target {
        case .path(let path, let follows):
            place = try Resolver(caller, from: AT_FDCWD).directory(Self.text(path), follows: follows)
        case .descriptor(let number):
            place = try Resolver(caller, from: number).parent(Self.text(Array(".".utf8)))
        }
        guard isPending else { return .proceed }
        let text = "/proc/self/fd/\(place.number)"
        guard lex_mark_attribute(text, OpaqueMark.name, value, value.count, attribute.flags) == 0 else {
            return .result(errno)
        }
        return .result(0)
    }

    // MARK: sched_setscheduler

    /// Only for root, as in LXD, and only when the processes it can name are its own user namespace's.
    private func setScheduler(
        _ caller: borrowing Caller, _ thread: Int32, _ policy: Int32, _ parameter: UInt64
    ) throws(SystemError) -> Answer {
        guard thread >= 0, let bytes = caller.bytes(at: parameter, count: 4) else { return .proceed }
        let priority = bytes.reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        let user = try caller.open("ns/user", O_RDONLY)
        let processes = try caller.open("ns/pid", O_RDONLY)
        let owner = lex_owner_of_namespace(processes.number)
        guard owner >= 0 else { return .proceed }
        let ownerDescriptor = OwnedDescriptor(taking: owner)
        guard Self.isSame(user, ownerDescriptor), try Resolver(caller, from: AT_FDCWD).isRoot(with: lex_cap_sys_nice),
            isPending
        else {
            return .proceed
        }
        if thread == 0 {
            return .result(lex_set_scheduler(call.thread, policy, priority) == 0 ? 0 : errno)
        }
        // The number means something in the caller's namespace only: there we go, and there is nobody but the guest's.
        try checked("enter", "the processes of the caller") { lex_setns(processes.number, lex_clone_newpid) }
        let child = lex_fork()
        if child == 0 { _exit(lex_set_scheduler(thread, policy, priority) == 0 ? 0 : errno) }
        var status: Int32 = 0
        try checked("wait for", "process \(child)") { waitpid(child, &status, 0) }
        return .result(lex_exit_status(status))
    }

    static func isSame(_ one: borrowing OwnedDescriptor, _ other: borrowing OwnedDescriptor) -> Bool {
        var first = stat()
        var second = stat()
        return fstat(one.number, &first) == 0 && fstat(other.number, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
    }

    // MARK: sysinfo

    private func tell(_ caller: borrowing Caller, _ address: UInt64, isNarrow: Bool) -> Answer {
        var host = [UInt64](repeating: 0, count: 10)
        guard lex_system_information(&host) == 0, var numbers = SystemNumbers(host: host) else { return .proceed }
        numbers.uptime = uptime
        if !groups.memory.isEmpty {
            numbers.narrow(isUnified: groups.isUnified) { try? readFile("\(groups.memory)/\($0)") }
        }
        let count = groups.processes.isEmpty ? nil : try? readFile("\(groups.processes)/pids.current")
        if let count = count.flatMap({ UInt64($0.filter { !$0.isWhitespace }) }) { numbers.processes = count }
        guard isPending else { return .proceed }
        return .result(caller.write(numbers.bytes(isNarrow: isNarrow), at: address) ? 0 : EFAULT)
    }
}

/// The thread that waits for an answer, by the directory the kernel has for it: that never becomes another's, whoever
/// gets its number.
struct Caller: ~Copyable {
    let directory: OwnedDescriptor
    private let memory: OwnedDescriptor

    /// Nil for one that is gone.
    init?(_ thread: Int32) throws(SystemError) {
        let number = Glibc.open("/proc/\(thread)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let directory = OwnedDescriptor(taking: number)
        let memory = openat(directory.number, "mem", O_RDWR | O_CLOEXEC)
        guard memory >= 0 else { return nil }
        self.directory = directory
        self.memory = OwnedDescriptor(taking: memory)
    }

    func open(_ name: String, _ flags: Int32) throws(SystemError) -> OwnedDescriptor {
        let number = directory.number
        return OwnedDescriptor(
            taking: try checked("open", "\(name) of the caller") { openat(number, name, flags | O_CLOEXEC) })
    }

    /// Its rights, in the ids of the user namespace we are in.
    func status() throws(SystemError) -> CallerStatus {
        let file = try open("status", O_RDONLY)
        let text = String(decoding: try file.readAll(limit: 1 << 20, of: "the caller's status"), as: UTF8.self)
        guard let status = CallerStatus(text) else {
            throw SystemError("understand", "the caller's status", code: EPERM)
        }
        return status
    }

    /// So many bytes of its memory; nil when they are not all there.
    func bytes(at address: UInt64, count: Int) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: count)
        let got = result.withUnsafeMutableBytes {
            pread(memory.number, $0.baseAddress, $0.count, Int(bitPattern: UInt(address)))
        }
        return got == count ? result : nil
    }

    /// A text that ends with NUL, without that; nil when it is longer than it may be, or not there.
    func text(at address: UInt64, most: Int = Int(PATH_MAX)) -> [UInt8]? {
        var result: [UInt8] = []
        var next = address
        while result.count < most {
            // What lies on the next page is not asked for before it is needed: it may not be there.
            let page = 4096 - Int(next & 4095)
            let count = min(page, most - result.count)
            guard let part = bytes(at: next, count: count) else { return nil }
            if let end = part.firstIndex(of: 0) { return result + part[..<end] }
            result += part
            next &+= UInt64(count)
        }
        return nil
    }

    /// Writes where it may write itself; false when it is not there.
    func write(_ bytes: [UInt8], at address: UInt64) -> Bool {
        bytes.withUnsafeBytes {
            pwrite(memory.number, $0.baseAddress, $0.count, Int(bitPattern: UInt(address)))
        } == bytes.count
    }
}
