import Testing

@testable import LexAPI

/// What each key takes and refuses. A key that is not in its table fails ``ConfigKeyTests/everyKeyIsInATable()``.
struct Sample {
    var valid: [String]
    var invalid: [String]
    /// Whether the value may have more than one line.
    var hasLines = false

    static let bool = Sample(
        valid: ["true", "FALSE", "1", "0", "yes", "No", "on", "off"],
        invalid: ["2", "t", "truee", " true", "true ", "истина", "-1", "null"])
    /// One line of text without further rules.
    static let line = Sample(valid: ["x", "ü 漢字 🚀", "a=b", String(repeating: "x", count: 10_240)], invalid: [])
    static let interface = Sample(
        valid: ["eth0", "a1", "br-1_x.y", "123456789012345"],
        invalid: ["a", "1234567890123456", "eth 0", "eth/0", "..", "ëth0", "eth0:1", "a%d"])
    static let domain = Sample(
        valid: ["lexd", "web.example", "a-b.c"],
        invalid: ["-a", "a..b", ".a", "a.", "a_b", "a b", "ä", "a/b", String(repeating: "a.", count: 130) + "a"])
    static let order = Sample(valid: ["before", "after"], invalid: ["Before", "x"])
    static let action = Sample(valid: ["allow", "drop", "reject"], invalid: ["accept", "Allow", "x"])
    static let expiry = Sample(
        valid: ["1h", "120", "2m", "36h", "7d", "1w", "infinite"],
        invalid: ["1", "119s", "1m", "1x", "h", "-1h", "1.5h", "4294967295w", "forever"])
    static let mac = Sample(
        valid: ["00:16:3e:12:34:56", "AA:bb:CC:dd:EE:ff", "02:00:00:00:00:00"],
        invalid: [
            "01:16:3e:12:34:56", "00:16:3e:12:34", "00:16:3e:12:34:56:78", "00-16-3e-12-34-56", "0:16:3e:12:34:56",
            "+1:16:3e:12:34:56", "00:16:3e:12:34:5g", "00:16:3e:12:34:٥٦", ":::::", "",
        ])
}

