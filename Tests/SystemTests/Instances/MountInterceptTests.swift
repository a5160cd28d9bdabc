import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Mounts and programs of control groups, made in an instance's place.
    @Suite struct MountInterception {
        @Test func mountsItsOwnDevices() async throws { try await withDaemon { try await $0.mountsDevices() } }
    }
}

private let prefix = "security.syscalls.intercept."

extension DaemonFixture {
    /// An ext4 in a file, as a block device of the host.
    private func loop(_ name: String, _ options: String...) async throws -> String {
        let image = path(name)
        let file = try OwnedDescriptor.open(image, O_WRONLY | O_CREAT)
        try checked("give its size to", image) { ftruncate(file.number, 8 << 20) }
        let device = try await Tool("losetup").check(["-f", "--show", image], doing: "make a loop device")
            .filter { !$0.isWhitespace }
        do {
            try await Tool("mkfs.ext4").check(["-q", "-F", "-b", "1024"] + options + [device], doing: "make ext4")
        } catch {
            _ = try? await Tool("losetup").check(["-d", device], doing: "remove a loop device")
            throw error
        }
        return device
    }

    fileprivate func mountsDevices() async throws {
        var devices: [String] = []
        let shared = path("shared")
        try makeDirectories(shared)
        try checked("mount", shared) { lex_mount("none", shared, "tmpfs", 0, nil) }
        do {
            try checked("share", shared) { lex_mount(nil, shared, nil, lex_ms_shared, nil) }
            devices.append(try await loop("own"))
            // A journal for another: that one's superblock says by number where it is.
            devices.append(try await loop("journal", "-O", "journal_dev"))
            devices.append(try await loop("split", "-J", "device=\(devices[1])"))
            try await Tool("tune2fs").check(["-e", "panic", devices[0]], doing: "ask for a panic")
            try await mountsThese(devices, shared)
            for device in devices {
                try await eventually("\(device) is free") {
                    let number = open(device, O_RDONLY | O_EXCL | O_CLOEXEC)
                    if number >= 0 { close(number) }
                    return number >= 0
                }
            }
        } catch {
            try? await stop("c1", force: true)
            await removeLoops(devices, shared)
            throw error
        }
        await removeLoops(devices, shared)
        #expect(try await disagreements() == [])
    }

    private func removeLoops(_ devices: [String], _ shared: String) async {
        for device in devices { _ = try? await Tool("losetup").check(["-d", device], doing: "remove a loop device") }
        lex_umount_detach(shared)
    }

    private func mountsThese(_ devices: [String], _ shared: String) async throws {
        // Nodes that the instance sees and may not use: of another disk, and of the host's own.
        let nodes = path("nodes")
        try makeDirectories(nodes)
        var status = stat()
        #expect(stat(devices[1], &status) == 0 && mknod("\(nodes)/other", S_IFBLK | 0o666, status.st_rdev) == 0)
        chmod("\(nodes)/other", 0o666)
        #expect(stat("/", &status) == 0 && mknod("\(nodes)/host", S_IFBLK | 0o666, status.st_dev) == 0)
        chmod("\(nodes)/host", 0o666)
        try await create(
            "c1",
            config: [
                prefix + "mount": "true", prefix + "mount.allowed": "ext4,hugetlbfs", prefix + "bpf": "true",
                prefix + "bpf.devices": "true",
            ],
            devices: [
                "own": ["type": "unix-block", "source": devices[0], "path": "/dev/own"],
                "split": ["type": "unix-block", "source": devices[2], "path": "/dev/split"],
                "nodes": ["type": "disk", "source": nodes, "path": "/nodes"],
                "shared": ["type": "disk", "source": shared, "path": "/shared", "propagation": "shared"],
            ])
        try await start("c1")
        try await mountsByTheKernel()
        try await shiftsOwners()
        try await refusesMounts()
        try await mountsInOtherWays()
        try await mountsByPrograms()
        try await managesPrograms()
        try await shell("c1", "mount -t tmpfs x /mnt || true")
        try await stop("c1", force: true)
        try await refusesValues()
    }

