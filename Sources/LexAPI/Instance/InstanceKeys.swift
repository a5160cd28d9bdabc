/// The configuration keys of an instance and of a profile.
public struct InstanceKeys: ConfigKeySet {
    /// Limits on what it may use.
    public let limits = Limits()
    /// What it may do to the host.
    public let security = Security()
    /// When it starts and stops by itself.
    public let boot = Boot()
    /// What it needs of the kernel.
    public let linux = Linux()
    /// Its snapshots.
    public let snapshots = Snapshots()
    /// How it is moved while it runs.
    public let migration = Migration()
    /// Its place in a cluster.
    public let cluster = Cluster()
    /// Graphics cards of one maker.
    public let nvidia = Nvidia()
    /// In the words of what lies below.
    public let raw = Raw()
    /// What lexd remembers about it.
    public let volatile = Volatile()

    /// Variables of its init and of every command run in it.
    public let environment = ConfigKeyFamily(
        "environment.", effect: .onRestart,
        "Environment variables of the instance's init, and at once of every command run in it.",
        accepts: { name in
            !name.isEmpty && name.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "=") }
        },
        check: { $0.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 } ? "one line" : nil })
    /// What cloud-init in it is told.
    public let cloudInit = ConfigKeyFamily(
        "cloud-init.", effect: .live,
        "What cloud-init in the instance is told: user-data, vendor-data and network-config. It reads them anew after a "
            + "change, at the next start.",
        only: [
            .init("user-data", default: "#cloud-config", "What cloud-init in the instance is told to do by its owner."),
            .init(
                "vendor-data", default: "#cloud-config", "What cloud-init in the instance is told to do by the host."),
            .init("network-config", "How cloud-init sets up the network of the instance; by DHCP on eth0 unless set."),
        ],
        check: { $0.utf8.contains(0) ? "without NUL bytes" : nil })
    /// Free keys of users and tools.
    public let user = ConfigKeyFamily(
        "user.", effect: .live, "Free keys of users and their tools.",
        members: [
            .init("user-data", "The older name of cloud-init.user-data."),
            .init("vendor-data", "The older name of cloud-init.vendor-data."),
            .init("network-config", "The older name of cloud-init.network-config."),
            .init("meta-data", "Further lines of the metadata that cloud-init is given."),
        ], isOpen: true,
        check: { $0.utf8.contains(0) ? "without NUL bytes" : nil })
    /// What the image said of itself.
    public let image = ConfigKeyFamily(
        "image.", effect: .live, "Properties of the image the instance was made from.",
        check: { $0.utf8.contains(0) ? "without NUL bytes" : nil })

    /// All the sets.
    public init() {}
}