private let instanceSamples: [String: Sample] = [
    "limits.cpu": Sample(
        valid: ["1", "64", "4096", "0-1,3", "2-2", "0", "3,1,1"].filter { $0 != "0" },
        invalid: [
            "0", "4097", "-1", "1-", "-", "3-1", "a", "0-4096", "1,,2", "+1", "+1-2", "99999999999999999999", "1 ,2",
        ]),
    "limits.cpu.allowance": Sample(
        valid: ["1%", "100%", "25ms/100ms", "2000ms/100ms", "1ms/1ms"],
        invalid: [
            "0%", "101%", "%", "50", "25/100", "25ms", "0ms/100ms", "1ms/1001ms", "1ms/0ms", "-1ms/1ms", "1s/1s",
            "9223372036854775807ms/1ms", "1ms/1ms/1ms",
        ]),
    "limits.memory": Sample(
        valid: ["1", "512MiB", "1GB", "100%", "1%", "8EiB", "7EiB"].filter { $0 != "8EiB" },
        invalid: [
            "0", "0%", "101%", "-1", "8EiB", "9223372036854775808", "10EB", "1 GiB", "1gib", "MiB", "%", "1.5GiB",
            "١GiB",
        ]),
    "limits.processes": Sample(
        valid: ["1", "4194304"], invalid: ["0", "-1", "4194305", "1.5", "x", "9223372036854775808"]),
    "limits.cpu.priority": .priority, "limits.disk.priority": .priority, "limits.memory.swap.priority": .priority,
    "limits.network.priority": .priority,
    "limits.memory.swap": .bool,
    "limits.memory.enforce": Sample(valid: ["hard", "soft"], invalid: ["Hard", "x", "true"]),
    "security.protection.delete": .bool, "security.protection.shift": .bool, "security.syscalls.deny_default": .bool,
    "security.syscalls.deny": .calls, "security.syscalls.allow": .calls,
    "limits.cpu.nodes": Sample(
        valid: ["0", "0-1,3"], invalid: ["-1", "a", "1-0", "", "4096", "+1"].filter { !$0.isEmpty }),
    "limits.hugepages.64KB": .size, "limits.hugepages.1MB": .size, "limits.hugepages.2MB": .size,
    "limits.hugepages.1GB": .size,
    "security.idmap.isolated": .bool, "security.idmap.base": .ids, "security.idmap.size": .ids,
    "security.syscalls.deny_compat": .bool, "security.syscalls.blacklist": .calls,
    "security.syscalls.blacklist_compat": .bool, "security.syscalls.blacklist_default": .bool,
    "security.syscalls.whitelist": .calls,
    "security.syscalls.intercept.mknod": .bool, "security.syscalls.intercept.setxattr": .bool,
    "security.syscalls.intercept.bpf": .bool, "security.syscalls.intercept.bpf.devices": .bool,
    "security.syscalls.intercept.sched_setscheduler": .bool, "security.syscalls.intercept.sysinfo": .bool,
    "security.syscalls.intercept.mount": .bool, "security.syscalls.intercept.mount.shift": .bool,
    "security.syscalls.intercept.mount.allowed": Sample(
        valid: ["ext4", "ext4,btrfs,xfs", "fuse-x_1"],
        invalid: [
            "ext4,", ",", "ext4, xfs", "EXT4", "ext4,ext4", "../ext4", "fuse.x", "ext4=x", "é",
            String(repeating: "x", count: 33), (0...64).map { "f\($0)" }.joined(separator: ","),
        ]),
    "security.syscalls.intercept.mount.fuse": Sample(
        valid: ["ext4=fuse2fs", "ext4=/usr/bin/fuse2fs,ntfs=ntfs-3g"],
        invalid: [
            "ext4", "ext4=", "=fuse2fs", "ext4=a,ext4=b", "ext4=a b", "ext4=../a", "ext4=usr/bin/a", "ext4=/a//b",
            "ext4=/usr/../a", "ext4=-o", "ext4=/bin/-x", "ext4=$(id)", "ext4=a;b", "ext4=a=b", "ext4=ü", "ext4=/",
            "ext4=" + String(repeating: "x", count: 256),
        ]),
    "raw.lxc": Sample(
        valid: [
            "lxc.environment = A=b", "# why\nlxc.cap.drop=sys_time\n\n", "lxc.cgroup2.memory.high = 1G",
            "lxc.cgroup.devices.allow = c 10:200 rwm", "lxc.cgroup.devices.allow = c *:* m",
        ],
        invalid: [
            "x", "lxc.cap.drop", "lxc.cap.drop =", "=x", "lxc.hook.pre-start = /bin/sh", "lxc.rootfs.path = /",
            "lxc.idmap = u 0 0 1", "lxc.net.0.type = none", "lxc.include = /etc/passwd", "lxc.log.file = /etc/x",
            "lxc.cgroup.dir = x", "lxc.cgroup.dir.container = x", "lxc.cgroup. = x", "lxc.console.path = /x",
            "lxc.cgroup.devices.allow = a", "lxc.cgroup2.devices.allow = b *:* rwm", "lxc.namespace.share.net = 1",
            "lxc.seccomp.profile = /x", "lxc.environment = a\u{7}", "lxc.environment = a\u{0}", "lxc.apparmor.profile",
            "lxc.mount.auto = sys:rw", "lxc.execute.cmd = x", "LXC.cap.drop = x", "lxc.environmentx = a",
            String(repeating: "lxc.environment = a=b\n", count: 201),
            "lxc.environment = " + String(repeating: "x", count: 10_240),
        ], hasLines: true),
    "raw.idmap": Sample(
        valid: [
            "both 1000 1000", "uid 50-60 500-510\ngid 100000-110000 10000-20000", "uid 1 0\ngid 1 0", "both\t7\t7\n",
        ],
        invalid: [
            "both 0 0", "both 1000", "user 1 1", "both 1-2 1", "both 2-1 2-1", "both -1 1", "both +1 1", "both 1 1 1",
            "both 4294967295 1", "both 1 4294967295", "both 1 99999999999", "uid 5 5\nboth 5 6",
            "uid 5-9 5-9\nuid 10 7",
            "both a b", "both 1 1\u{0}", "#",
        ], hasLines: true),
    "raw.seccomp": Sample(
        valid: ["2\ndenylist\n[all]\nmknod errno 1", "1\nallowlist\n0\n1", "2\nblacklist errno\n# why\n[x86]\nopen"],
        invalid: [
            "2", "2\ndenylist", "3\ndenylist\nopen", "2\nx\nopen", "2\ndenylist\n../x", "2\ndenylist x\nopen",
            "2\ndenylist\n0", "denylist\nopen\nread",
        ], hasLines: true),
    "raw.apparmor": Sample(
        valid: ["deny /x r,", "# why\nnetwork,\nprofile x {\n  /y r,\n}"],
        invalid: ["}", "{", "} profile x {", "/x r,\u{1}", "# nothing", String(repeating: "x", count: 4097)],
        hasLines: true),
    "nvidia.runtime": .bool, "nvidia.driver.capabilities": .line, "nvidia.require.cuda": .line,
    "nvidia.require.driver": .line,
    "migration.incremental.memory": .bool, "migration.stateful": .bool,
    "migration.incremental.memory.goal": Sample(valid: ["0", "70", "100"], invalid: ["-1", "101", "70%", "x"]),
    "migration.incremental.memory.iterations": Sample(valid: ["1", "999"], invalid: ["0", "1000", "-1", "x"]),
    "cluster.evacuate": Sample(valid: ["auto", "migrate", "live-migrate", "stop"], invalid: ["Auto", "no", "x"]),
    "volatile.evacuate.origin": .line,
    "linux.kernel_modules": Sample(
        valid: ["fuse", "nf_nat, ip6-tables,x"], invalid: ["a,,b", ",", "-r", "a b", "../x", "ä", "a,-f"]),
    "security.privileged": .bool, "security.nesting": .bool, "security.devlxd": .bool,
    "security.devlxd.images": .bool, "boot.autostart": .bool,
    "boot.autostart.priority": Sample(valid: ["0", "10", "-3"], invalid: ["x", "1.5", "99999999999999999999"]),
    "boot.autostart.delay": Sample(valid: ["0", "30", "86400"], invalid: ["-1", "86401", "5s"]),
    "boot.stop.priority": Sample(valid: ["0", "10", "-3"], invalid: ["x", "1.5", "99999999999999999999"]),
    "boot.host_shutdown_timeout": Sample(valid: ["0", "30", "86400"], invalid: ["-1", "86401", "30s", "1e3"]),
    "volatile.apply_template": .line, "volatile.base_image": .line, "volatile.cloud-init.instance-id": .line,
    "snapshots.expiry": Sample(valid: ["1d", "2w 1H", "3m 1y"], invalid: ["1x", "d", "-1d", "1.5H"]),
    "snapshots.pattern": .pattern, "snapshots.schedule": .schedule, "snapshots.schedule.stopped": .bool,
    "volatile.idmap.base": Sample(valid: ["0", "1065536"], invalid: ["x", "1.0", "99999999999999999999"]),
    "volatile.idmap.current": .line, "volatile.idmap.next": .line, "volatile.last_state.idmap": .line,
    "volatile.last_state.power": .line, "volatile.last_state.ready": .line, "volatile.uuid": .line,
]

