package import LexAPI
package import LexIPC
import LexStorage

/// An interface made ready on the host, to be moved into the instance.
package struct ReadyNIC: Sendable, Equatable {
    /// The device's name in the configuration.
    package let device: String
    /// The name of the side that is moved.
    package let peerName: String
    /// Its name inside.
    package let insideName: String
    /// The name of the side that stays.
    package let hostName: String
    /// What else liblxc is told of it: `ipv4.address` and the like, with its value.
    package let settings: [LXCItem]

    package init(
        device: String, peerName: String, insideName: String, hostName: String, settings: [LXCItem] = []
    ) {
        self.settings = settings
        self.device = device
        self.peerName = peerName
        self.insideName = insideName
        self.hostName = hostName
    }
}

/// From a plan to liblxc's settings, in the order they are made (lxc.container.conf(5)).
package enum ContainerConfig {
    /// Settings as a file has them, for people to read: liblxc itself gets them without one.
    package static func text(_ items: [LXCItem]) -> String {
        // A value with lines of its own must not look like more settings.
        items.map { "\($0.key) = \($0.value.replacing("\n", with: "\\n"))\n" }.joined()
    }

    /// - Parameters:
    ///   - nics: The interfaces to move into it.
    ///   - console: The path of its console terminal, or nil.
    ///   - isOnHost: Whether the host has a path.
    package static func items(
        for plan: InstancePlan, nics: [ReadyNIC], console: String?, isOnHost: (String) -> Bool
    ) throws -> [LXCItem] {
        var items: [LXCItem] = []
        func set(_ key: String, _ value: String) { items.append(LXCItem(key, value)) }

        set("lxc.log.file", plan.paths.lxcLog)
        set("lxc.log.level", "warn")
        set("lxc.uts.name", plan.name.text)
        set("lxc.arch", "linux64")
        for range in plan.ids.users { set("lxc.idmap", "u \(range.line)") }
        for range in plan.ids.groups { set("lxc.idmap", "g \(range.line)") }
        set("lxc.rootfs.path", "dir:\(plan.root.mount(below: plan.paths.mounts).rootfs)")
        if plan.isRootReadOnly { set("lxc.rootfs.options", "ro") }

        // Namespaces and files of the kernel. The control groups are mounted as the host has them, as LXD does: an init
        // that mounts them itself leaves out those that it knows joined and the host has apart.
        let cgroups = "cgroup:mixed:force"
        set("lxc.mount.auto", plan.ids.isEmpty ? "proc:mixed sys:mixed \(cgroups)" : "proc:rw sys:rw \(cgroups)")
        set("lxc.autodev", "1")
        set("lxc.tty.max", "0")
        set("lxc.pty.max", "1024")
        // The console is a terminal of lexd's, not of liblxc's: a live migration could not take the latter along.
        set("lxc.console.path", "none")
        if let console { set("lxc.mount.entry", "\(console) dev/console none bind,create=file 0 0") }
        if try plan.config[\.security.devlxd] != false {
            // The directory and not the socket: that of a later lexd is found in it too.
            set("lxc.mount.entry", "\(escaped(plan.paths.guest)) dev/lxd none bind,ro,create=dir 0 0")
        }
        for entry in try mountEntries(plan, isOnHost) { set("lxc.mount.entry", entry) }
        for (index, disk) in plan.disks.enumerated() {
            let source = escaped("\(plan.paths.mounts)/\(DiskMount.name(index))")
            set("lxc.mount.entry", "\(source) \(escaped(relative(disk.path))) none \(disk.bindOptions) 0 0")
        }
        for (index, node) in plan.nodes.enumerated() {
            let source = escaped("\(plan.paths.mounts)/\(NodeMount.name(index))")
            set("lxc.mount.entry", "\(source) \(escaped(relative(node.path))) none bind,create=file 0 0")
        }

        // Isolation.
        set("lxc.seccomp.profile", plan.paths.seccompFile)
        // With a filter of its own already, liblxc would otherwise leave the profile out (`use_seccomp()` in seccomp.c).
        if plan.deniesForeignCalls || !plan.interceptedCalls.isEmpty { set("lxc.seccomp.allow_nesting", "1") }
        if plan.ids.isEmpty {
            for capability in ["sys_time", "sys_module", "sys_rawio", "mac_admin", "mac_override"] {
                set("lxc.cap.drop", capability)
            }
        }
        if plan.hasAppArmor {
            set("lxc.apparmor.profile", "generated")
            // systemd makes namespaces for its services, networkd and resolved among them, with mounts in them that the
            // profile does not list; without these there is no network inside. What a user namespace may mount, the
            // kernel decides.
            if !plan.ids.isEmpty { set("lxc.apparmor.raw", "mount,") }
            if try plan.config[\.security.nesting] == true { set("lxc.apparmor.allow_nesting", "1") }
            for line in try plan.config[\.raw.apparmor]?.lines ?? [] { set("lxc.apparmor.raw", line) }
        }

        // Control groups.
        set("lxc.cgroup.dir.container", plan.paths.payloadGroup)
        set("lxc.cgroup.dir.monitor", plan.paths.monitorGroup)
        set("lxc.cgroup.dir.monitor.pivot", plan.paths.pivotGroup)
        let device = plan.hasUnifiedCgroups ? "lxc.cgroup2.devices" : "lxc.cgroup.devices"
        set("\(device).deny", "a")
        for rule in allowedDevices + plan.nodes.map(\.rule) { set("\(device).allow", rule) }
        for limit in try LiveLimits.wanted(plan) + plan.diskLimits where limit.isSet {
            for write in limit.writes(unified: plan.hasUnifiedCgroups) {
                let file = limit.key == LiveLimits.diskPriority ? plan.diskWeightFile ?? write.file : write.file
                set("\(plan.hasUnifiedCgroups ? "lxc.cgroup2" : "lxc.cgroup").\(file)", write.value)
            }
        }

        // Limits of each process, and settings of the kernel. The names and values have been checked.
        for (name, value) in plan.config.values.sorted(by: { $0.key < $1.key }) {
            if name.hasPrefix("limits.kernel.") {
                set("lxc.prlimit.\(name.dropFirst("limits.kernel.".count))", value)
            } else if name.hasPrefix("linux.sysctl.") {
                set("lxc.sysctl.\(name.dropFirst("linux.sysctl.".count))", value)
            }
        }

        // What the init finds in its environment. Values have been checked to be one line each.
        for (name, value) in plan.config.values.sorted(by: { $0.key < $1.key }) where name.hasPrefix("environment.") {
            set("lxc.environment", "\(name.dropFirst("environment.".count))=\(value)")
        }

        // The network: interfaces made before, handed over whole. Also for the sake of migration.
        for (index, nic) in nics.enumerated() {
            set("lxc.net.\(index).type", "phys")
            set("lxc.net.\(index).link", nic.peerName)
            set("lxc.net.\(index).name", nic.insideName)
            set("lxc.net.\(index).flags", "up")
            for item in nic.settings { set("lxc.net.\(index).\(item.key)", item.value) }
        }
        if nics.isEmpty { set("lxc.net.0.type", "empty") }

        for item in try plan.config[\.raw.lxc]?.items ?? []
        where plan.hasAppArmor || !item.key.hasPrefix("lxc.apparmor.") {
            set(item.key, item.value)
        }

        set("lxc.hook.version", "1")
        set("lxc.hook.post-stop", "/bin/sh -c '\(endNote)' sh \(shellQuoted(plan.paths.stoppedFile))")
        return items
    }

    /// liblxc's post-stop hook: leaves the word `reboot` or `stop` in a file for lexd. A program of its own would take
    /// longer to be loaded than all of this does.
    ///
    /// It fails for a reboot: liblxc then gives the instance up instead of starting it again by itself with settings
    /// that may be out of date (`lxc_end()` in its start.c), and lexd starts it.
    private static let endNote = #"umask 077; printf %s "$LXC_TARGET" >"$1"; [ "$LXC_TARGET" != reboot ]"#

    /// The mounts that let systemd report `running`: without them units for these places fail. They hold nothing but
    /// what the kernel shows an unprivileged user anyway. What the host has not is left out: liblxc logs an error for it,
    /// `optional` or not, and that would be taken for the cause of a start that fails.
    private static func mountEntries(_ plan: InstancePlan, _ isOnHost: (String) -> Bool) throws -> [String] {
        var places = [
            "sys/kernel/debug", "sys/kernel/security", "sys/kernel/tracing", "sys/fs/pstore",
            "sys/fs/fuse/connections", "proc/sys/fs/binfmt_misc",
        ]
        // systemd tries it only where it has the capability CAP_SYS_RAWIO, which a privileged instance has not.
        if !plan.ids.isEmpty { places.append("sys/kernel/config") }
        var entries = places.filter { isOnHost("/\($0)") }.map { "/\($0) \($0) none rbind,create=dir,optional 0 0" }
        entries += ["dev/fuse", "dev/net/tun"].filter { isOnHost("/\($0)") }
            .map { "/\($0) \($0) none bind,create=file,optional 0 0" }
        entries.append("mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0")
        if try plan.config[\.security.nesting] == true {
            // A container inside needs a proc and a sys that nothing is mounted over, or the kernel refuses it new
            // ones (mount_too_revealing() in fs/namespace.c).
            entries.append("proc dev/.lxc/proc proc create=dir,optional 0 0")
            entries.append("sys dev/.lxc/sys sysfs create=dir,optional 0 0")
        }
        return entries
    }

    private static func relative(_ path: String) -> String { String(path.drop { $0 == "/" }) }

    /// A path as a line of fstab(5) takes it. The path has been checked to be one line.
    private static func escaped(_ path: String) -> String {
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: " "): bytes += Array("\\040".utf8)
            case UInt8(ascii: "\t"): bytes += Array("\\011".utf8)
            case UInt8(ascii: "\\"): bytes += Array("\\134".utf8)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What may be opened of devices: those a system needs, by type, major and minor number
    /// (Documentation/admin-guide/devices.txt). Making a node is allowed, opening it another matter.
    private static let allowedDevices = [
        "c *:* m", "b *:* m",
        "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",  // null, zero, full, random, urandom
        "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",  // tty, console, ptmx, the terminals
        "c 10:229 rwm", "c 10:200 rwm",  // fuse, net/tun
    ]

    /// Whether a rule about devices holds for every instance, and is not taken back with a device.
    package static func isAlwaysAllowed(_ rule: String) -> Bool { allowedDevices.contains(rule) }

    /// What an instance may not call, in liblxc's format (lxc.container.conf(5), SECCOMP).
    package static func seccompList(_ config: Config<InstanceKeys>) throws -> String {
        if let raw = try config[\.raw.seccomp] { return raw.text }
        if let allowed = try config[\.security.syscallsAllow] ?? config[\.security.syscallsWhitelist] {
            return (["2", "allowlist", "[all]"] + allowed.lines).joined(separator: "\n") + "\n"
        }
        // The old name counts where the new one is not set.
        let isNamed = config.values["security.syscalls.deny_default"]?.isEmpty == false
        let old = isNamed ? nil : try config[\.security.syscallsBlacklistDefault]
        let usual = try old ?? config[\.security.syscallsDenyDefault] == false ? [] : usuallyDenied
        let own = try (config[\.security.syscallsDeny] ?? config[\.security.syscallsBlacklist])?.lines ?? []
        return (["2", "denylist", "[all]"] + usual + own).joined(separator: "\n") + "\n"
    }

    /// Whether an instance may make only calls of the machine's own width. liblxc's profiles cannot say that: each of their
    /// lines counts for all widths.
    package static func deniesForeignCalls(_ config: Config<InstanceKeys>) throws -> Bool {
        if try config[\.raw.seccomp] != nil { return false }
        let isNamed = config.values["security.syscalls.deny_compat"]?.isEmpty == false
        let old = isNamed ? nil : try config[\.security.syscallsBlacklistCompat]
        return try old ?? config[\.security.syscallsDenyCompat] == true
    }

    /// The calls of it that lexd makes in its place where the kernel would not. They are told by a filter of our own beside
    /// liblxc's profile, and what that one denies stays denied: of two answers the kernel takes the stricter (seccomp(2)).
    package static func interceptedCalls(_ config: Config<InstanceKeys>) throws -> InterceptedCalls {
        if try config[\.raw.seccomp] != nil { return [] }
        var calls: InterceptedCalls = []
        if try config[\.security.intercept.mknod] == true { calls.insert(.mknod) }
        if try config[\.security.intercept.setxattr] == true { calls.insert(.setxattr) }
        if try config[\.security.intercept.scheduler] == true { calls.insert(.scheduler) }
        if try config[\.security.intercept.sysinfo] == true { calls.insert(.sysinfo) }
        if try config[\.security.intercept.mount] == true { calls.insert(.mount) }
        // The first alone has never allowed anything.
        if try config[\.security.intercept.bpf] == true, try config[\.security.intercept.bpfDevices] == true {
            calls.insert(.bpf)
        }
        return calls
    }

    /// What it may have mounted.
    package static func mountPolicy(_ config: Config<InstanceKeys>) throws -> MountPolicy {
        guard try config[\.security.intercept.mount] == true else { return MountPolicy() }
        return MountPolicy(
            allowed: Set(try config[\.security.intercept.mountAllowed]?.names ?? []),
            programs: try config[\.security.intercept.mountFuse]?.programs ?? [:],
            shifts: try config[\.security.intercept.mountShift] == true)
    }

    /// The calls no instance may make, not even a privileged one (seccomp(2)).
    private static let usuallyDenied = [
        "kexec_load errno 1", "kexec_file_load errno 1", "open_by_handle_at errno 1", "init_module errno 1",
        "finit_module errno 1", "delete_module errno 1",
    ]

    /// A path as /bin/sh takes it: liblxc runs its hooks through one.
    package static func shellQuoted(_ path: String) -> String {
        // Bytes, not characters: a quote with a combining accent is another character, but still a quote to the shell.
        "'"
            + path.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }.joined(separator: "'\\''") + "'"
    }
}