    private func mountsByTheKernel() async throws {
        let seen = try await shell(
            "c1",
            """
            mkdir -p /mnt /tmp/d && ln -s /mnt /tmp/to && mount -t ext4 /dev/own /tmp/to && grep ' /mnt ' /proc/mounts
            stat -c %u:%g /mnt; touch /mnt/x 2>/dev/null || echo refused; umount /mnt
            mount -t ext4 -o ro,nosuid,noexec,noatime /dev/own /mnt && grep ' /mnt ' /proc/mounts && umount /mnt
            """)
        // The image asks for a panic of the host when it is broken.
        #expect(
            seen.split(separator: "\n") == [
                "/dev/own /mnt ext4 rw,nodev,relatime,errors=remount-ro 0 0", "65534:65534", "refused",
                "/dev/own /mnt ext4 ro,nosuid,nodev,noexec,noatime,errors=remount-ro 0 0",
            ])
    }

    private func shiftsOwners() async throws {
        try await lxc("config", "set", "c1", "\(prefix)mount.shift=true")
        let seen = try await shell(
            "c1",
            """
            mount -t ext4 /dev/own /mnt && stat -c %u:%g /mnt && echo said > /mnt/file && chown 1000:5 /mnt/file
            umount /mnt && mount -t ext4 /dev/own /mnt && cat /mnt/file && stat -c %u:%g /mnt/file
            grep -c ' /mnt .*idmapped' /proc/mounts
            mount -t ext4 -o remount,ro /dev/own /mnt 2>/dev/null || echo refused; touch /mnt/file && umount /mnt
            """)
        #expect(seen.split(separator: "\n") == ["0:0", "said", "1000:5", "1", "refused"])
    }

    private func refusesMounts() async throws {
        let refused = try await shell(
            "c1",
            """
            try() { mount "$@" 2>/dev/null && echo "mounted $*"; umount /mnt 2>/dev/null; }
            try -t btrfs /dev/own /mnt; try -t ext3 /dev/own /mnt; try -t ext4 -o errors=panic /dev/own /mnt
            try -t ext4 /nodes/other /mnt; try -t ext4 /nodes/host /mnt; try -t ext4 -o ro /nodes/host /mnt
            try -t ext4 /dev/split /mnt; try -t ext4 -o journal_path=/nodes/other /dev/split /mnt
            try -t ext4 /proc/self/root/dev/own /mnt; try -t ext4 /dev/null /mnt; try -t ext4 /dev/own /dev/null
            truncate -s 8M /root/image; try -t ext4 /root/image /mnt; try -t ext4 nothing /mnt
            chmod 666 /dev/own
            """)
        #expect(refused == "", "\(refused)")
        let user = try await exec(
            "c1", Instance.Exec(command: ["mount", "-t", "ext4", "/dev/own", "/mnt"], user: 1000))
        #expect(user.status != 0)
        // Root of a user namespace of its own, over mounts of its own.
        let nested = try await exec("c1", "unshare", "-U", "-r", "-m", "mount", "-t", "ext4", "/dev/own", "/mnt")
        #expect(nested.status != 0, "\(nested.errors)")
        // Below a disk that passes mounts on the host sees nothing of it.
        try await shell("c1", "mkdir /shared/m && mount -t ext4 /dev/own /shared/m 2>/dev/null || true")
        #expect(try !readFile("/proc/self/mounts").contains("\(path("shared"))/m"))
        try await shell("c1", "umount /shared/m 2>/dev/null || true")
    }

    private func push(_ name: String, _ program: [UInt8]) async throws {
        try await lx("file", "push", try file("program", program), "c1/root/\(name)", "--mode", "0755")
    }

    private func mountsInOtherWays() async throws {
        let arguments: [CallProgram.Argument] = [
            .text("/dev/own"), .text("/mnt"), .text("ext4"), .number(Int32(bitPattern: 0xC0ED_0001)), .number(0),
        ]
        #if arch(x86_64)
            try await push("narrow", CallProgram.file(21, arguments, width: .narrow))
            let narrow = try await exec("c1", "/root/narrow").status
            #expect(narrow == 0)
            #expect(try await shell("c1", "grep -c '/dev/own /mnt ext4 ro,' /proc/mounts; umount /mnt") == "1")
            // In parts: who is told that there is no such call takes mount(2).
            try await push("parts", CallProgram.file(430, [.text("ext4"), .number(0)]))
            #expect(try await exec("c1", "/root/parts").status == ENOSYS)
        #endif
        // In a root of the caller's own, which has the device.
        let caged = try await shell(
            "c1",
            """
            mkdir -p /jail/bin /jail/dev /jail/m && cp /bin/busybox /jail/bin && touch /jail/dev/own
            mount --bind /dev/own /jail/dev/own && chroot /jail /bin/busybox mount -t ext4 /dev/own /m
            cat /jail/m/file; umount /jail/m /jail/dev/own
            """)
        #expect(caged == "said")
        if try readFile("/proc/filesystems").contains("\thugetlbfs\n") {
            let pages = try await shell(
                "c1", "mount -t hugetlbfs -o mode=700,gid=5 none /mnt && stat -c %u:%g:%a /mnt && umount /mnt")
            #expect(pages == "0:5:700")
        }
    }

    private func mountsByPrograms() async throws {
        let script = """
            #!/bin/sh
            [ "$1" = /dev/own ] || exit 3
            echo "$(id -u) $(readlink /proc/self/ns/pid) $*" > /root/said
            exec mount -t tmpfs mine "$2"

            """
        try await push("fusefs", Array(script.utf8))
        let both = try await lx.run("config", "set", "c1", "\(prefix)mount.fuse=ext4=/root/fusefs")
        #expect(both.status == 1 && both.errors.contains("mount.allowed"), "\(both.errors)")
        try await lx("config", "set", "c1", "\(prefix)mount.allowed=", "\(prefix)mount.fuse=ext4=/root/fusefs")
        let seen = try await shell(
            "c1",
            """
            cd / && mount -t ext4 -o noatime,ro,user_xattr /dev/own mnt && grep -o 'mine /mnt tmpfs' /proc/mounts
            umount /mnt; echo "0 $(readlink /proc/self/ns/pid)" > /root/expected; cat /root/said
            grep -c -F -f /root/expected /root/said; mount -t ext4 nothing /mnt 2>/dev/null || echo refused
            """
        ).split(separator: "\n")
        #expect(seen.count == 4 && seen.first == "mine /mnt tmpfs", "\(seen)")
        #expect(Array(seen.suffix(2)) == ["1", "refused"], "\(seen)")
        #expect(seen.count > 1 && seen[1].hasSuffix("/dev/own mnt -o user_xattr,ro,noatime"), "\(seen)")
        try await lx("config", "unset", "c1", "\(prefix)mount.fuse")
        let unset = try await exec("c1", "mount", "-t", "ext4", "/dev/own", "/mnt")
        #expect(unset.status != 0)
    }

    /// Programs for the devices of control groups that the guest made.
    private func managesPrograms() async throws {
        let source = try file("groups.c", Array(groupsSource.utf8))
        try await Program("gcc")("-O1", "-static", "-o", path("groups"), source)
        try await lx("file", "push", path("groups"), "c1/root/groups", "--mode", "0755")
        let said = try await shell("c1", "mkdir -p /cg && mount -t cgroup2 none /cg && /root/groups /cg")
        #expect(
            said.split(separator: "\n") == [
                "load ok", "helper Operation not permitted", "filter Operation not permitted",
                "broken Permission denied", "log ok", "before ok", "own Operation not permitted",
                "files Bad file descriptor", "attach ok", "within Operation not permitted", "detach ok", "after ok",
            ])
        let user = try await exec("c1", Instance.Exec(command: ["chmod", "711", "/root"]))
        #expect(user.status == 0)
        let other = try await exec("c1", Instance.Exec(command: ["/root/groups", "/cg"], user: 1000))
        #expect(other.text.hasPrefix("load Operation not permitted\n"), "\(other.text)")
    }

    private func refusesValues() async throws {
        for client in [ClientProgram.lx, .lxc] {
            for (key, value) in [
                ("mount.allowed", "ext4;ls"), ("mount.allowed", "../ext4"), ("mount.fuse", "ext4"),
                ("mount.fuse", "ext4=../x"), ("mount.shift", "maybe"),
            ] {
                let refused = try await program(client).run("config", "set", "c1", "\(prefix)\(key)=\(value)")
                #expect(refused.status == 1 && refused.errors.contains(prefix + key), "\(refused.errors)")
            }
        }
    }
}

