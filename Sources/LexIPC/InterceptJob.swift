import CLexLinux

/// Groups of system calls that lexd answers in the kernel's place.
package struct InterceptedCalls: OptionSet, Message {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// mknod(2) and mknodat(2) of harmless devices.
    package static let mknod = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_MKNOD))
    /// setxattr(2) and its like, of the mark of an opaque directory of overlayfs.
    package static let setxattr = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_SETXATTR))
    /// sched_setscheduler(2).
    package static let scheduler = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_SCHEDULER))
    /// sysinfo(2).
    package static let sysinfo = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_SYSINFO))

    /// mount(2) of file systems that are listed, and the calls that mount in parts.
    package static let mount = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_MOUNT))
    /// bpf(2) with programs for the devices of control groups.
    package static let bpf = InterceptedCalls(rawValue: UInt64(LEX_INTERCEPT_BPF))

    package func write(to writer: inout MessageWriter) { writer.put(rawValue) }
    package init(from reader: inout MessageReader) throws(MessageError) { rawValue = try reader.uint64() }
}

/// Answers calls of one instance until none of its processes is left; outlives lexd.
///
/// Who is about to become a process of the instance connects to the socket, is told the groups of calls
/// (``InterceptedCalls``), and sends `done` with the descriptor that tells of them and one of its own program.
package struct InterceptJob: Message, Equatable {
    /// The instance, for people.
    package var name: String
    /// The directory of its socket.
    package var directory: String
    /// What it answers.
    package var calls: InterceptedCalls
    /// The instance's control groups, for what sysinfo(2) says.
    package var groups: MeasuredGroups

    /// What liblxc finds it by.
    package var lxcPath: String
    /// Whether it may make only calls of the machine's own width.
    package var deniesForeignCalls: Bool

    /// What the socket is called in its directory: a path could be too long for one.
    package static let socket = "calls"
    /// What the file in its directory is called that says what may be mounted (``MountPolicy``), now.
    package static let mounts = "mountable"

    package init(
        name: String, directory: String, calls: InterceptedCalls, groups: MeasuredGroups, lxcPath: String,
        deniesForeignCalls: Bool = false
    ) {
        self.name = name
        self.directory = directory
        self.calls = calls
        self.groups = groups
        self.lxcPath = lxcPath
        self.deniesForeignCalls = deniesForeignCalls
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(directory)
        writer.put(calls)
        writer.put(groups)
        writer.put(lxcPath)
        writer.put(deniesForeignCalls)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        directory = try reader.string()
        calls = try reader.value()
        groups = try reader.value()
        lxcPath = try reader.string()
        deniesForeignCalls = try reader.bool()
    }
}

/// Where the kernel tells what an instance has and uses, and holds it to what it may.
package struct MeasuredGroups: Message, Equatable {
    /// The directory of its memory; empty for none.
    package var memory: String
    /// The directory of its processes; empty for none.
    package var processes: String
    /// Whether the files are those of v2.
    package var isUnified: Bool
    /// The directory that decides which devices it may use; empty for none.
    package var devices: String
    /// Its directory in the unified tree, whatever that decides here; empty for none.
    package var unified: String

    package init(memory: String, processes: String, isUnified: Bool, devices: String = "", unified: String = "") {
        self.memory = memory
        self.processes = processes
        self.isUnified = isUnified
        self.devices = devices
        self.unified = unified
    }

    /// The directory that a process is in, of one controller.
    ///
    /// - Parameters:
    ///   - controller: Its name as v1 has it.
    ///   - payload: The instance's directory of that controller.
    ///   - text: What /proc/PID/cgroup says of the process (cgroups(7)).
    package func directory(_ controller: Substring, below payload: String, of text: String) -> String? {
        guard let slash = payload.lastIndex(of: "/") else { return nil }
        let own = payload[slash...]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3,
                isUnified ? fields[1].isEmpty : fields[1].split(separator: ",").contains(controller)
            else { continue }
            // Of another instance, or of none: it is not ours.
            guard fields[2] == own || fields[2].hasPrefix(own + "/") else { return nil }
            return payload + fields[2].dropFirst(own.count)
        }
        return nil
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(memory)
        writer.put(processes)
        writer.put(isUnified)
        writer.put(devices)
        writer.put(unified)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        memory = try reader.string()
        processes = try reader.string()
        isUnified = try reader.bool()
        devices = try reader.string()
        unified = try reader.string()
    }
}