private let serverSamples: [String: Sample] = [
    "core.shutdown_timeout": Sample(valid: ["0", "5", "1440"], invalid: ["-1", "1441", "5m", "5.0"]),
    "core.proxy_http": .proxy, "core.proxy_https": .proxy, "core.proxy_ignore_hosts": .line,
    "core.https_address": .address, "core.https_allowed_credentials": .bool, "core.https_allowed_headers": .line,
    "core.https_allowed_methods": .line, "core.https_allowed_origin": .line, "core.https_trusted_proxy": .line,
    "core.metrics_address": .address, "core.metrics_authentication": .bool, "core.remote_token_expiry": .span,
    "core.trust_ca_certificates": .bool, "core.trust_password": .line, "core.bgp_address": .address,
    "core.bgp_asn": Sample(valid: ["1", "65000", "4294967294"], invalid: ["0", "-1", "4294967295", "x"]),
    "core.bgp_routerid": Sample(valid: ["10.0.0.1"], invalid: ["10.0.0", "fd42::1", "x"]),
    "core.debug_address": .address, "core.dns_address": .address,
    "images.auto_update_cached": .bool,
    "images.auto_update_interval": Sample(valid: ["0", "6", "87600"], invalid: ["-1", "87601", "x", "6h"]),
    "images.compression_algorithm": .compression,
    "images.default_architecture": Sample(
        valid: ["x86_64", "aarch64", "riscv64"], invalid: ["amd64", "X86_64", "x86_64 ", "x"]),
    "images.remote_cache_expiry": Sample(valid: ["0", "10", "36500"], invalid: ["-1", "36501", "x", "10d"]),
    "backups.compression_algorithm": .compression, "storage.backups_volume": .volume, "storage.images_volume": .volume,
    "network.ovn.integration_bridge": .line, "network.ovn.northbound_connection": .line,
    "cluster.https_address": .address,
    "cluster.images_minimal_replica": Sample(valid: ["-1", "1", "3"], invalid: ["0", "-2", "x"]),
    "cluster.join_token_expiry": .span,
    "cluster.max_standby": Sample(valid: ["0", "5"], invalid: ["-1", "6", "x"]),
    "cluster.max_voters": Sample(valid: ["3", "5"], invalid: ["1", "2", "4", "-3", "x"]),
    "cluster.offline_threshold": Sample(valid: ["11", "20"], invalid: ["10", "-1", "x"]),
    "candid.api.key": .line, "candid.api.url": .line, "candid.domains": .line,
    "candid.expiry": Sample(valid: ["1", "3600"], invalid: ["0", "-1", "x"]),
    "rbac.api.key": .line, "rbac.api.url": .line, "rbac.agent.url": .line, "rbac.agent.username": .line,
    "rbac.api.expiry": Sample(valid: ["1", "3600"], invalid: ["0", "-1", "x"]),
    "rbac.agent.public_key": .line, "rbac.agent.private_key": .line,
    "maas.api.key": .line, "maas.api.url": .line, "maas.machine": .line,
]