/// What a guest does that keeps its services from devices; says what came of each step.
private let groupsSource = #"""
    #include <errno.h>
    #include <fcntl.h>
    #include <linux/bpf.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>

    static char log_text[4096];
    static int load(int type, const struct bpf_insn *code, int count, int with_log) {
        union bpf_attr attr;
        memset(&attr, 0, sizeof attr);
        attr.prog_type = type;
        attr.insns = (uintptr_t)code;
        attr.insn_cnt = count;
        attr.license = (uintptr_t)"GPL";
        if (with_log) attr.log_level = 1, attr.log_buf = (uintptr_t)log_text, attr.log_size = sizeof log_text;
        return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
    }
    static int change(int command, int group, int program) {
        union bpf_attr attr;
        memset(&attr, 0, sizeof attr);
        attr.target_fd = group;
        attr.attach_bpf_fd = program;
        attr.attach_type = BPF_CGROUP_DEVICE;
        if (command == BPF_PROG_ATTACH) attr.attach_flags = BPF_F_ALLOW_MULTI;
        return syscall(SYS_bpf, command, &attr, sizeof attr);
    }
    static void say(const char *what, int result) { printf("%s %s\n", what, result < 0 ? strerror(errno) : "ok"); fflush(stdout); }
    // Opens /dev/null from within the group.
    static void look(const char *what, int group) {
        if (fork() == 0) {
            int procs = openat(group, "cgroup.procs", O_WRONLY);
            if (procs < 0 || write(procs, "0", 1) != 1) say("enter", -1);
            say(what, open("/dev/null", O_RDWR));
            _exit(0);
        }
        wait(NULL);
    }
    int main(int argc, char **argv) {
        struct bpf_insn none[] = {{.code = 0xb7}, {.code = 0x95}}, helper[] = {{.code = 0x85, .imm = 5}, {.code = 0x95}},
                        broken[] = {{.code = 0x95}};
        int own = open(argv[1], O_RDONLY | O_DIRECTORY);
        mkdirat(own, "app", 0755);
        int app = openat(own, "app", O_RDONLY | O_DIRECTORY), files = open("/root", O_RDONLY | O_DIRECTORY);
        int program = load(BPF_PROG_TYPE_CGROUP_DEVICE, none, 2, 0);
        say("load", program);
        say("helper", load(BPF_PROG_TYPE_CGROUP_DEVICE, helper, 2, 0));
        say("filter", load(BPF_PROG_TYPE_SOCKET_FILTER, none, 2, 0));
        say("broken", load(BPF_PROG_TYPE_CGROUP_DEVICE, broken, 1, 1));
        say(strlen(log_text) > 0 ? "log" : "no log", 0);
        look("before", app);
        say("own", change(BPF_PROG_ATTACH, own, program));
        say("files", change(BPF_PROG_ATTACH, files, program));
        say("attach", change(BPF_PROG_ATTACH, app, program));
        look("within", app);
        say("detach", change(BPF_PROG_DETACH, app, program));
        look("after", app);
        return 0;
    }

    """#
