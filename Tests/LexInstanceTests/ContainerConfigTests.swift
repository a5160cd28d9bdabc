import LexAPI
import LexIPC
import LexInstance
import LexStorage
import LexTestKit
import Testing

/// A plan of the instance `web` with this configuration.
func plan(
    _ config: [String: String] = [:], firstID: UInt32? = 1_065_536, cpus: [Int]? = nil, unified: Bool = true,
    appArmor: Bool = false, memory: Int64 = 8 << 30
) throws -> InstancePlan {
    InstancePlan(
        name: try InstanceName("web"), key: "web", config: Config(config), firstID: firstID,
        root: RootSource(lowerDirectories: ["/pool/images/f/rootfs"], dataDirectory: "/pool/containers/web"),
        paths: InstancePaths(
            runDirectory: "/run/lexd", logDirectory: "/var/log/lexd", cgroupPrefix: "lexd", key: "web"),
        cpus: cpus, hostMemory: memory, hasUnifiedCgroups: unified, hasAppArmor: appArmor)
}

@Suite struct ContainerConfigTests {
    private func items(
        _ plan: InstancePlan, nics: [ReadyNIC] = [], console: String? = nil
    ) throws -> [LXCItem] {
        try ContainerConfig.items(for: plan, nics: nics, console: console)
    }

    private func lines(_ items: [LXCItem]) -> [String] { items.map { "\($0.key) = \($0.value)" } }

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
                "lxc.mount.auto = proc:rw sys:rw cgroup:mixed",
                "lxc.autodev = 1",
                "lxc.tty.max = 0",
                "lxc.pty.max = 1024",
                "lxc.console.path = none",
                "lxc.mount.entry = /dev/pts/7 dev/console none bind,create=file 0 0",
                "lxc.mount.entry = /sys/kernel/debug sys/kernel/debug none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/kernel/security sys/kernel/security none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/kernel/tracing sys/kernel/tracing none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/fs/pstore sys/fs/pstore none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /sys/fs/fuse/connections sys/fs/fuse/connections none rbind,create=dir,optional 0 0",
                "lxc.mount.entry = /proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc none rbind,create=dir,optional 0 0",
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
        let (added, removed) = try difference(plan(["security.privileged": "true"], firstID: nil))
        #expect(
            added == [
                "lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed", "lxc.cap.drop = sys_time",
                "lxc.cap.drop = sys_module", "lxc.cap.drop = sys_rawio", "lxc.cap.drop = mac_admin",
                "lxc.cap.drop = mac_override",
            ])
        #expect(
            removed == [
                "lxc.idmap = u 0 1065536 65536", "lxc.idmap = g 0 1065536 65536",
                "lxc.mount.auto = proc:rw sys:rw cgroup:mixed",
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
                == mounts + ["lxc.apparmor.profile = generated", "lxc.apparmor.allow_nesting = 1"])
        #expect(try difference(plan(appArmor: true)).added == ["lxc.apparmor.profile = generated"])
    }

    @Test func limitsOnBothKindsOfCgroups() throws {
        let config = [
            "limits.memory": "50%", "limits.processes": "500", "limits.cpu.allowance": "25ms/100ms", "limits.cpu": "2",
        ]
        #expect(
            try difference(plan(config, cpus: [0, 1, 3])).added == [
                "lxc.cgroup2.memory.max = 4294967250", "lxc.cgroup2.pids.max = 500", "lxc.cgroup2.cpu.weight = 100",
                "lxc.cgroup2.cpu.max = 25000 100000", "lxc.cgroup2.cpuset.cpus = 0-1,3",
            ])
        let v1 = try lines(items(plan(config, cpus: [0, 1, 3], unified: false)))
        #expect(
            v1.filter { $0.hasPrefix("lxc.cgroup.") && !$0.contains(".devices.") && !$0.contains(".dir.") } == [
                "lxc.cgroup.memory.limit_in_bytes = 4294967250", "lxc.cgroup.pids.max = 500",
                "lxc.cgroup.cpu.shares = 1024", "lxc.cgroup.cpu.cfs_period_us = 100000",
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

    @Test func theSeccompListNamesWhatNobodyMay() {
        let lines = ContainerConfig.seccompList.split(separator: "\n", omittingEmptySubsequences: false)
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