extension InstanceKeys {
    /// `limits.*`
    public struct Limits: ConfigKeySet {
        /// CPUs.
        public let cpu = ConfigKey<CPULimit>(
            "limits.cpu", effect: .live,
            "How many CPUs the instance may use, re-balanced by lexd, or exactly which.")
        /// Nodes.
        public let cpuNodes = ConfigKey<NodeList>(
            "limits.cpu.nodes", effect: .live,
            "The NUMA nodes whose CPUs it may use, by their numbers; together with a number in limits.cpu, that many of "
                + "them.")
        /// CPU time.
        public let cpuAllowance = ConfigKey<CPUAllowance>(
            "limits.cpu.allowance", effect: .live,
            "Its share of CPU time when the host is busy, or the most it may use in each period.")
        /// CPU time beside others.
        public let cpuPriority = ConfigKey<Int64>(
            "limits.cpu.priority", default: "10", effect: .live,
            "How it fares beside instances with the same share of CPU time when the host is busy: 10 is best.",
            check: { $0 >= 0 && $0 <= 10 ? nil : "from 0 to 10" })
        /// Disks beside others.
        public let diskPriority = ConfigKey<Int64>(
            "limits.disk.priority", effect: .live,
            "How it fares beside other instances when a disk is busy: 10 is best. The kernel needs weights for disks.",
            check: { $0 >= 0 && $0 <= 10 ? nil : "from 0 to 10" })
        /// Packets beside those of others.
        public let networkPriority = ConfigKey<Int64>(
            "limits.network.priority", default: "0", effect: .live,
            "The priority of the packets it sends, where the host must choose: 10 is best.",
            check: { $0 >= 0 && $0 <= 10 ? nil : "from 0 to 10" })
        /// Memory.
        public let memory = ConfigKey<MemoryLimit>(
            "limits.memory", effect: .live, "The most memory its processes may use.")
        /// What the limit of memory means.
        public let memoryEnforce = ConfigKey<MemoryEnforcement>(
            "limits.memory.enforce", default: "hard", effect: .live,
            "Whether limits.memory is never exceeded (hard), or only kept to when the host needs the memory (soft).")
        /// Swap.
        public let memorySwap = ConfigKey<Bool>(
            "limits.memory.swap", default: "true", effect: .live, "Whether its memory may be swapped out.")
        /// Swap beside others.
        public let memorySwapPriority = ConfigKey<Int64>(
            "limits.memory.swap.priority", default: "10", effect: .live,
            "How early its memory is swapped out beside that of others: 0 is last. Only with control groups v1.",
            check: { $0 >= 0 && $0 <= 10 ? nil : "from 0 to 10" })
        /// Memory in huge pages.
        public let hugePages = HugePages()
        /// Processes.
        public let processes = ConfigKey<Int64>(
            "limits.processes", effect: .live, "The most processes and threads it may have.",
            check: { $0 > 0 && $0 <= 4_194_304 ? nil : "from 1 to 4194304" })
        /// Limits of each process.
        public let kernel = ConfigKeyFamily(
            "limits.kernel.", effect: .onRestart,
            "Limits of each of its processes, by their names in prlimit(2): one number, unlimited, or SOFT:HARD.",
            only: Limits.kernelResources, check: Limits.kernelLimitFault)
        /// The resources of `limits.kernel.*` (prlimit(2)).
        private static let kernelResources: [ConfigKeyFamily.Member] = [
            .init("as", "The most bytes of memory that a process may map (RLIMIT_AS)."),
            .init("core", "The most bytes of the core dump of a process (RLIMIT_CORE)."),
            .init("cpu", "The most seconds of a CPU that a process may use (RLIMIT_CPU)."),
            .init("data", "The most bytes of the data segment of a process (RLIMIT_DATA)."),
            .init("fsize", "The most bytes of a file that a process may make (RLIMIT_FSIZE)."),
            .init("locks", "The most locks on files that a process may have (RLIMIT_LOCKS)."),
            .init("memlock", "The most bytes of memory that a process may keep from being swapped (RLIMIT_MEMLOCK)."),
            .init("msgqueue", "The most bytes of POSIX message queues that a user may have (RLIMIT_MSGQUEUE)."),
            .init("nice", "How far a process may raise its nice value, as 20 less that value (RLIMIT_NICE)."),
            .init("nofile", "The most files that a process may have open (RLIMIT_NOFILE)."),
            .init("nproc", "The most processes that a user may have (RLIMIT_NPROC)."),
            .init("rss", "The most bytes of resident memory; without effect since Linux 2.4.30 (RLIMIT_RSS)."),
            .init("rtprio", "The highest real-time priority that a process may ask for (RLIMIT_RTPRIO)."),
            .init("rttime", "The most microseconds that a real-time process may run without a call (RLIMIT_RTTIME)."),
            .init("sigpending", "The most signals that may wait for a user (RLIMIT_SIGPENDING)."),
            .init("stack", "The most bytes of the stack of a process (RLIMIT_STACK)."),
        ]
        private static func kernelLimitFault(_ text: String) -> String? {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            let values = parts.map { $0 == "unlimited" ? UInt64.max : UInt64($0, radix: 10) }
            let isGood =
                (1...2).contains(parts.count) && values.allSatisfy { $0 != nil } && !text.contains("+")
                && (values.first ?? 0) ?? 0 <= (values.last ?? 0) ?? 0
            return isGood ? nil : "a number, unlimited, or SOFT:HARD with the second not below the first"
        }
        /// All of them.
        public init() {}
    }

