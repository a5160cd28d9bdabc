import Glibc
import LexAPI
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What an instance sees of the host, and the host's users of an instance: facts from inside.
    @Suite struct Isolation {
        @Test func ownIDsOwnGroupsNoHost() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.launch("c2")
                var bases: [UInt32] = []
                for name in ["c1", "c2"] {
                    let map = try await daemon.shell(name, "cat /proc/self/uid_map").split(separator: " ").map(
                        String.init)
                    #expect(map.count == 3)
                    #expect(map[0] == "0")
                    #expect(map[2] == "65536")
                    let base = try #require(UInt32(map[1]))
                    #expect(base >= 65536)
                    #expect(try await daemon.instance(name).config["volatile.idmap.base"] == map[1])
                    #expect(try await daemon.shell(name, "cat /proc/self/gid_map").split(separator: " ")[1] == map[1])
                    bases.append(base)
                    // The same, seen from the host.
                    let status = try readFile("/proc/\(try await daemon.initProcess(name))/status")
                    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Uid:") })
                    #expect(line.split(whereSeparator: \.isWhitespace).dropFirst().allSatisfy { $0 == map[1] })
                }
                #expect(abs(Int64(bases[0]) - Int64(bases[1])) >= 65536)

                // The instance's own control groups are its root. liblxc puts commands into a group below on v2, where
                // a group with groups below it must not have processes.
                for line in try await daemon.shell("c1", "cat /proc/1/cgroup").split(separator: "\n") {
                    #expect(line.hasSuffix(":/"), "\(line)")
                }
                for line in try await daemon.shell("c1", "cat /proc/self/cgroup").split(separator: "\n") {
                    #expect(line.hasSuffix(":/") || line == "0::/.lxc", "\(line)")
                }
                // Nothing of the host's file systems shows but devices' nodes and the kernel's own.
                let mounts = try await daemon.shell("c1", "cat /proc/self/mounts").split(separator: "\n")
                #expect(mounts.contains { $0.hasPrefix("lexd / overlay ") })
                // The one directory that has the socket of /dev/lxd lies on whatever /run is.
                for mount in mounts where !mount.contains(" /dev/lxd ") {
                    let kind = mount.split(separator: " ")[2]
                    #expect(
                        [
                            "overlay", "proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2",
                            "securityfs", "debugfs", "tracefs", "pstore", "fusectl", "binfmt_misc", "bpf", "fuse.lxcfs",
                        ]
                        .contains(String(kind)), "\(mount)")
                    #expect(!mount.contains(daemon.directory), "\(mount)")
                }
                // Its own names for host, processes, network.
                #expect(try await daemon.shell("c1", "hostname") == "c1")
                #expect(try await daemon.shell("c1", "ls -d /proc/[0-9]* | wc -l | tr -d ' '").count == 1)
                #expect(try await daemon.shell("c1", "ls /sys/class/net | tr '\\n' ' '") == "eth0 lo ")
                // And it cannot change the host: its kernel's settings, its time, its devices.
                for attempt in [
                    "echo 1 > /proc/sys/kernel/panic", "mknod /null c 1 3 && echo x > /null",
                    "mount -t ext4 /dev/vda /mnt", "echo b > /proc/sysrq-trigger", "cat /proc/kcore", "dmesg -c",
                    "echo 0 > /sys/fs/cgroup/memory/memory.limit_in_bytes", "insmod /x.ko", "swapon /x",
                    "echo '|/bin/sh' > /proc/sys/kernel/core_pattern", "ls /proc/1/root/../../etc/shadow",
                ] {
                    let output = try await daemon.exec("c1", "sh", "-c", attempt)
                    #expect(output.status != 0, "\(output)")
                }
            }
        }

        @Test func callsThatAreDenied() async throws {
            // By their numbers on x86_64 (syscalls(2)).
            let calls: [String: UInt32] = [
                "kexec_load": 246, "kexec_file_load": 320, "open_by_handle_at": 304, "init_module": 175,
                "finit_module": 313, "delete_module": 176,
            ]
            var contents = BusyboxImage.Contents()
            for (name, number) in calls { contents.programs["bin/try-\(name)"] = TinyProgram.systemCall(number) }
            contents.programs["bin/try-getpid"] = TinyProgram.systemCall(102)
            let image = try await BusyboxImage.tarball(contents)
            try await withDaemon { daemon in
                try await daemon.importImage(image, alias: "caller")
                try await daemon.launch("c1", image: "caller")
                try await daemon.launch("p1", image: "caller", config: ["security.privileged": "true"])
                for name in ["c1", "p1"] {
                    // getuid(2), so that it is known that the programs work.
                    #expect(try await daemon.exec(name, "try-getpid").status == 0)
                    for call in calls.keys.sorted() {
                        #expect(try await daemon.exec(name, "try-\(call)").status == EPERM, "\(call) in \(name)")
                    }
                    let status = try await daemon.shell(name, "cat /proc/self/status")
                    #expect(status.contains("\nSeccomp:\t2\n"), "\(status)")
                    #expect(try await daemon.shell(name, "cat /proc/1/status").contains("\nSeccomp:\t2\n"))
                }
                // Without the list the privileged one's call would have come to another end than EPERM: it may.
                let capabilities = try await daemon.shell("p1", "grep CapEff /proc/self/status | cut -f2")
                let mask = try #require(UInt64(capabilities, radix: 16))
                #expect(mask & (1 << 2) != 0, "CAP_DAC_READ_SEARCH")
                for dropped in [16, 17, 25, 32, 33] { #expect(mask & (1 << UInt64(dropped)) == 0, "\(dropped)") }
            }
        }

        /// A program with the setuid bit that a guest makes is nobody's way to the host's root.
        @Test func setuidProgramsStayInside() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["security.privileged": "true"])
                try await daemon.shell("c1", "cp /bin/busybox /root/sh; chmod 4755 /root/sh; chmod 755 /root")
                let volume = "\(daemon.directory)/storage-pools/default/containers/c1"
                let program = "\(volume)/upper/root/sh"
                var status = stat()
                #expect(stat(program, &status) == 0)
                #expect(status.st_mode & S_ISUID != 0)
                // An ordinary user of the host does not even get to it, neither on disk nor through /proc.
                let process = try await daemon.initProcess("c1")
                for path in [program, "/proc/\(process)/root/root/sh", volume] {
                    let output = try await Program("setpriv").run(
                        "--reuid=65534", "--regid=65534", "--clear-groups", "ls", path)
                    #expect(output.status != 0, "\(output)")
                    #expect(output.errors.contains("Permission denied"), "\(output)")
                }
                for directory in ["images", "storage-pools"] {
                    #expect(stat("\(daemon.directory)/\(directory)", &status) == 0)
                    #expect(status.st_mode & 0o777 == 0o700)
                }
                // The daemon's socket is root's and its group's.
                #expect(stat("\(daemon.directory)/unix.socket", &status) == 0)
                #expect(status.st_mode & 0o777 == 0o660)
            }
        }

        @Test func privilegedAndNestingAreWhatTheySay() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("p1", config: ["security.privileged": "true"])
                #expect(try await daemon.shell("p1", "cat /proc/self/uid_map | tr -s ' '") == " 0 0 4294967295")
                #expect(try await daemon.instance("p1").config["volatile.idmap.current"] == "[]")
                let process = try await daemon.initProcess("p1")
                #expect(try readFile("/proc/\(process)/status").contains("Uid:\t0\t0\t0\t0"))
                // What started it was nobody's way to the program's file on the host.
                let monitor = try RunningProcess(parentProcess(of: process))
                #expect(monitor?.program?.contains("memfd:lexd-runtime") == true)
                // Files made by either are root's on disk: what is stored is not shifted.
                try await daemon.launch("c1")
                try await daemon.shell("p1", "touch /root/file")
                try await daemon.shell("c1", "touch /root/file; chown 1000 /root/file")
                let pool = "\(daemon.directory)/storage-pools/default/containers"
                var status = stat()
                #expect(stat("\(pool)/p1/upper/root/file", &status) == 0)
                #expect(status.st_uid == 0)
                #expect(stat("\(pool)/c1/upper/root/file", &status) == 0)
                #expect(status.st_uid == 1000)
                // It can become ordinary and back, with all its files.
                try await daemon.stop("p1")
                try await daemon.configure("p1", ["security.privileged": "false"])
                try await daemon.start("p1")
                #expect(try await daemon.shell("p1", "stat -c %u /root/file") == "0")
                #expect(try await daemon.shell("p1", "cut -c1-12 /proc/self/uid_map").trimmed != "0 0")

                // With nesting an own proc can be mounted in namespaces of its own, without it cannot.
                try await daemon.launch("n1", config: ["security.nesting": "true"])
                let attempt = "mkdir -p /p; unshare -U -r -m -p -f mount -t proc proc /p"
                #expect(try await daemon.exec("n1", "sh", "-c", attempt).status == 0)
                #expect(try await daemon.exec("c1", "sh", "-c", attempt).status != 0)
            }
        }

        /// One instance cannot take another's files or processes, being another user in every respect.
        @Test func instancesAreStrangersToEachOther() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.launch("c2")
                let first = try #require(UInt32(try await daemon.instance("c1").config["volatile.idmap.base"] ?? ""))
                // What c1's root may do on the host, tried with its ids.
                let process = try await daemon.initProcess("c2")
                for command in [
                    ["kill", "-0", "\(process)"], ["ls", "/proc/\(process)/root/"], ["ls", "/proc/\(process)/fd/"],
                ] {
                    let output = try await Program("setpriv").run(
                        ["--reuid=\(first)", "--regid=\(first)", "--clear-groups"] + command)
                    #expect(output.status != 0, "\(output)")
                }
            }
        }
    }
}

extension String {
    var trimmed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