extension Sample {
    fileprivate static let room = Sample(valid: ["1", "10MiB", "1GB"], invalid: ["0", "-1", "1.5GiB", "big", "8EiB"])
    fileprivate static let size = Sample(
        valid: ["0", "1", "2MiB", "1GB"], invalid: ["-1", "1 MiB", "x", "1.5GiB", "9223372036854775808", "10EB"])
    fileprivate static let ids = Sample(
        valid: ["1", "65536", "1065536"], invalid: ["0", "-1", "4294836224", "x", "1.5", "0x10"])
    fileprivate static let priority = Sample(valid: ["0", "10"], invalid: ["-1", "11", "x", "1.5"])
    fileprivate static let calls = Sample(
        valid: ["mknod", "mknod errno 1\n# why\nkeyctl", "socket errno 1 [0,16,SCMP_CMP_EQ]"],
        invalid: ["[all]", "2", "reject_force_umount\n../x", "ä", "a;b", String(repeating: "x", count: 257)],
        hasLines: true)
    fileprivate static let pattern = Sample(
        // Names of any script are names; what is none is asked in SnapshotPatternTests.
        valid: ["snap%d", "backup", "{{ creation_date|date:'2006-01-02' }}"], invalid: [])
    fileprivate static let schedule = Sample(
        valid: ["@daily", "@never", "@hourly, @startup", "*/5 2 * * mon-fri", "0 6 1,15 * *"],
        invalid: ["@nope", "* * *", "61 * * * *", "daily", "@daily;@hourly"])
    fileprivate static let proxy = Sample(
        valid: ["http://proxy.example:3128", "proxy.example"], invalid: ["a b", "http://ä.example", "a\tb"])
    fileprivate static let address = Sample(
        valid: [":8443", "192.0.2.1", "192.0.2.1:8443", "[::]", "[::1]:8443", "::1", "host.example:0"],
        invalid: [":", "192.0.2.1:65536", "[::1", "[]:1", "[::1]x", "a b", "host:port", "ä:1", "/run/x"])
    fileprivate static let span = Sample(
        valid: ["5M", "3H", "1d 12H", "2w", "1m", "1y", "30S"], invalid: ["5", "5x", "M", "-5M", "5M 3M", "5.5H", " "])
    fileprivate static let compression = Sample(
        valid: ["bzip2", "gzip", "lzma", "none", "xz", "zstd"], invalid: ["GZIP", "zip", "gzip -9", "7z"])
    fileprivate static let volume = Sample(
        valid: ["default/images"], invalid: ["default", "default/", "/images", "a/b/c", "/"])
}

private let diskSamples: [String: Sample] = [
    "type": .line, "path": .line, "pool": .line, "readonly": .bool, "boot.priority": .id, "size": .room,
    "size.state": Sample(valid: ["0", "1GiB"], invalid: ["-1", "x"]), "required": .bool, "optional": .bool,
    "propagation": .propagation, "raw.mount.options": .mountOptions,
]
.merging(limitSamples) { $1 }

private let limitSamples: [String: Sample] = ["limits.read": .rate, "limits.write": .rate, "limits.max": .rate]

private let volumeDiskSamples: [String: Sample] = [
    "type": .line, "pool": .line, "source": .line, "path": .place, "readonly": .bool, "required": .bool,
    "propagation": .propagation, "raw.mount.options": .mountOptions, "boot.priority": .id,
].merging(limitSamples) { $1 }

private let hostDiskSamples: [String: Sample] = [
    "type": .line, "path": .place, "readonly": .bool, "required": .bool, "optional": .bool, "recursive": .bool,
    "shift": .bool, "propagation": .propagation, "raw.mount.options": .mountOptions, "boot.priority": .id,
    "source": Sample(
        valid: ["/", "/srv/x y", "/ü/漢字", "/a/../b", "tmpfs:"],
        invalid: [
            "srv", "./x", " /x", "/a\tb", "/a\u{7f}", "tmpfs", "tmpfs:x", "ceph:a/b", "cephfs:a/b", "cloud-init:config",
        ]),
    "size": .room,
].merging(limitSamples) { $1 }

private let ownerSamples: [String: Sample] = [
    "uid": .id, "gid": .id,
    "mode": Sample(
        valid: ["0", "660", "0660", "07777"],
        invalid: ["8", "0888", "10000", "17777", "rw-", "-1", "+660", "0o660", "000660"]),
]

private let unixSamples: [String: Sample] = [
    "type": .line, "path": .place, "required": .bool,
    "source": Sample(valid: ["/dev/ttyS0", "/x"], invalid: ["dev/x", "x", " /x", "/a\u{1}b"]),
    "major": Sample(valid: ["0", "4095"], invalid: ["-1", "4096", "x", "1.0", "0x1"]),
    "minor": Sample(valid: ["0", "1048575"], invalid: ["-1", "1048576", "x"]),
].merging(ownerSamples) { $1 }

private let hardwareSamples: [String: Sample] = [
    "type": .line, "required": .bool, "vendorid": .hardware, "productid": .hardware,
].merging(ownerSamples) { $1 }

private let gpuSamples: [String: Sample] = [
    "type": .line, "vendorid": .hardware, "productid": .hardware, "id": .id,
    "gputype": Sample(valid: ["physical"], invalid: ["mdev", "Physical", "x"]),
    "pci": Sample(
        valid: ["0000:01:00.0", "01:00.0", "ABCD:ef:1f.7"],
        invalid: ["1:00.0", "0000:01:00", "0000:01:00:0", "000g:01:00.0", "0000.01.00.0", "0000:01:00.0\n"]),
].merging(ownerSamples) { $1 }