    /// `linux.*`
    public struct Linux: ConfigKeySet {
        /// Modules of the host's kernel.
        public let kernelModules = ConfigKey<ModuleNames>(
            "linux.kernel_modules", effect: .live,
            "Modules of the host's kernel to load before it starts, and at once for one that runs, with commas between."
        )
        /// Settings of the kernel.
        public let sysctl = ConfigKeyFamily(
            "linux.sysctl.", effect: .onRestart,
            "Settings of the kernel in the instance, by their names in sysctl(8).",
            accepts: { name in
                !name.isEmpty && name.utf8.count <= 255 && !name.contains("..") && !name.hasPrefix("/")
                    && name.utf8.allSatisfy {
                        InstanceName.isDigit($0) || (97...122).contains($0) || (65...90).contains($0)
                            || "._-/".utf8.contains($0)
                    }
            },
            check: { $0.isEmpty || $0.utf8.contains { $0 < 32 && $0 != 9 } ? "one line that is not empty" : nil })
        /// All of them.
        public init() {}
    }

    /// `security.*`
    public struct Security: ConfigKeySet {
        /// Privileged containers.
        public let privileged = ConfigKey<Bool>(
            "security.privileged", default: "false", effect: .onRestart,
            "Whether its root is the host's root: only for software you trust as yourself.")
        /// Containers inside.
        public let nesting = ConfigKey<Bool>(
            "security.nesting", default: "false", effect: .onRestart, "Whether containers may run inside the instance.")
        /// What it is told through `/dev/lxd`.
        public let devlxd = ConfigKey<Bool>(
            "security.devlxd", default: "true", effect: .live,
            "Whether the instance has /dev/lxd/sock, where it is told what concerns itself.")
        /// Images through `/dev/lxd`.
        public let devlxdImages = ConfigKey<Bool>(
            "security.devlxd.images", default: "false", effect: .live,
            "Whether the instance may fetch public and cached images of its project through /dev/lxd/sock.")
        /// Against deletion.
        public let protectionDelete = ConfigKey<Bool>(
            "security.protection.delete", default: "false", effect: .live, "Whether it cannot be deleted.")
        /// Against shifting.
        public let protectionShift = ConfigKey<Bool>(
            "security.protection.shift", default: "false", effect: .live,
            "Whether its files keep their owners on disk. They always do where the kernel mounts them with its ids.")
        /// An id range of its own.
        public let idmapIsolated = ConfigKey<Bool>(
            "security.idmap.isolated", default: "false", effect: .onRestart,
            "Whether no other instance has its range of host ids; with lexd none ever has.")
        /// Where its ids begin.
        public let idmapBase = ConfigKey<Int64>(
            "security.idmap.base", effect: .onRestart,
            "The first of its host ids, at a multiple of 65536 from the first that root may give; not set: lexd chooses.",
            check: { $0 > 0 && $0 < 4_294_836_224 ? nil : "from 1 to 4294836223" })
        /// How many ids.
        public let idmapSize = ConfigKey<Int64>(
            "security.idmap.size", effect: .onRestart,
            "How many ids it has; not set: 65536, and 1048576 with security.nesting.",
            check: { $0 > 0 && $0 < 4_294_836_224 ? nil : "from 1 to 4294836223" })
        /// Calls that lexd makes in its place.
        public let intercept = Intercept()
        /// Calls of other widths.
        public let syscallsDenyCompat = ConfigKey<Bool>(
            "security.syscalls.deny_compat", default: "false", effect: .onRestart,
            "Whether it may make only the calls of the machine's own width, so that no 32-bit program runs.")
        /// What `security.syscalls.deny` was once called.
        public let syscallsBlacklist = ConfigKey<SyscallList>(
            "security.syscalls.blacklist", effect: .onRestart, "The old name of security.syscalls.deny.")
        /// What `security.syscalls.deny_compat` was once called.
        public let syscallsBlacklistCompat = ConfigKey<Bool>(
            "security.syscalls.blacklist_compat", effect: .onRestart, "The old name of security.syscalls.deny_compat.")
        /// What `security.syscalls.deny_default` was once called.
        public let syscallsBlacklistDefault = ConfigKey<Bool>(
            "security.syscalls.blacklist_default", effect: .onRestart,
            "The old name of security.syscalls.deny_default.")
        /// What `security.syscalls.allow` was once called.
        public let syscallsWhitelist = ConfigKey<SyscallList>(
            "security.syscalls.whitelist", effect: .onRestart, "The old name of security.syscalls.allow.")
        /// Calls it may not make.
        public let syscallsDeny = ConfigKey<SyscallList>(
            "security.syscalls.deny", effect: .onRestart,
            "System calls it may not make, one on a line, in the words of liblxc's seccomp profiles.")
        /// Whether the usual ones are denied.
        public let syscallsDenyDefault = ConfigKey<Bool>(
            "security.syscalls.deny_default", default: "true", effect: .onRestart,
            "Whether the calls that no container has a use for are denied.")
        /// The only calls it may make.
        public let syscallsAllow = ConfigKey<SyscallList>(
            "security.syscalls.allow", effect: .onRestart,
            "The only system calls it may make, one on a line; not together with security.syscalls.deny.")
        /// All of them.
        public init() {}
    }

