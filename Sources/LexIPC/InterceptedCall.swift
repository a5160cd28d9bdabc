import CLexLinux
import Glibc

/// A call of a guest's that lexd may make in its place, as the registers hold it; what they point to is not read yet.
package enum InterceptedCall: Equatable, Sendable {
    /// mknod(2), mknodat(2).
    case makeNode(directory: Int32, path: UInt64, mode: UInt32, device: CharacterDevice)
    /// setxattr(2), lsetxattr(2): of what a path leads to.
    case setAttribute(path: UInt64, follows: Bool, AttributeArguments)
    /// fsetxattr(2): of what is open.
    case setOpenAttribute(descriptor: Int32, AttributeArguments)
    /// sched_setscheduler(2).
    case setScheduler(thread: Int32, policy: Int32, parameter: UInt64)
    /// sysinfo(2), with the structure of a 32-bit program or the machine's own.
    case systemInformation(UInt64, isNarrow: Bool)
    /// mount(2) that makes a mount of a file system, with the flags that say what it is like.
    case mount(MountArguments)
    /// A call of those that make a mount in parts (fsopen(2) and its like).
    case mountInParts
    /// bpf(2) that loads a program: where the wish for it lies, and its size.
    case loadProgram(UInt64, size: UInt64)
    /// bpf(2) that attaches a program to a control group, or takes it off.
    case attachProgram(UInt64, size: UInt64, detaches: Bool)

    /// Where the texts of a mount(2) lie, and its flags.
    package struct MountArguments: Equatable, Sendable {
        package var source: UInt64
        package var target: UInt64
        package var type: UInt64
        package var flags: UInt32
        package var options: UInt64

        package init(source: UInt64, target: UInt64, type: UInt64, flags: UInt32, options: UInt64) {
            self.source = source
            self.target = target
            self.type = type
            self.flags = flags
            self.options = options
        }
    }

    /// Where name and value lie, and how the call is to be made.
    package struct AttributeArguments: Equatable, Sendable {
        package var name: UInt64
        package var value: UInt64
        package var flags: Int32

        package init(name: UInt64, value: UInt64, flags: Int32) {
            self.name = name
            self.value = value
            self.flags = flags
        }
    }

    /// Nil for whatever lexd has no part in: the kernel decides that by itself.
    package init?(architecture: UInt32, number: Int32, arguments: [UInt64]) {
        guard arguments.count == 6 else { return nil }
        let kind = Int(lex_call_kind(architecture, number))
        func int(_ index: Int) -> Int32 { Int32(truncatingIfNeeded: arguments[index]) }
        func attribute() -> AttributeArguments? {
            guard arguments[3] == 1 else { return nil }
            return AttributeArguments(name: arguments[1], value: arguments[2], flags: int(4))
        }
        switch kind {
        case LEX_CALL_MKNOD:
            self.init(directory: AT_FDCWD, path: arguments[0], mode: arguments[1], device: arguments[2])
        case LEX_CALL_MKNODAT:
            self.init(directory: int(0), path: arguments[1], mode: arguments[2], device: arguments[3])
        case LEX_CALL_SETXATTR, LEX_CALL_LSETXATTR:
            guard let attribute = attribute() else { return nil }
            let follows = kind == LEX_CALL_SETXATTR
            self = .setAttribute(path: arguments[0], follows: follows, attribute)
        case LEX_CALL_FSETXATTR:
            guard let attribute = attribute() else { return nil }
            self = .setOpenAttribute(descriptor: int(0), attribute)
        case LEX_CALL_SCHEDULER:
            self = .setScheduler(thread: int(0), policy: int(1), parameter: arguments[2])
        case LEX_CALL_SYSINFO:
            self = .systemInformation(arguments[0], isNarrow: lex_call_is_narrow(architecture) != 0)
        case LEX_CALL_MOUNT:
            let flags = lex_mount_flags(UInt32(truncatingIfNeeded: arguments[3]))
            guard arguments[3] >> 32 == 0, flags & ~lex_plain_mount_flags == 0 else { return nil }
            self = .mount(
                MountArguments(
                    source: arguments[0], target: arguments[1], type: arguments[2], flags: flags,
                    options: arguments[4]))
        case LEX_CALL_NEW_MOUNT: self = .mountInParts
        case LEX_CALL_BPF:
            // BPF_PROG_LOAD, BPF_PROG_ATTACH, BPF_PROG_DETACH. The size is an unsigned int.
            let size = UInt64(UInt32(truncatingIfNeeded: arguments[2]))
            switch int(0) {
            case 5: self = .loadProgram(arguments[1], size: size)
            case 8: self = .attachProgram(arguments[1], size: size, detaches: false)
            case 9: self = .attachProgram(arguments[1], size: size, detaches: true)
            default: return nil
            }
        default: return nil
        }
    }

    private init?(directory: Int32, path: UInt64, mode: UInt64, device: UInt64) {
        // The kernel's types for them: umode_t and unsigned int.
        let mode = UInt32(truncatingIfNeeded: mode) & 0xFFFF
        let device = CharacterDevice(encoded: UInt32(truncatingIfNeeded: device))
        guard mode & S_IFMT == S_IFCHR, CharacterDevice.harmless.contains(device) else { return nil }
        self = .makeNode(directory: directory, path: path, mode: mode, device: device)
    }
}

