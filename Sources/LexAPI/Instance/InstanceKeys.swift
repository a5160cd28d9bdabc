/// The configuration keys of an instance and of a profile.
public struct InstanceKeys: ConfigKeySet {
    /// Limits on what it may use.
    public let limits = Limits()
    /// What it may do to the host.
    public let security = Security()
    /// When it starts and stops by itself.
    public let boot = Boot()
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
    /// Free keys of users and tools.
    public let user = ConfigKeyFamily(
        "user.", effect: .live, "Free keys of users and their tools.",
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
        /// CPU time.
        public let cpuAllowance = ConfigKey<CPUAllowance>(
            "limits.cpu.allowance", effect: .live,
            "Its share of CPU time when the host is busy, or the most it may use in each period.")
        /// Memory.
        public let memory = ConfigKey<MemoryLimit>(
            "limits.memory", effect: .live, "The most memory its processes may use.")
        /// Processes.
        public let processes = ConfigKey<Int64>(
            "limits.processes", effect: .live, "The most processes and threads it may have.",
            check: { $0 > 0 && $0 <= 4_194_304 ? nil : "from 1 to 4194304" })
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
        /// All of them.
        public init() {}
    }

    /// `boot.*`
    public struct Boot: ConfigKeySet {
        /// Start with the host.
        public let autostart = ConfigKey<Bool>(
            "boot.autostart", effect: .live,
            "Whether it starts with lexd; not set: when it ran as lexd was last shut down.")
        /// The time a clean stop may take.
        public let hostShutdownTimeout = ConfigKey<Int64>(
            "boot.host_shutdown_timeout", default: "30", effect: .live,
            "Seconds to wait for a clean stop when lexd or the host shuts down, before it is killed.",
            check: { $0 >= 0 && $0 <= 86400 ? nil : "from 0 to 86400" })
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
        /// The identity of its present run of data.
        public let uuid = ConfigKey<ConfigLine>("volatile.uuid", effect: .live, "Its identity across renames.")
        /// What lexd chose for a device.
        public let device = ConfigKeyFamily(
            "volatile.", effect: .live, "What lexd chose for one device: its name, hardware address, host interface.",
            accepts: { Volatile.device(of: "volatile." + $0) != nil },
            check: { $0.utf8.contains { $0 < 32 } ? "one line" : nil })
        /// The last parts a `volatile.DEVICE.FIELD` key may have.
        public static let deviceFields: Set<String> = ["hwaddr", "name", "host_name", "mtu", "created"]
        /// The device and the field of a key `volatile.DEVICE.FIELD`; nil for any other key. The name of a device may
        /// itself have dots.
        public static func device(of key: String) -> (device: String, field: String)? {
            guard key.hasPrefix("volatile."), let dot = key.lastIndex(of: ".") else { return nil }
            let field = String(key[key.index(after: dot)...])
            let device = String(key[..<dot].dropFirst("volatile.".count))
            return deviceFields.contains(field) && !device.isEmpty ? (device, field) : nil
        }
        /// All of them.
        public init() {}
    }
}