extension Sample {
    fileprivate static let id = Sample(
        valid: ["0", "4294967295"], invalid: ["-1", "4294967296", "x", "1.5", "0x1", "99999999999999999999"])
    fileprivate static let rate = Sample(
        valid: ["0", "10MiB", "1000", "10iops", "4294967295iops"],
        invalid: ["-1", "fast", "1.5MB", "iops", "-1iops", "+1iops", "1 iops", "4294967296iops", "10IOPS", "8EiB"])
    fileprivate static let place = Sample(valid: ["/data", "data", "/a b/ü"], invalid: [])
    fileprivate static let propagation = Sample(
        valid: ["private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"],
        invalid: ["Private", "x", "true", "rx"])
    fileprivate static let mountOptions = Sample(
        valid: ["ro", "noexec,nosuid", "uid=5,errors=remount-ro"],
        invalid: ["a b", "ü", "a,\u{1}", Array(repeating: "a", count: 65).joined(separator: ",")])
    fileprivate static let hardware = Sample(
        valid: ["046d", "10DE", "0000"], invalid: ["46d", "0x46d", "046dd", "xyzw", "-046", "+46d"])
}

private let bridgeSamples: [String: Sample] = [
    "ipv4.address": Sample(
        valid: ["none", "auto", "10.0.3.1/24", "10.255.255.254/8", "10.0.3.2/30"],
        invalid: [
            "10.0.3.1", "10.0.3.0/24", "10.0.3.255/24", "10.0.3.1/31", "10.0.3.1/7", "10.0.3.1/+24", "None", "x",
            "10.0.3.1/99999999999",
        ]),
    "ipv4.nat": .bool, "ipv4.dhcp": .bool, "ipv4.firewall": .bool, "ipv4.routing": .bool,
    "ipv4.nat.address": Sample(valid: ["192.0.2.7"], invalid: ["fd42::1", "192.0.2.0/24", "x"]),
    "ipv4.nat.order": .order, "ipv6.nat.order": .order,
    "ipv4.dhcp.expiry": .expiry, "ipv6.dhcp.expiry": .expiry,
    "ipv4.dhcp.gateway": Sample(valid: ["10.0.3.254"], invalid: ["fd42::1", "10.0.3.254/24", "x"]),
    "ipv4.dhcp.ranges": Sample(
        valid: ["10.0.3.10-10.0.3.20", "10.0.3.10-10.0.3.20, 10.0.3.30-10.0.3.40"],
        invalid: ["10.0.3.20-10.0.3.10", "10.0.3.10-", "-10.0.3.10", "fd42::1-fd42::2", "10.0.3.1-10.0.3.2,", "x-y"]),
    "ipv4.routes": Sample(
        valid: ["10.9.0.0/24", "10.9.0.0/24,10.8.0.0/16"], invalid: ["10.9.0.1/24", "10.9.0.1", "fd42::/64", ",", "x"]),
    "ipv4.ovn.ranges": Sample(valid: [], invalid: ["10.0.3.10-10.0.3.20"]),
    "ipv6.address": Sample(
        valid: ["none", "auto", "fd42:1:2:3::1/64", "2001:db8::1/64", "fd42::1/48", "fd42::1/80"],
        invalid: [
            "fd42::1", "fd42::1/127", "fd42::/64", "fd42:::1/64", "fd42::1::2/64", "::ffff:1.2.3.4/64", "g::1/64",
            "fe80::1%eth0/64",
        ]),
    "ipv6.nat": .bool, "ipv6.dhcp": .bool, "ipv6.dhcp.stateful": .bool, "ipv6.firewall": .bool,
    "ipv6.routing": .bool,
    "ipv6.nat.address": Sample(valid: ["2001:db8::7"], invalid: ["192.0.2.7", "2001:db8::/64", "x"]),
    "ipv6.dhcp.ranges": Sample(
        valid: ["fd42::10-fd42::20"], invalid: ["fd42::20-fd42::10", "10.0.3.1-10.0.3.2", "fd42::1-", "x"]),
    "ipv6.routes": Sample(valid: ["fd42:9::/64"], invalid: ["fd42:9::1/64", "10.9.0.0/24", "x"]),
    "ipv6.ovn.ranges": Sample(valid: [], invalid: ["fd42::10-fd42::20"]),
    "dns.domain": .domain,
    "dns.mode": Sample(valid: ["managed", "dynamic", "none"], invalid: ["Managed", "x"]),
    "dns.search": Sample(valid: ["a.b", "a.b, c"], invalid: ["a b", "a,,b", "a..b"]),
    "bridge.mtu": Sample(valid: ["1280", "9000", "65535"], invalid: ["1279", "65536", "-1500"]),
    "bridge.driver": Sample(valid: ["native"], invalid: ["openvswitch", "x"]),
    "bridge.mode": Sample(valid: ["standard"], invalid: ["fan", "x"]),
    "bridge.hwaddr": .mac, "volatile.bridge.hwaddr": .mac,
    "bridge.external_interfaces": Sample(
        valid: ["eth1", "eth1,eth2", "eth1, eth2"], invalid: ["eth1,", "eth1 eth2", "e/1", "1234567890123456"]),
    "raw.dnsmasq": Sample(
        valid: [
            "dhcp-option=6,1.1.1.1", "# a word\n\n  server=/lan/10.0.0.1\nno-resolv\n",
            "txt-record=example.com,\"v=spf1 a -all\"",
        ],
        invalid: [
            "dhcp-script=/bin/sh", "conf-file=/etc/passwd", "server=10.0.0.1\nconf-dir=/tmp", "log-facility=/etc/x",
            "user=root", "group=root", "pid-file=/x", "dhcp-leasefile=/x", "dhcp-luascript=/x",
            "addn-hosts=/etc/shadow",
            "enable-tftp", "tftp-root=/", "resolv-file=/x", "servers-file=/x", "hostsdir=/x", "dhcp-hostsfile=/x",
            "dumpfile=/x", "dnssec-timestamp=/x", "interface=eth0", "listen-address=0.0.0.0", "port=54",
            "bind-interfaces",
            "ipset=/x/y", "enable-dbus", "no-daemon", "DHCP-OPTION=6,1.1.1.1", "dhcp-option =6\nuser=x", "--server=x",
            "server=x\u{1}", "read-ethers", "leasefile-ro", "script-arp", "dhcp-scriptuser=root", "x=",
        ]),
    "security.acls": Sample(valid: ["web", "web,db", "web, db-1"], invalid: ["1x", "a_b", "web,", "@internal"]),
    "security.acls.default.ingress.action": .action, "security.acls.default.egress.action": .action,
    "security.acls.default.ingress.logged": .bool, "security.acls.default.egress.logged": .bool,
]

