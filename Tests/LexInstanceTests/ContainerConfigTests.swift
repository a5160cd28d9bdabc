import LexAPI
import LexIPC
import LexInstance
import LexStorage
import LexTestKit
import Testing

/// A plan of the instance `web` with this configuration.
func plan(
    _ config: [String: String] = [:], ids: IDMap = IDMap(first: 1_065_536, count: 65536), cpus: [Int]? = nil,
    unified: Bool = true,
    appArmor: Bool = false, memory: Int64 = 8 << 30
) throws -> InstancePlan {
    InstancePlan(
        name: try InstanceName("web"), key: "web", config: Config(config), ids: ids,
        root: .overlay(lowerDirectories: ["/pool/images/f/rootfs"], dataDirectory: "/pool/containers/web"),
        paths: InstancePaths(
            runDirectory: "/run/lexd", logDirectory: "/var/log/lexd", cgroupPrefix: "lexd", key: "web"),
        cpus: cpus, hostMemory: memory, hasUnifiedCgroups: unified, hasAppArmor: appArmor)
}

@Suite struct ContainerConfigTests {
    private func items(
        _ plan: InstancePlan, nics: [ReadyNIC] = [], console: String? = nil
    ) throws -> [LXCItem] {
        try ContainerConfig.items(for: plan, nics: nics, console: console) { _ in true }
    }

    private func lines(_ items: [LXCItem]) -> [String] { items.map { "\($0.key) = \($0.value)" } }