/// A character device by its numbers (Documentation/admin-guide/devices.txt).
package struct CharacterDevice: Equatable, Sendable {
    package let major: UInt32
    package let minor: UInt32

    package init(_ major: UInt32, _ minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// As mknod(2) takes it: `new_decode_dev()` of the kernel's include/linux/kdev_t.h.
    package init(encoded: UInt32) {
        self.init((encoded & 0xFFF00) >> 8, (encoded & 0xFF) | ((encoded >> 12) & 0xFFF00))
    }
    package var encoded: UInt32 { (minor & 0xFF) | (major << 8) | ((minor & 0xFFF00) << 12) }

    /// Those that a guest may make: the ones it can open anyway. The whiteout of overlayfs, 0:0, is not among them since
    /// the kernel lets everybody make it (`vfs_mknod()`, Linux 5.8).
    package static let harmless = [
        CharacterDevice(1, 3), CharacterDevice(1, 5), CharacterDevice(1, 7), CharacterDevice(1, 8),
        CharacterDevice(1, 9),  // null, zero, full, random, urandom
        CharacterDevice(5, 0), CharacterDevice(5, 1),  // tty, console
    ]
}

/// The one attribute that a guest may set beyond its rights: that a directory of overlayfs hides what is below it
/// (Documentation/filesystems/overlayfs.rst).
package enum OpaqueMark {
    package static let name = "trusted.overlay.opaque"

    /// Whether an attribute is that and nothing else.
    package static func matches(name: [UInt8], value: [UInt8]) -> Bool {
        name == Array(Self.name.utf8) && value == [UInt8(ascii: "y")]
    }
}

/// What /proc/PID/status tells of the rights of a thread, in the ids of who opened it (proc(5)).
package struct CallerStatus: Equatable, Sendable {
    /// The user and group that files are opened as.
    package var user: UInt32
    package var group: UInt32
    package var groups: [UInt32]
    /// The capabilities in effect.
    package var capabilities: UInt64
    package var umask: UInt32

    /// Nil for a text that lacks one of them.
    package init?(_ text: String) {
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            // The first of a name counts: the thread's own name comes before and is of one line.
            let name = line[..<colon]
            if fields[name] == nil { fields[name] = line[line.index(after: colon)...] }
        }
        func numbers(_ name: Substring) -> [UInt32]? {
            fields[name]?.split(whereSeparator: \.isWhitespace).reduce(into: []) { list, word in
                guard let number = UInt32(word) else { return list = nil }
                list?.append(number)
            }
        }
        func word(_ name: Substring) -> Substring? { fields[name]?.split(whereSeparator: \.isWhitespace).first }
        guard let users = numbers("Uid"), let groups = numbers("Gid"), let others = numbers("Groups"),
            users.count == 4, groups.count == 4, let capabilities = word("CapEff").flatMap({ UInt64($0, radix: 16) }),
            let umask = word("Umask").flatMap({ UInt32($0, radix: 8) })
        else { return nil }
        user = users[3]
        group = groups[3]
        self.groups = others
        self.capabilities = capabilities
        self.umask = umask
    }

    /// Whether a capability is in effect.
    package func has(_ capability: Int32) -> Bool {
        capability >= 0 && capability < 64 && capabilities & (1 << UInt64(capability)) != 0
    }
}