    /// `boot.*`
    public struct Boot: ConfigKeySet {
        /// Start with the host.
        public let autostart = ConfigKey<Bool>(
            "boot.autostart", effect: .live,
            "Whether it starts with lexd; not set: when it ran as lexd was last shut down.")
        /// The order of starts.
        public let autostartPriority = ConfigKey<Int64>(
            "boot.autostart.priority", default: "0", effect: .live,
            "When it is started beside others as lexd starts: the highest first.")
        /// The pause behind a start.
        public let autostartDelay = ConfigKey<Int64>(
            "boot.autostart.delay", default: "0", effect: .live,
            "Seconds to wait after its start before the next instance is started.",
            check: { $0 >= 0 && $0 <= 86400 ? nil : "from 0 to 86400" })
        /// The order of stops.
        public let stopPriority = ConfigKey<Int64>(
            "boot.stop.priority", default: "0", effect: .live,
            "When it is stopped beside others as the host shuts down: the highest first.")
        /// The time a clean stop may take.
        public let hostShutdownTimeout = ConfigKey<Int64>(
            "boot.host_shutdown_timeout", default: "30", effect: .live,
            "Seconds to wait for a clean stop when lexd or the host shuts down, before it is killed.",
            check: { $0 >= 0 && $0 <= 86400 ? nil : "from 0 to 86400" })
        /// All of them.
        public init() {}
    }

    /// `snapshots.*`
    public struct Snapshots: ConfigKeySet {
        /// How long they last.
        public let expiry = ConfigKey<SnapshotAge>(
            "snapshots.expiry", effect: .live, "After what time a snapshot is removed.")
        /// What they are called.
        public let pattern = ConfigKey<SnapshotPattern>(
            "snapshots.pattern", default: "snap%d", effect: .live, SnapshotPattern.summary)
        /// When they are made by themselves.
        public let schedule = ConfigKey<SnapshotSchedule>(
            "snapshots.schedule", effect: .live,
            SnapshotSchedule.summary + " With @startup one is made whenever the instance starts.")
        /// Also while it does not run.
        public let scheduleStopped = ConfigKey<Bool>(
            "snapshots.schedule.stopped", default: "false", effect: .live,
            "Whether the schedule counts for the instance while it is stopped.")
        /// All of them.
        public init() {}
    }