private let poolSamples: [String: Sample] = [
    "source": Sample(valid: ["/srv/pool", "/ü"], invalid: ["srv", "./x", " /x"]), "volatile.initial_source": .line,
    "rsync.bwlimit": Sample(valid: ["10MiB", "1000"], invalid: ["fast", "-1", "1.5MB"]), "rsync.compression": .bool,
    "volume.size": .room, "volume.security.shifted": .bool, "volume.security.unmapped": .bool,
    "volume.snapshots.expiry": Sample(valid: ["1d", "2w 1H", "3m 1y"], invalid: ["1x", "d", "-1d", "1.5H"]),
    "volume.snapshots.pattern": .pattern, "volume.snapshots.schedule": .schedule,
]

/// Holds every key of a set against its samples.
func checkSamples<Keys: ConfigKeySet>(_: Keys.Type, _ samples: [String: Sample]) {
    #expect(Set(Config<Keys>.keys.map(\.name)) == Set(samples.keys), "\(Keys.self)")
    for key in Config<Keys>.keys {
        guard let sample = samples[key.name] else { continue }
        for value in sample.valid {
            #expect(throws: Never.self, "\(key.name)=\(clipped(value))") {
                try Config<Keys>.validate(key.name, value)
            }
        }
        // What no key takes but one for free text: more than one line, or a byte no file of the kernel takes.
        let broken = ["\n", "1\r\n", "x\u{0}", "1\u{0}", "\r"]
        let lines = sample.hasLines ? broken : broken + ["a\nb", "true\n"]
        let long = sample.invalid.isEmpty ? [] : [String(repeating: "9", count: 10_240), "漢字", "👩‍👩‍👧‍👦"]
        for value in sample.invalid + lines + long where !value.isEmpty {
            let error = #expect(throws: APIError.self, "\(key.name)=\(clipped(value))") {
                try Config<Keys>.validate(key.name, value)
            }
            guard let error else { continue }
            #expect(error.status == 400)
            #expect(error.message.contains("\"\(key.name)\"") && error.message.contains(" must be "))
            #expect(error.message.utf8.count < 700, "an error echoes \(error.message.utf8.count) bytes")
        }
        // An empty value unsets and is always fine.
        #expect(throws: Never.self) { try Config<Keys>.validate(key.name, "") }
    }
}

@Suite struct ConfigKeyTests {
    private func check<Keys: ConfigKeySet>(_ keys: Keys.Type, _ samples: [String: Sample]) {
        checkSamples(keys, samples)
    }

    @Test func everyKeyIsInATable() {
        check(InstanceKeys.self, instanceSamples)
        check(ServerKeys.self, serverSamples)
        check(DiskKeys.self, diskSamples)
        check(VolumeDiskKeys.self, volumeDiskSamples)
        check(HostDiskKeys.self, hostDiskSamples)
        check(UnixKeys.self, unixSamples)
        check(UnixHotplugKeys.self, hardwareSamples)
        check(USBKeys.self, hardwareSamples)
        check(GPUKeys.self, gpuSamples)
        check(BridgeKeys.self, bridgeSamples)
        check(OverlayPoolKeys.self, poolSamples)
    }