    @Test func disksAreBoundInTheirOrder() throws {
        let base = try plan()
        let disks = [
            InstanceDisk(source: "/pool/custom/default_a", path: "/srv", isMapped: true),
            InstanceDisk(source: "/pool/custom/default_b", path: "/srv/x y\\z", flags: .readOnly, isMapped: false),
            InstanceDisk(source: "/etc/hosts", kind: .file, path: "/h", propagation: .rslave, isMapped: false),
            InstanceDisk(source: "/srv", path: "/z", flags: .recursive, isMapped: false),
        ]
        let node = InstanceNode(path: "/dev/x", kind: .block, major: 7, minor: 1, mode: 0o660, user: 5, group: 65535)
        let found = lines(
            try items(
                InstancePlan(
                    name: base.name, key: base.key, config: base.config, ids: base.ids, root: base.root,
                    disks: disks, nodes: [node],
                    diskLimits: [LiveLimits.throttle("7:1", DiskRates(readBytes: 9, writeOperations: 8))],
                    paths: base.paths, cpus: nil, hostMemory: base.hostMemory, hasUnifiedCgroups: true,
                    hasAppArmor: false)))
        let mounts = "/run/lexd/instances/web/mounts"
        #expect(
            found.filter { $0.contains("/disk") || $0.contains("/nodes") } == [
                "lxc.mount.entry = \(mounts)/disk0 srv none bind,create=dir 0 0",
                "lxc.mount.entry = \(mounts)/disk1 srv/x\\040y\\134z none bind,create=dir 0 0",
                "lxc.mount.entry = \(mounts)/disk2 h none bind,create=file,rslave 0 0",
                "lxc.mount.entry = \(mounts)/disk3 z none rbind,create=dir 0 0",
                "lxc.mount.entry = \(mounts)/nodes/0 dev/x none bind,create=file 0 0",
            ])
        #expect(found.contains("lxc.cgroup2.devices.allow = b 7:1 rwm"))
        #expect(found.contains("lxc.cgroup2.io.max = 7:1 rbps=9 wbps=max riops=max wiops=8"))
        let map = IDMap(first: 5, count: 65536)
        #expect(disks[0].mount(map).ids == map)
        #expect(disks[0].mount(.none).ids.isEmpty, "a privileged instance")
        #expect(disks[1].mount(map).ids.isEmpty && disks[1].mount(map).flags == .readOnly)
        #expect(
            disks[2].mount(map).propagation == .slave && disks[0].mount(map).propagation == .isPrivate)
        let mount = try node.mount(IDMap(first: 1000, count: 65536))
        #expect(mount.user == 1005 && mount.group == 66535)
        #expect(try node.mount(.none).user == 5)
        let foreign = InstanceNode(path: "/d", kind: .char, major: 1, minor: 1, mode: 0, user: 65536, group: 0)
        let refused = #expect(throws: APIError.self) { try foreign.mount(IDMap(first: 1000, count: 65536)) }
        #expect(refused?.status == 400 && refused?.message.contains("uid 65536") == true)
    }

    @Test func rawSettingsComeBehindTheOthers() throws {
        let raw =
            "lxc.cap.drop = sys_ptrace\n# why\n\n lxc.mount.entry=/srv srv none bind,create=dir 0 0\nlxc.apparmor.profile=x"
        let plain = try difference(plan(["raw.lxc": raw])).added
        #expect(
            plain == [
                "lxc.cap.drop = sys_ptrace", "lxc.mount.entry = /srv srv none bind,create=dir 0 0",
            ], "without AppArmor its settings mean nothing")
        let armored = try lines(
            items(plan(["raw.lxc": raw, "raw.apparmor": "deny /x r,\n\n  network,"], appArmor: true)))
        #expect(armored.contains("lxc.apparmor.profile = x"))
        #expect(armored.contains("lxc.apparmor.raw = deny /x r,") && armored.contains("lxc.apparmor.raw = network,"))
        #expect(try difference(plan(["raw.apparmor": "network,"])).added == [])
    }

    @Test func idsOfTheHostAreMapped() throws {
        let map = IDMap(first: 70000, count: 100_000, groups: [IDRange(inside: 5, host: 50, count: 1)])
        let found = try lines(items(plan(ids: map))).filter { $0.hasPrefix("lxc.idmap") }
        #expect(
            found == [
                "lxc.idmap = u 0 70000 100000", "lxc.idmap = g 0 70000 5", "lxc.idmap = g 5 50 1",
                "lxc.idmap = g 6 70006 99994",
            ])
    }

    @Test func oldNamesCountWhereTheNewAreNotSet() throws {
        func list(_ config: [String: String]) throws -> String { try ContainerConfig.seccompList(Config(config)) }
        #expect(try list(["security.syscalls.blacklist_default": "false"]) == "2\ndenylist\n[all]\n")
        #expect(
            try list(["security.syscalls.blacklist_default": "false", "security.syscalls.deny_default": "true"])
                == list([:]))
        #expect(
            try list(["security.syscalls.blacklist": "mknod", "security.syscalls.deny_default": "0"])
                == "2\ndenylist\n[all]\nmknod\n")
        #expect(try list(["security.syscalls.whitelist": "read"]) == "2\nallowlist\n[all]\nread\n")
        #expect(
            try list(["raw.seccomp": "2\ndenylist errno\n[x86_64]\nmknod", "security.syscalls.deny": "read"])
                == "2\ndenylist errno\n[x86_64]\nmknod\n")
        func denies(_ config: [String: String]) throws -> Bool {
            try ContainerConfig.deniesForeignCalls(Config(config))
        }
        #expect(try !denies([:]) && denies(["security.syscalls.deny_compat": "1"]))
        #expect(try denies(["security.syscalls.blacklist_compat": "true"]))
        #expect(
            try !denies(["security.syscalls.blacklist_compat": "true", "security.syscalls.deny_compat": "false"]))
        #expect(
            try lines(items(plan(["security.syscalls.deny_compat": "1"]))).contains("lxc.seccomp.allow_nesting = 1"))
    }

    @Test func settingsAsText() {
        let items = [LXCItem("lxc.uts.name", "web"), LXCItem("lxc.environment", "A=b\nlxc.include = /etc/x")]
        #expect(
            ContainerConfig.text(items) == "lxc.uts.name = web\nlxc.environment = A=b\\nlxc.include = /etc/x\n")
    }

    @Test func anUnprivilegedInstance() throws {
        let nic = ReadyNIC(device: "eth0", peerName: "lexdp1", insideName: "eth0", hostName: "lexdh1")
        let found = lines(
            try items(plan(), nics: [nic], console: "/dev/pts/7"))
        #expect(
            found == [
                "lxc.log.file = /var/log/lexd/web/lxc.log",
                "lxc.log.level = warn",
                "lxc.uts.name = web",
                "lxc.arch = linux64",
                "lxc.idmap = u 0 1065536 65536",
                "lxc.idmap = g 0 1065536 65536",
                "lxc.rootfs.path = dir:/run/lexd/instances/web/mounts/rootfs",
                "lxc.mount.auto = proc:rw sys:rw cgroup:mixed:force",
                "lxc.autodev = 1",
                "lxc.tty.max = 0",
                "lxc.pty.max = 1024",
                "lxc.console.path = none",
                "lxc.mount.entry = /dev/pts/7 dev/console none bind,create=file 0 0",
                "lxc.mount.entry = /run/lexd/instances/web/guest dev/lxd none bind,ro,create=dir 0 0",
                "lxc.mount.entry = /sys/kernel/debug sys/kernel/debug none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/kernel/security sys/kernel/security none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/kernel/tracing sys/kernel/tracing none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/fs/pstore sys/fs/pstore none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/fs/fuse/connections sys/fs/fuse/connections none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/kernel/config sys/kernel/config none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /dev/fuse dev/fuse none bind,create=file,optional 0 0",
                "lxc.mount.entry = /dev/net/tun dev/net/tun none bind,create=file,optional 0 0",
                "lxc.mount.entry = mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0",
                "lxc.seccomp.profile = /run/lexd/instances/web/seccomp",
                "lxc.cgroup.dir.container = lexd.payload.web",
                "lxc.cgroup.dir.monitor = lexd.monitor.web",
                "lxc.cgroup.dir.monitor.pivot = lexd.pivot",
                "lxc.cgroup2.devices.deny = a",
                "lxc.cgroup2.devices.allow = c *:* m",
                "lxc.cgroup2.devices.allow = b *:* m",
                "lxc.cgroup2.devices.allow = c 1:3 rwm",
                "lxc.cgroup2.devices.allow = c 1:5 rwm",
                "lxc.cgroup2.devices.allow = c 1:7 rwm",
                "lxc.cgroup2.devices.allow = c 1:8 rwm",
                "lxc.cgroup2.devices.allow = c 1:9 rwm",
                "lxc.cgroup2.devices.allow = c 5:0 rwm",
                "lxc.cgroup2.devices.allow = c 5:1 rwm",
                "lxc.cgroup2.devices.allow = c 5:2 rwm",
                "lxc.cgroup2.devices.allow = c 136:* rwm",
                "lxc.cgroup2.devices.allow = c 10:229 rwm",
                "lxc.cgroup2.devices.allow = c 10:200 rwm",
                "lxc.net.0.type = phys",
                "lxc.net.0.link = lexdp1",
                "lxc.net.0.name = eth0",
                "lxc.net.0.flags = up",
                "lxc.hook.version = 1",
                "lxc.hook.post-stop = /bin/sh -c 'umask 077; printf %s \"$LXC_TARGET\" >\"$1\"; "
                    + "[ \"$LXC_TARGET\" != reboot ]' sh '\(try plan().paths.stoppedFile)'",
            ])
    }

    /// What another plan has more and less than that one.
    private func difference(_ plan: InstancePlan) throws -> (added: [String], removed: [String]) {
        let usual = lines(try items(try LexInstanceTests.plan()))
        let found = lines(try items(plan))
        return (found.filter { !usual.contains($0) }, usual.filter { !found.contains($0) })
    }

    @Test func aPrivilegedInstance() throws {
        let (added, removed) = try difference(plan(["security.privileged": "true"], ids: .none))
        #expect(
            added == [
                "lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed:force", "lxc.cap.drop = sys_time",
                "lxc.cap.drop = sys_module", "lxc.cap.drop = sys_rawio", "lxc.cap.drop = mac_admin",
                "lxc.cap.drop = mac_override",
            ])
        #expect(
            removed == [
                "lxc.idmap = u 0 1065536 65536", "lxc.idmap = g 0 1065536 65536",
                "lxc.mount.auto = proc:rw sys:rw cgroup:mixed:force",
                "lxc.mount.entry = /sys/kernel/config sys/kernel/config none rbind,create=dir,optional 0 0",
            ])
    }

    @Test func nesting() throws {
        let mounts = [
            "lxc.mount.entry = proc dev/.lxc/proc proc create=dir,optional 0 0",
            "lxc.mount.entry = sys dev/.lxc/sys sysfs create=dir,optional 0 0",
        ]
        #expect(try difference(plan(["security.nesting": "true"])).added == mounts)
        #expect(
            try difference(plan(["security.nesting": "yes"], appArmor: true)).added
                == mounts + [
                    "lxc.apparmor.profile = generated", "lxc.apparmor.raw = mount,", "lxc.apparmor.allow_nesting = 1",
                ])
        #expect(
            try difference(plan(appArmor: true)).added == [
                "lxc.apparmor.profile = generated", "lxc.apparmor.raw = mount,",
            ])
    }

    @Test func whatAPrivilegedInstanceMountsIsListed() throws {
        let added = try difference(plan(["security.privileged": "true"], ids: .none, appArmor: true)).added
        #expect(added.contains("lxc.apparmor.profile = generated"))
        #expect(!added.contains { $0.hasPrefix("lxc.apparmor.raw") })
    }

    @Test func limitsOnBothKindsOfCgroups() throws {
        let config = [
            "limits.memory": "50%", "limits.processes": "500", "limits.cpu.allowance": "25ms/100ms", "limits.cpu": "2",
        ]
        #expect(
            try difference(plan(config, cpus: [0, 1, 3])).added == [
                "lxc.cgroup2.memory.max = 4294967250", "lxc.cgroup2.pids.max = 500",
                "lxc.cgroup2.cpu.max = 25000 100000", "lxc.cgroup2.cpuset.cpus = 0-1,3",
            ])
        let v1 = try lines(items(plan(config, cpus: [0, 1, 3], unified: false)))
        #expect(
            v1.filter { $0.hasPrefix("lxc.cgroup.") && !$0.contains(".devices.") && !$0.contains(".dir.") } == [
                "lxc.cgroup.memory.limit_in_bytes = 4294967250", "lxc.cgroup.pids.max = 500",
                "lxc.cgroup.cpu.cfs_period_us = 100000",
                "lxc.cgroup.cpu.cfs_quota_us = 25000", "lxc.cgroup.cpuset.cpus = 0-1,3",
            ])
        #expect(v1.contains("lxc.cgroup.devices.deny = a") && !v1.contains { $0.hasPrefix("lxc.cgroup2.") })
        // Without limits nothing is written at all.
        #expect(try difference(plan(unified: true)).added.isEmpty)
    }

    @Test func severalInterfaces() throws {
        let nics = (0..<3).map {
            ReadyNIC(device: "d\($0)", peerName: "p\($0)", insideName: "eth\($0)", hostName: "h\($0)")
        }
        let found = lines(try items(plan(), nics: nics)).filter { $0.hasPrefix("lxc.net.") }
        #expect(found.count == 12)
        #expect(
            found.suffix(4) == [
                "lxc.net.2.type = phys", "lxc.net.2.link = p2", "lxc.net.2.name = eth2", "lxc.net.2.flags = up",
            ])
        // None at all is a network of its own with nothing in it, never the host's.
        #expect(lines(try items(plan())).filter { $0.hasPrefix("lxc.net.") } == ["lxc.net.0.type = empty"])
    }

    @Test func environmentIsInOrderAndAsItIs() throws {
        let values = [
            "environment.B": "two words", "environment.A": "", "environment.PATH": "/bin:/usr/bin",
            "environment.Ä": "ü=ö", "environment.Q": "'\"`$(reboot)\\", "user.x": "not this",
        ]
        let found = lines(try items(plan(values))).filter { $0.hasPrefix("lxc.environment") }
        #expect(
            found == [
                "lxc.environment = A=", "lxc.environment = B=two words", "lxc.environment = PATH=/bin:/usr/bin",
                "lxc.environment = Q='\"`$(reboot)\\", "lxc.environment = Ä=ü=ö",
            ])
    }

    /// Whatever stands in a configuration that is taken: it becomes the value of one item, and adds none.
    @Test func noValueAddsAnItem() throws {
        var random = SeededGenerator("configurations")
        let pieces = [
            "x", "=", " ", "\t", "\n", "\r", "\u{0}", "\"", "'", "lxc.mount.entry = / host none bind 0 0", "#", "\\",
            "ü",
            "\u{2028}", "\u{85}", "%n", "${x}",
        ]
        let usual = try items(plan()).count
        var taken = 0
        for _ in 0..<3000 {
            func text() -> String {
                (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "x" }
                    .joined()
            }
            let config = ["environment.\(text())": text(), "user.\(text())": text(), "image.\(text())": text()]
            guard (try? Config<InstanceKeys>(config).validate()) != nil else { continue }
            taken += 1
            let found = try items(plan(config))
            #expect(found.count == usual + 1, "\(config), seed \(random.seed)")
            for item in found {
                let hasBreak =
                    item.key.utf8.contains { $0 < 32 } || item.value.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 }
                #expect(!hasBreak, "\(item), seed \(random.seed)")
            }
        }
        #expect(taken > 20)
    }

    @Test func processLimitsAndSysctls() throws {
        let added = try difference(
            plan([
                "limits.kernel.nofile": "100:200", "limits.kernel.core": "unlimited",
                "linux.sysctl.net.ipv4.ip_forward": "1",
            ])
        ).added
        #expect(
            added == [
                "lxc.prlimit.core = unlimited", "lxc.prlimit.nofile = 100:200", "lxc.sysctl.net.ipv4.ip_forward = 1",
            ])
    }

    @Test func seccompListsOfPeople() throws {
        func lines(_ values: [String: String]) throws -> [String] {
            try ContainerConfig.seccompList(Config(values)).split(separator: "\n").map(String.init)
        }
        let denied = try lines(["security.syscalls.deny": "mknod errno 1\n\n  # a note\n keyctl\n"])
        #expect(denied.contains("kexec_load errno 1") && denied.suffix(2) == ["mknod errno 1", "keyctl"])
        #expect(
            try lines(["security.syscalls.deny_default": "no", "security.syscalls.deny": "keyctl"])
                == ["2", "denylist", "[all]", "keyctl"])
        #expect(try lines(["security.syscalls.allow": "read\nwrite"]) == ["2", "allowlist", "[all]", "read", "write"])
    }

    @Test func interceptedCallsAreThoseNamed() throws {
        func calls(_ values: [String: String]) throws -> InterceptedCalls {
            try ContainerConfig.interceptedCalls(Config(values))
        }
        let prefix = "security.syscalls.intercept."
        #expect(try calls([:]) == [] && calls([prefix + "mknod": "false"]) == [])
        #expect(try calls([prefix + "mknod": "true", prefix + "setxattr": "1"]) == [.mknod, .setxattr])
        #expect(
            try calls([prefix + "sched_setscheduler": "yes", prefix + "sysinfo": "on"]) == [.scheduler, .sysinfo])
        #expect(try calls([prefix + "mknod": "true", "raw.seccomp": "2\ndenylist\n[all]\n"]) == [])
    }

    @Test func theSeccompListNamesWhatNobodyMay() throws {
        let lines = try ContainerConfig.seccompList(Config()).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.prefix(3) == ["2", "denylist", "[all]"] && lines.last == "")
        for call in [
            "kexec_load", "kexec_file_load", "open_by_handle_at", "init_module", "finit_module", "delete_module",
        ] {
            #expect(lines.contains("\(call) errno 1"))
        }
    }

    @Test(
        arguments: [
            ("/usr/lib/x", "'/usr/lib/x'"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("'", "''\\'''"),
            ("$(x) `y` \"z\" \\", "'$(x) `y` \"z\" \\'"), ("a\nb", "'a\nb'"), ("a'\u{301}b", "'a'\\''\u{301}b'"),
        ])
    func shellQuoting(path: String, quoted: String) {
        #expect(Array(ContainerConfig.shellQuoted(path).utf8) == Array(quoted.utf8))
    }

    @Test func pathsFollowFromTheKey() {
        let paths = InstancePaths(runDirectory: "/run/x", logDirectory: "/log", cgroupPrefix: "tag", key: "web")
        let other = InstancePaths(runDirectory: "/run/x", logDirectory: "/log", cgroupPrefix: "tag", key: "web2")
        #expect(paths.runFile == "/run/x/instances/web/processes" && paths.lxcLog == "/log/web/lxc.log")
        #expect(paths.payloadGroup == "tag.payload.web" && paths.monitorGroup == "tag.monitor.web")
        // Shared by all; everything else is one instance's.
        #expect(paths.lxcPath == other.lxcPath && paths.pivotGroup == other.pivotGroup)
        #expect(paths.run != other.run && paths.lockFile != other.lockFile && paths.stoppedFile != other.stoppedFile)
    }
}
