import LexAPI
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

    package init(device: String, peerName: String, insideName: String, hostName: String) {
        self.device = device
        self.peerName = peerName
        self.insideName = insideName
        self.hostName = hostName
    }
}

/// From a plan to liblxc's settings, in the order they are made (lxc.container.conf(5)).
package enum ContainerConfig {
    /// - Parameters:
    ///   - nics: The interfaces to move into it.
    ///   - console: The path of its console terminal, or nil.
    package static func items(
        for plan: InstancePlan, nics: [ReadyNIC], console: String?
    ) throws -> [LXCItem] {
        var items: [LXCItem] = []
        func set(_ key: String, _ value: String) { items.append(LXCItem(key, value)) }

        set("lxc.log.file", plan.paths.lxcLog)
        set("lxc.log.level", "warn")
        set("lxc.uts.name", plan.name.text)
        set("lxc.arch", "linux64")
        for range in plan.ids {
            set("lxc.idmap", "u \(range.line)")
            set("lxc.idmap", "g \(range.line)")
        }
        set("lxc.rootfs.path", "dir:\(plan.root.mount(below: plan.paths.mounts).rootfs)")

        // Namespaces and files of the kernel.
        set("lxc.mount.auto", plan.ids.isEmpty ? "proc:mixed sys:mixed cgroup:mixed" : "proc:rw sys:rw cgroup:mixed")
        set("lxc.autodev", "1")
        set("lxc.tty.max", "0")
        set("lxc.pty.max", "1024")
        // The console is a terminal of lexd's, not of liblxc's: a live migration could not take the latter along.
        set("lxc.console.path", "none")
        if let console { set("lxc.mount.entry", "\(console) dev/console none bind,create=file 0 0") }
        for entry in try mountEntries(plan) { set("lxc.mount.entry", entry) }

        // Isolation.
        set("lxc.seccomp.profile", plan.paths.seccompFile)
        if plan.ids.isEmpty {
            for capability in ["sys_time", "sys_module", "sys_rawio", "mac_admin", "mac_override"] {
                set("lxc.cap.drop", capability)
            }
        }
        if plan.hasAppArmor {
            set("lxc.apparmor.profile", "generated")
            if try plan.config[\.security.nesting] == true { set("lxc.apparmor.allow_nesting", "1") }
        }

        // Control groups.
        set("lxc.cgroup.dir.container", plan.paths.payloadGroup)
        set("lxc.cgroup.dir.monitor", plan.paths.monitorGroup)
        set("lxc.cgroup.dir.monitor.pivot", plan.paths.pivotGroup)
        let device = plan.hasUnifiedCgroups ? "lxc.cgroup2.devices" : "lxc.cgroup.devices"
        set("\(device).deny", "a")
        for rule in allowedDevices { set("\(device).allow", rule) }
        for limit in try LiveLimits.wanted(plan) where limit.isSet {
            for write in limit.writes(unified: plan.hasUnifiedCgroups) {
                set("\(plan.hasUnifiedCgroups ? "lxc.cgroup2" : "lxc.cgroup").\(write.file)", write.value)
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
        }
        if nics.isEmpty { set("lxc.net.0.type", "empty") }

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
    /// what the kernel shows an unprivileged user anyway.
    private static func mountEntries(_ plan: InstancePlan) throws -> [String] {
        var entries = [
            "sys/kernel/debug", "sys/kernel/security", "sys/kernel/tracing", "sys/fs/pstore",
            "sys/fs/fuse/connections", "proc/sys/fs/binfmt_misc",
        ].map { "/\($0) \($0) none rbind,create=dir,optional 0 0" }
        entries += ["dev/fuse", "dev/net/tun"].map { "/\($0) \($0) none bind,create=file,optional 0 0" }
        entries.append("mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0")
        if try plan.config[\.security.nesting] == true {
            // A container inside needs a proc and a sys that nothing is mounted over, or the kernel refuses it new
            // ones (mount_too_revealing() in fs/namespace.c).
            entries.append("proc dev/.lxc/proc proc create=dir,optional 0 0")
            entries.append("sys dev/.lxc/sys sysfs create=dir,optional 0 0")
        }
        return entries
    }

    /// What may be opened of devices: those a system needs, by type, major and minor number
    /// (Documentation/admin-guide/devices.txt). Making a node is allowed, opening it another matter.
    private static let allowedDevices = [
        "c *:* m", "b *:* m",
        "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",  // null, zero, full, random, urandom
        "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",  // tty, console, ptmx, the terminals
        "c 10:229 rwm", "c 10:200 rwm",  // fuse, net/tun
    ]

    /// The calls no instance may make, not even a privileged one (seccomp(2), in liblxc's format).
    package static let seccompList = """
        2
        denylist
        [all]
        kexec_load errno 1
        kexec_file_load errno 1
        open_by_handle_at errno 1
        init_module errno 1
        finit_module errno 1
        delete_module errno 1

        """

    /// A path as /bin/sh takes it: liblxc runs its hooks through one.
    package static func shellQuoted(_ path: String) -> String {
        // Bytes, not characters: a quote with a combining accent is another character, but still a quote to the shell.
        "'"
            + path.utf8.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }.joined(separator: "'\\''") + "'"
    }
}