    /// Every name declared in a set, as often as it is declared; the table itself would hide a second one.
    private func declared(_ value: Any) -> [any AnyConfigKey] {
        Mirror(reflecting: value).children.flatMap { child -> [any AnyConfigKey] in
            if let key = child.value as? any AnyConfigKey { return [key] }
            return child.value is any ConfigKeySet ? declared(child.value) : []
        }
    }

    @Test func declarationsAreWhole() throws {
        for set in [
            VolumeDiskKeys(), HostDiskKeys(), UnixKeys(), UnixHotplugKeys(), USBKeys(), GPUKeys(), InstanceKeys(),
            ServerKeys(), DiskKeys(), NICKeys(), RoutedNICKeys(), ProxyKeys(), BridgeKeys(), OverlayPoolKeys(),
        ]
            as [any ConfigKeySet]
        {
            var names: Set<String> = []
            for key in declared(set) {
                #expect(names.insert(key.name).inserted, "\(key.name) is declared twice in \(type(of: set))")
                #expect(key.summary.hasSuffix(".") && key.summary.count > 10, "\(key.name) has no summary")
                #expect(key.name.utf8.allSatisfy { $0 > 32 && $0 < 127 })
                // A default that cannot be read would silently be none.
                if let text = key.defaultText { #expect(throws: Never.self, "\(key.name)") { try key.validate(text) } }
            }
            for family in families(set) {
                #expect(family.prefix.hasSuffix(".") && family.summary.hasSuffix("."), "\(family.prefix)")
                #expect(family.isOpen || !family.members.isEmpty, "\(family.prefix)")
                for member in family.members {
                    #expect(family.accepts(member.name.replacing("NAME", with: "x")), "\(family.prefix)\(member.name)")
                    #expect(member.summary.hasSuffix("."), "\(family.prefix)\(member.name)")
                    #expect(names.insert(family.prefix + member.name).inserted, "\(family.prefix)\(member.name)")
                }
            }
        }
    }

    /// What can be named is named: tools complete by it.
    @Test(arguments: [
        (
            "instance",
            [
                "as", "core", "cpu", "data", "fsize", "locks", "memlock", "nice", "nofile", "nproc", "rtprio",
                "sigpending",
            ].map { "limits.kernel.\($0)" }
        ),
        (
            "instance",
            [
                "cloud-init.user-data", "cloud-init.vendor-data", "cloud-init.network-config", "user.user-data",
                "user.meta-data", "user.*", "environment.*", "linux.sysctl.*", "volatile.NAME.hwaddr",
            ]
        ),
        (
            "network-bridge",
            ["group", "id", "interface", "local", "port", "protocol", "remote", "ttl"].map { "tunnel.NAME.\($0)" }
        ),
        ("network-bridge", ["user.*", "bgp.ipv4.nexthop", "dns.zone.forward", "fan.type", "maas.subnet.ipv4"]),
    ]) func membersOfFamiliesAreListed(_ entity: String, _ names: [String]) {
        let listed = (ConfigurationMetadata.all.configs[entity] ?? [:]).values.flatMap { $0.keys.flatMap(\.keys) }
        for name in names { #expect(listed.contains(name), "\(name)") }
        for name in ["limits.kernel.*", "cloud-init.*", "volatile.*", "tunnel.*", "fan.*"] {
            #expect(!listed.contains(name), "\(name)")
        }
    }

    private func families(_ set: any ConfigKeySet) -> [ConfigKeyFamily] {
        func all<Keys: ConfigKeySet>(_: Keys) -> [ConfigKeyFamily] { Config<Keys>.families }
        return all(set)
    }

    @Test func unknownKeysAreRefusedInLXDsWords() {
        for name in [
            "limits.memoryy", "limits", "", "limits.", "Limits.memory", "user.", "environment.", "volatile.", "userx",
            "cloud-init.", "cloud-init.ssh-keys.x", "cloud-init.user-data.x",
            "environment.A=B", "environment.A B", "environment.A\u{0}", "environment.A\nB", "environment.=\u{301}",
            "user.a\nb", "user.a\u{7f}",
        ] {
            let error = #expect(throws: APIError.self, "\(name)") { try Config<InstanceKeys>.validate(name, "x") }
            #expect(error?.status == 400 && error?.message == "Unknown configuration key: \(name)")
        }
        let long = String(repeating: "k", count: 10_240)
        let error = #expect(throws: APIError.self) { try Config<InstanceKeys>.validate(long, "x") }
        #expect((error?.message.utf8.count ?? .max) < 200)
        let own = #expect(throws: APIError.self) {
            try Config<ServerKeys>(["core.x": "1"]).validate { "Cannot set '\($0)': Unknown key" }
        }
        #expect(own?.message == "Cannot set 'core.x': Unknown key")
    }

    @Test func familiesTakeWhatTheyAreFor() throws {
        let config = Config<InstanceKeys>([
            "user.name": "line\nline", "user.a.b.c": "", "environment.PATH": "/bin", "environment.ÄÖ": "ü",
            "cloud-init.user-data": "#cloud-config\n", "cloud-init.vendor-data": "", "cloud-init.network-config": "x",
            "image.os": "Debian", "user.X": String(repeating: "x", count: 10_240),
        ])
        try config.validate()
        for (name, value) in [
            ("environment.A", "x\ny"), ("environment.A", "x\ry"), ("environment.A", "x\u{0}"), ("user.a", "\u{0}"),
            ("image.a", "\u{0}"), ("cloud-init.user-data", "\u{0}"), ("volatile.eth0.hwaddr", "x\ny"),
            ("limits.kernel.nofile", "many"),
            ("limits.kernel.nofile", "5:4"), ("limits.kernel.nofile", "1:2:3"), ("limits.kernel.nofile", "-1"),
            ("limits.kernel.nofile", "+1"), ("limits.kernel.nofile", ":"), ("limits.kernel.nofile", "unlimited:5"),
            ("linux.sysctl.net.ipv4.ip_forward", "1\n2"), ("linux.sysctl.net.ipv4.ip_forward", ""),
        ] {
            let error = #expect(throws: APIError.self) { try Config<InstanceKeys>.validate(name, value) }
            #expect(error?.message.contains("\"\(name)\"") == true)
        }
        for name in [
            "limits.kernel.", "limits.kernel.files", "linux.sysctl.../x", "linux.sysctl./etc", "linux.sysctl.a b",
            "linux.sysctl.ä",
        ] { #expect(throws: APIError.self) { try Config<InstanceKeys>.validate(name, "1") } }
        for value in ["0", "1000", "unlimited", "1:2", "5:unlimited", "18446744073709551615"] {
            try Config<InstanceKeys>.validate("limits.kernel.nofile", value)
        }
        try Config<InstanceKeys>.validate("linux.sysctl.net.ipv4.conf.eth0/1.forwarding", "1")
        #expect(Config<InstanceKeys>.effect(of: "user.x") == .live)
        #expect(Config<InstanceKeys>.effect(of: "environment.X") == .onRestart)
        #expect(Config<InstanceKeys>.effect(of: "limits.memory") == .live)
        #expect(Config<InstanceKeys>.effect(of: "security.nesting") == .onRestart)
        #expect(Config<InstanceKeys>.effect(of: "none.x") == nil)
    }

    @Test(
        arguments: [
            ("volatile.eth0.hwaddr", true), ("volatile.eth0.name", true), ("volatile.eth0.host_name", true),
            ("volatile.eth0.1.hwaddr", true), ("volatile.a.b.c.mtu", true), ("volatile.eth0.unknown", false),
            ("volatile.eth0", false), ("volatile..hwaddr", false), ("volatile.hwaddr", false),
            ("volatile.eth0.", false),
            ("volatile.last_state.power", true), ("volatile.last_state.other", false),
        ])
    func volatileKeys(name: String, isKnown: Bool) {
        #expect((try? Config<InstanceKeys>.validate(name, "x")) != nil || !isKnown)
        #expect((try? Config<InstanceKeys>.validate(name, "x")) == nil || isKnown)
    }

    /// Whatever lexd notes of a device it lets be sent back.
    @Test func whatIsNotedOfADeviceCanBeSentBack() throws {
        for device in ["eth0", "a.b", "x-y_z", "1", String(repeating: "d", count: 64)] {
            try Device.checkName(device)
            for field in InstanceKeys.Volatile.deviceFields {
                try Config<InstanceKeys>.validate("volatile.\(device).\(field)", "v")
                let found = InstanceKeys.Volatile.device(of: "volatile.\(device).\(field)")
                #expect(found?.device == device && found?.field == field)
            }
        }
        #expect(InstanceKeys.Volatile.device(of: "volatile.idmap.base") == nil)
        #expect(InstanceKeys.Volatile.device(of: "user.eth0.hwaddr") == nil)
    }

    @Test func valuesAreReadWithTheirDefaults() throws {
        var config = Config<InstanceKeys>(["limits.memory": "1GiB", "security.nesting": "YES"])
        #expect(try config[\.limits.memory] == .size(ByteSize(bytes: 1 << 30)))
        #expect(try config[\.security.nesting] == true)
        #expect(try config[\.security.privileged] == false)
        #expect(try config[\.boot.autostart] == nil)
        config.values["security.privileged"] = ""
        #expect(try config[\.security.privileged] == false)
        config.values["limits.memory"] = "much"
        #expect(throws: APIError.self) { try config[\.limits.memory] }
        #expect(config == Config(config.values) && config != Config([:]))
    }

    @Test func theFirstWrongKeyByNameIsNamed() {
        let config = Config<InstanceKeys>(["z.z": "1", "a.a": "1", "limits.cpu": "x"])
        let error = #expect(throws: APIError.self) { try config.validate() }
        #expect(error?.message == "Unknown configuration key: a.a")
    }

    @Test func clippedTextsAreShort() {
        #expect(clipped("short") == "short")
        #expect(clipped(String(repeating: "x", count: 65)).unicodeScalars.count == 62)
        // One character of a thousand scalars.
        let stack = "a" + String(repeating: "\u{301}", count: 10_000)
        #expect(clipped(stack).utf8.count < 200)
    }
}