    /// `volatile.*`: written by lexd, shown to everyone, kept through edits.
    public struct Volatile: ConfigKeySet {
        /// Which templates are due.
        public let applyTemplate = ConfigKey<ConfigLine>(
            "volatile.apply_template", effect: .live, "The event whose templates are applied at the next start.")
        /// The image.
        public let baseImage = ConfigKey<ConfigLine>(
            "volatile.base_image", effect: .live, "The fingerprint of the image it was made from.")
        /// The identity cloud-init goes by.
        public let cloudInitInstanceID = ConfigKey<ConfigLine>(
            "volatile.cloud-init.instance-id", effect: .live, "The identity that cloud-init compares.")
        /// The first host id of its range.
        public let idmapBase = ConfigKey<Int64>(
            "volatile.idmap.base", effect: .onRestart, "The first host id of its range of ids.")
        /// The range it runs with.
        public let idmapCurrent = ConfigKey<ConfigLine>(
            "volatile.idmap.current", effect: .live, "The range of ids it runs with, as JSON.")
        /// The range it will start with.
        public let idmapNext = ConfigKey<ConfigLine>(
            "volatile.idmap.next", effect: .live, "The range of ids it will be started with, as JSON.")
        /// The range its files have on disk.
        public let lastStateIdmap = ConfigKey<ConfigLine>(
            "volatile.last_state.idmap", effect: .live,
            "The range of ids its files have on disk, as JSON; always [], since files are stored unshifted.")
        /// Whether it ran.
        public let lastStatePower = ConfigKey<ConfigLine>(
            "volatile.last_state.power", effect: .live, "Whether it ran when lexd last looked: RUNNING or STOPPED.")
        /// The server it was moved away from.
        public let evacuateOrigin = ConfigKey<ConfigLine>(
            "volatile.evacuate.origin", effect: .live, "The server of a cluster it was moved away from.")
        /// Whether it said that it is ready.
        public let lastStateReady = ConfigKey<ConfigLine>(
            "volatile.last_state.ready", effect: .live,
            "Whether its present run said through /dev/lxd that it is ready.")
        /// The identity of its present run of data.
        public let uuid = ConfigKey<ConfigLine>("volatile.uuid", effect: .live, "Its identity across renames.")
        /// What lexd chose for a device.
        public let device = ConfigKeyFamily(
            "volatile.", effect: .live, "What lexd chose for one device: its name, hardware address, host interface.",
            members: deviceMembers,
            accepts: { Volatile.device(of: "volatile." + $0) != nil },
            check: { $0.utf8.contains { $0 < 32 } ? "one line" : nil })
        /// The last parts a `volatile.DEVICE.FIELD` key may have.
        public static let deviceFields = Set(deviceMembers.map { String($0.name.dropFirst("NAME.".count)) })
        private static let deviceMembers: [ConfigKeyFamily.Member] = [
            .init("NAME.hwaddr", "The hardware address lexd chose for the interface."),
            .init("NAME.name", "The name lexd chose for the interface in the instance."),
            .init("NAME.host_name", "The name of the interface's end on the host."),
            .init("NAME.mtu", "The MTU of the interface."),
            .init("NAME.created", "Whether lexd made the interface of the host."),
            .init("NAME.last_state.hwaddr", "The hardware address a card of the host had before the instance got it."),
            .init("NAME.last_state.mtu", "The MTU a card of the host had before the instance got it."),
            .init("NAME.last_state.created", "Whether the card of the host was made for the instance."),
        ]
        /// The device and the field of a key `volatile.DEVICE.FIELD`; nil for any other key. The name of a device may
        /// itself have dots.
        public static func device(of key: String) -> (device: String, field: String)? {
            guard key.hasPrefix("volatile.") else { return nil }
            let rest = key.dropFirst("volatile.".count)
            // The longest first: one ends as another one does.
            for field in deviceFields.sorted(by: { $0.utf8.count > $1.utf8.count }) where rest.hasSuffix("." + field) {
                let device = String(rest.dropLast(field.count + 1))
                return device.isEmpty ? nil : (device, field)
            }
            return nil
        }
        /// All of them.
        public init() {}
    }
}