/// What sysinfo(2) says.
package struct SystemNumbers: Equatable, Sendable {
    package var uptime: UInt64
    package var loads: [UInt64]
    package var memory: UInt64
    package var free: UInt64
    package var shared: UInt64
    package var swap: UInt64
    package var freeSwap: UInt64
    package var processes: UInt64

    /// The host's, as ten numbers in this order.
    package init?(host: [UInt64]) {
        guard host.count == 10 else { return nil }
        uptime = host[0]
        loads = Array(host[1...3])
        memory = host[4]
        free = host[5]
        shared = host[6]
        swap = host[7]
        freeSwap = host[8]
        processes = host[9]
    }

    /// Puts an instance's limits and use in place of the host's. What is not limited stays the host's.
    ///
    /// - Parameters:
    ///   - read: Reads a file of the group of memory; nil when it is not there.
    package mutating func narrow(isUnified: Bool, read: (String) -> String?) {
        func number(_ name: String) -> UInt64? {
            read(name).flatMap { UInt64($0.filter { !$0.isWhitespace }) }
        }
        var counts: [Substring: UInt64] = [:]
        for line in (read("memory.stat") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { counts[words[0]] = UInt64(words[1]) }
        }
        let limit = number(isUnified ? "memory.max" : "memory.limit_in_bytes")
        let used = number(isUnified ? "memory.current" : "memory.usage_in_bytes") ?? 0
        // What can be given back at any time counts as free, as the host's own number of MemFree does not; with a limit
        // there would soon be none.
        let cached = counts[isUnified ? "file" : "total_cache"] ?? 0
        if let limit, limit < memory {
            memory = limit
            let held = used > cached ? used - cached : 0
            free = min(free, limit > held ? limit - held : 0)
        }
        shared = counts[isUnified ? "shmem" : "total_shmem"] ?? shared
        if isUnified {
            if let most = number("memory.swap.max"), most < swap {
                let taken = number("memory.swap.current") ?? 0
                swap = most
                freeSwap = min(freeSwap, most > taken ? most - taken : 0)
            }
        } else if let limit, let both = number("memory.memsw.limit_in_bytes"), both >= limit, both - limit < swap {
            let taken = counts["total_swap"] ?? 0
            swap = both - limit
            freeSwap = min(freeSwap, swap > taken ? swap - taken : 0)
        }
    }

    /// As the kernel writes it: `struct sysinfo` of a 64-bit program, or of a 32-bit one (`struct compat_sysinfo`).
    package func bytes(isNarrow: Bool) -> [UInt8] {
        var result: [UInt8] = []
        func put(_ value: UInt64, _ size: Int) {
            for index in 0..<size { result.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }
        let word = isNarrow ? 4 : 8
        let unit: UInt64 = isNarrow ? 4096 : 1
        put(uptime, word)
        for load in loads { put(load, word) }
        for amount in [memory, free, shared, 0, swap, freeSwap] { put(amount / unit, word) }
        put(min(processes, UInt64(UInt16.max)), 2)
        put(0, isNarrow ? 2 : 6)
        put(0, word)
        put(0, word)
        put(unit, 4)
        put(0, isNarrow ? 8 : 4)
        return result
    }
}
