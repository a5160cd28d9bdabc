extension InstanceKeys {
    /// `raw.*`
    public struct Raw: ConfigKeySet {
        /// Settings of liblxc.
        public let lxc = ConfigKey<RawLXC>(
            "raw.lxc", effect: .onRestart,
            "Settings of liblxc beside those that lexd makes, one on a line, as far as they do not undo what keeps an "
                + "instance from the host.")
        /// Ids of the host.
        public let idmap = ConfigKey<RawIDMap>(
            "raw.idmap", effect: .onRestart,
            "Users and groups of the host that it has as its own, one on a line: both, uid or gid, the host's id or range, "
                + "and the one inside.")
        /// The calls it may make.
        public let seccomp = ConfigKey<RawSeccomp>(
            "raw.seccomp", effect: .onRestart,
            "A whole seccomp profile in liblxc's format in place of lexd's own; security.syscalls.* mean nothing then.")
        /// What AppArmor lets it do.
        public let apparmor = ConfigKey<RawAppArmor>(
            "raw.apparmor", effect: .onRestart,
            "Rules to add to its AppArmor profile; without AppArmor in the kernel they mean nothing.")
        /// All of them.
        public init() {}
    }

    /// `nvidia.*`: the runtime of that maker, which lexd does not hand to instances.
    public struct Nvidia: ConfigKeySet {
        /// Whether its libraries are wanted.
        public let runtime = ConfigKey<Bool>(
            "nvidia.runtime", default: "false", effect: .onRestart,
            "Whether the host's NVIDIA libraries are handed to it; lexd refuses to start such an instance.")
        /// What they are to do.
        public let driverCapabilities = ConfigKey<ConfigLine>(
            "nvidia.driver.capabilities", default: "compute,utility", effect: .onRestart,
            "What the NVIDIA libraries are to be able to do.")
        /// The CUDA they must have.
        public let requireCUDA = ConfigKey<ConfigLine>(
            "nvidia.require.cuda", effect: .onRestart, "The version of CUDA that must be there.")
        /// The driver they must have.
        public let requireDriver = ConfigKey<ConfigLine>(
            "nvidia.require.driver", effect: .onRestart, "The version of the NVIDIA driver that must be there.")
        /// All of them.
        public init() {}
    }

    /// `migration.*`: how it is moved while it runs.
    public struct Migration: ConfigKeySet {
        /// Whether memory is sent while it runs.
        public let incrementalMemory = ConfigKey<Bool>(
            "migration.incremental.memory", default: "false", effect: .live,
            "Whether its memory is sent to another server while it still runs.")
        /// When that is enough.
        public let incrementalMemoryGoal = ConfigKey<Int64>(
            "migration.incremental.memory.goal", default: "70", effect: .live,
            "The part of its memory, in percent, that must be the same on both servers before it stands still.",
            check: { $0 >= 0 && $0 <= 100 ? nil : "from 0 to 100" })
        /// How often it is tried.
        public let incrementalMemoryIterations = ConfigKey<Int64>(
            "migration.incremental.memory.iterations", default: "10", effect: .live,
            "How often its memory is sent at most before it stands still.",
            check: { $0 >= 1 && $0 <= 999 ? nil : "from 1 to 999" })
        /// Whether it may be stopped with its memory kept.
        public let stateful = ConfigKey<Bool>(
            "migration.stateful", default: "false", effect: .live,
            "Whether its running state may be kept as it stops, in a snapshot, or as it moves.")
        /// All of them.
        public init() {}
    }

    /// `cluster.*`
    public struct Cluster: ConfigKeySet {
        /// What becomes of it as its server leaves.
        public let evacuate = ConfigKey<ConfigLine>(
            "cluster.evacuate", default: "auto", effect: .live,
            "What is done with it when its server is taken out of a cluster; without a cluster nothing.",
            check: {
                ["auto", "migrate", "live-migrate", "stop"].contains($0.text)
                    ? nil : "auto, migrate, live-migrate or stop"
            })
        /// All of them.
        public init() {}
    }

    /// `security.syscalls.intercept.*`
    public struct Intercept: ConfigKeySet {
        /// mknod(2).
        public let mknod = Self.call("mknod", "Whether lexd makes the harmless device nodes that it asks for (mknod).")
        /// setxattr(2).
        public let setxattr = Self.call(
            "setxattr", "Whether lexd sets the harmless extended attributes that it asks for (setxattr).")
        /// bpf(2).
        public let bpf = Self.call(
            "bpf", "Whether lexd looks at the BPF programs it wants to load (bpf); what it may, bpf.devices says.")
        /// Programs for device control groups.
        public let bpfDevices = Self.call(
            "bpf.devices",
            "Whether lexd loads BPF programs for the devices of control groups that it made, with "
                + "security.syscalls.intercept.bpf.")
        /// sched_setscheduler(2).
        public let scheduler = Self.call(
            "sched_setscheduler", "Whether lexd lets it raise the priority of its processes (sched_setscheduler).")
        /// sysinfo(2).
        public let sysinfo = Self.call(
            "sysinfo", "Whether lexd answers sysinfo with the limits of the instance instead of the host's numbers.")
        /// mount(2).
        public let mount = Self.call(
            "mount", "Whether lexd mounts the file systems listed in mount.allowed and mount.fuse for it (mount).")
        /// Which file systems.
        public let mountAllowed = ConfigKey<FileSystemNames>(
            "security.syscalls.intercept.mount.allowed", effect: .live,
            "The file systems on block devices of its own that the host's kernel mounts for it, such as ext4,btrfs. An "
                + "instance that writes such a device has the host's kernel read what it wrote.")
        /// Which by FUSE.
        public let mountFuse = ConfigKey<FileSystemPrograms>(
            "security.syscalls.intercept.mount.fuse", effect: .live,
            "File systems that are mounted by a FUSE program of the instance's, such as ext4=fuse2fs.")
        /// Whether with its owners.
        public let mountShift = ConfigKey<Bool>(
            "security.syscalls.intercept.mount.shift", default: "false", effect: .live,
            "Whether the owners of what is mounted so are shifted to those of the instance. A file system that cannot be "
                + "mounted so is refused.")
        /// All of them.
        public init() {}

        private static func call(_ name: String, _ summary: String) -> ConfigKey<Bool> {
            ConfigKey<Bool>("security.syscalls.intercept.\(name)", default: "false", effect: .onRestart, summary)
        }
    }

    /// `limits.hugepages.*`
    public struct HugePages: ConfigKeySet {
        /// Of 64 KiB.
        public let small = Self.limit("64KB")
        /// Of 1 MiB.
        public let mebibyte = Self.limit("1MB")
        /// Of 2 MiB.
        public let usual = Self.limit("2MB")
        /// Of 1 GiB.
        public let large = Self.limit("1GB")
        /// All of them.
        public init() {}

        /// The sizes as the kernel and the keys write them, with their limits in a configuration, in bytes.
        public static func limits(_ config: Config<InstanceKeys>) throws(APIError) -> [(size: String, bytes: Int64?)] {
            [
                ("64KB", try config[\.limits.hugePages.small]?.bytes),
                ("1MB", try config[\.limits.hugePages.mebibyte]?.bytes),
                ("2MB", try config[\.limits.hugePages.usual]?.bytes),
                ("1GB", try config[\.limits.hugePages.large]?.bytes),
            ]
        }
        private static func limit(_ size: String) -> ConfigKey<ByteSize> {
            ConfigKey<ByteSize>(
                "limits.hugepages.\(size)", effect: .live, "The most memory it may have in huge pages of \(size).")
        }
    }
}
