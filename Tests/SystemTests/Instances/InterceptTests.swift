import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Calls that lexd makes in an instance's place.
    @Suite struct Interception {
        /// Nodes, marks, priorities and numbers; what is not among them; many at once, and callers that die.
        @Test func makesWhatDoesNoHarm() async throws { try await withDaemon { try await $0.makesCalls() } }

        /// Whoever answers goes on without lexd; when it is gone too, calls fail and nobody waits.
        @Test func outlivesItsMakers() async throws { try await withDaemon { try await $0.losesItsSupervisor() } }
    }
}

private let prefix = "security.syscalls.intercept."

extension DaemonFixture {
    /// The process that answers the calls of an instance of this daemon.
    private func supervisors(_ name: String) throws -> [RunningProcess] {
        try RunningProcess.all().compactMap { try? RunningProcess($0) }.filter { process in
            process.arguments?.contains { $0.hasPrefix("intercept /run/\(tag)/") && $0.hasSuffix("/\(name)") } == true
                && !process.hasEnded
        }
    }

    private func push(_ name: String, _ program: [UInt8], _ instance: String = "c1") async throws {
        let file = try file("program", program)
        try await lx("file", "push", file, "\(instance)/root/\(name)", "--mode", "0755")
        unlink(file)
    }

    fileprivate func makesCalls() async throws {
        try await launch("c1")
        let before = try await exec("c1", "mknod", "/root/null", "c", "1", "3")
        #expect(before.status != 0 && before.errors.contains("Operation not permitted"))
        #expect(try supervisors("c1").isEmpty)
        try await stop("c1", force: true)
        try await lx("config", "set", "c1", "\(prefix)mknod=true", "\(prefix)setxattr=true")
        try await lxc("config", "set", "c1", "\(prefix)sched_setscheduler=true", "\(prefix)sysinfo=true")
        try await configure("c1", ["limits.memory": "64MiB", "security.syscalls.deny": "mkdirat errno 13"])
        try await start("c1")
        try await makesNodes()
        try await refusesNodes()
        try await setsMarks()
        try await setsPriorities()
        try await isAskedByMany()
        // What is denied stays so beside what is intercepted.
        let denied = CallProgram.file(258, [.number(AT_FDCWD), .text("/root/denied"), .number(0o755)])
        try await push("mkdirat", denied)
        #expect(try await exec("c1", "/root/mkdirat").status == EACCES)
        #expect(try await disagreements() == [])
        try await stop("c1", force: true)
        try await eventually("nobody answers for an instance that has stopped") { try supervisors("c1").isEmpty }
        try await denialComesFirst()
    }

    private func makesNodes() async throws {
        #expect(try supervisors("c1").count == 1)
        let seen = "stat -c '%F %t:%T %u:%g %a'"
        let made = try await shell(
            "c1",
            """
            cd /root && umask 027 && mknod null c 1 3 && echo x > null && \(seen) null
            for n in "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "console 5 1"; do
                set -- $n; mknod $1 c $2 $3 && stat -c %t:%T $1
            done
            head -c 3 zero | od -An -tx1
            """)
        #expect(
            made.split(separator: "\n").map { $0.filter { $0 != " " } } == [
                "characterspecialfile1:30:0640", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "000000",
            ])
        // Where the caller stands, through its links, in its root, and in what is another's by its right as root.
        let places = try await shell(
            "c1",
            """
            mkdir -m 700 /tmp/u && chown 1000:1000 /tmp/u && mknod /tmp/u/null c 1 3 && ls /tmp/u
            ln -s /root /tmp/l && mknod /tmp/l/linked c 1 3 && ls /root/linked
            mkdir -p /jail/bin && cp /bin/busybox /jail/bin && ln -s / /jail/up
            chroot /jail /bin/busybox mknod /up/../../caged c 1 3 && ls /jail/caged && ! ls /caged 2>/dev/null
            mknod /root/null c 1 3 2>&1 | grep -c 'File exists'
            """)
        #expect(places.split(separator: "\n") == ["null", "/root/linked", "/jail/caged", "1"])
        // A 32-bit program makes the same; one of x32 has no such call here.
        try await push(
            "narrow", CallProgram.file(14, [.text("/root/n32"), .number(0o020600), .number(0x103)], width: .narrow))
        try await push(
            "x32", CallProgram.file(133 | 0x4000_0000, [.text("/root/nx32"), .number(0o020600), .number(0x103)]))
        #expect(try await exec("c1", "/root/narrow").status == 0)
        #expect(try await exec("c1", "/root/x32").status != 0)
        #expect(try await shell("c1", "stat -c %t:%T /root/n32; ls /root/nx32 2>&1 | grep -c 'No such'") == "1:3\n1")
    }

    private func refusesNodes() async throws {
        let refused = "grep -c 'Operation not permitted'"
        let lines = try await shell(
            "c1",
            """
            mknod /root/sda b 8 0 2>&1 | \(refused)
            mknod /root/mem c 1 1 2>&1 | \(refused)
            mknod /root/fuse c 10 229 2>&1 | \(refused)
            mknod /root/block b 1 3 2>&1 | \(refused)
            mknod /run/null c 1 3 2>&1 | \(refused)
            ls /root/sda /root/mem /root/fuse /root/block /run/null 2>/dev/null | wc -l
            mknod /nowhere/null c 1 3 2>&1 | grep -c 'No such file'
            mknod /proc/null c 1 3 2>/dev/null || echo refused
            mkdir /tmp/host && mknod /tmp/host/fifo p && echo fifo
            """)
        #expect(lines.split(separator: "\n") == ["1", "1", "1", "1", "1", "0", "1", "refused", "fifo"])
        let user = try await exec(
            "c1", Instance.Exec(command: ["mknod", "/tmp/mine", "c", "1", "3"], user: 1000))
        #expect(user.status != 0 && user.errors.contains("Operation not permitted"))
        // Docker's: the kernel makes a whiteout by itself, also that of an overlay in a user namespace.
        let whiteouts = try await shell(
            "c1",
            """
            mkdir /mnt; mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir l u w m && touch l/x && mkdir l/d
            mknod whiteout c 0 0 && stat -c %t:%T whiteout
            mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w,userxattr m && rm m/x && stat -c %t:%T u/x
            """)
        #expect(whiteouts == "0:0\n0:0")
    }

    private func setsMarks() async throws {
        let mark = "trusted.overlay.opaque"
        func program(_ number: Int32, _ path: String, _ name: String, _ value: String, width: CallProgram.Width = .own)
            -> [UInt8]
        {
            CallProgram.file(
                number, [.text(path), .text(name), .text(value), .number(Int32(value.utf8.count)), .number(0)],
                width: width)
        }
        try await shell("c1", "mkdir /root/d /root/d32 && touch /root/file && ln -s d /root/link")
        for (name, bytes, wanted) in [
            ("set", program(188, "/root/d", mark, "y"), 0),
            ("set32", program(226, "/root/d32", mark, "y", width: .narrow), 0),
            ("other", program(188, "/root/d", mark, "x"), EPERM),
            ("longer", program(188, "/root/d", mark, "yy"), EPERM),
            ("name", program(188, "/root/d", "trusted.mine", "y"), EPERM),
            ("atfile", program(188, "/root/file", mark, "y"), ENOTDIR),
            ("atlink", program(189, "/root/link", mark, "y"), ENOTDIR),
            ("user", program(188, "/root/d", "user.mine", "y"), 0),
        ] {
            try await push(name, bytes)
            #expect(try await exec("c1", "/root/\(name)").status == wanted, "\(name)")
        }
        let root = "/proc/\(try await initProcess("c1"))/root/root"
        for directory in ["d", "d32"] {
            var value = [UInt8](repeating: 0, count: 4)
            let size = lex_get_attribute("\(root)/\(directory)", mark, &value, value.count)
            #expect(size == 1 && value[0] == UInt8(ascii: "y"), "\(directory) \(errno)")
        }
        let user = try await exec("c1", Instance.Exec(command: ["/root/set"], user: 1000))
        #expect(user.status != 0)
    }

    private func setsPriorities() async throws {
        // SCHED_RR with priority 1, for itself; then for the init by its number inside.
        let rr: [CallProgram.Argument] = [.number(2), .text("\u{1}", room: 3)]
        try await push("own", CallProgram.file(144, [.number(0)] + rr))
        try await push("other", CallProgram.file(144, [.number(1)] + rr))
        try await push("none", CallProgram.file(144, [.number(99_999_999)] + rr))
        // Where the kernel gives time for these out to groups, one without any has no such process.
        let budget = try cgroup("c1", "cpu") + "/cpu.rt_runtime_us"
        if access(budget, F_OK) == 0 { try writeKernelFile(budget, "10000") }
        #expect(try await exec("c1", "/root/own").status == 0)
        #expect(try await exec("c1", "/root/other").status == 0)
        #expect(sched_getscheduler(try await initProcess("c1")) == 2)
        #expect(try await exec("c1", "/root/none").status == ESRCH)
        let user = try await exec("c1", Instance.Exec(command: ["/bin/chmod", "711", "/root"]))
        #expect(user.status == 0)
        #expect(try await exec("c1", Instance.Exec(command: ["/root/own"], user: 1000)).status == EPERM)
        // free(1) of busybox asks sysinfo; what it makes of it and the host's /proc/meminfo together stands behind it.
        #expect(try await shell("c1", "free -k | grep -c '^Mem: *65536'") == "1")
        let narrow = CallProgram.file(116, [.text("", room: 64)], width: .narrow)
        try await push("sysinfo", narrow)
        #expect(try await exec("c1", "/root/sysinfo").status == 0)
    }

    /// More at once than are worked on at a time, and callers that are killed while they wait.
    private func isAskedByMany() async throws {
        let made = try await shell(
            "c1",
            """
            mkdir /tmp/many && cd /tmp/many
            for i in $(seq 150); do mknod $i c 1 3 & done; wait; ls | wc -l
            for i in $(seq 40); do mknod killed$i c 1 3 & kill -9 $!; done 2>/dev/null; wait
            mknod last c 1 3 && ls last
            """)
        #expect(made.split(separator: "\n") == ["150", "last"])
    }

    /// Two answers to one call: the kernel takes the stricter.
    private func denialComesFirst() async throws {
        try await configure("c1", ["security.syscalls.deny": "mknod errno 13\nmknodat errno 13"])
        try await start("c1")
        let denied = try await exec("c1", "mknod", "/root/denied", "c", "1", "3")
        #expect(denied.status != 0 && denied.errors.contains("Permission denied"))
    }

    fileprivate func losesItsSupervisor() async throws {
        try await launch("c1", config: [prefix + "mknod": "true"])
        let supervisor = try #require(try supervisors("c1").first)
        func waits(_ name: String) async throws {
            let script =
                "while ! [ -e /root/go-\(name) ]; do sleep 0.05; done; mknod /root/\(name) c 1 3 2>/root/why-\(name); "
                + "echo $? >/root/said-\(name)"
            try await shell("c1", "setsid sh -c '\(script)' </dev/null >/dev/null 2>&1 &")
        }
        func goes(_ name: String) async throws -> String {
            try await shell("c1", "touch /root/go-\(name)")
            try await eventually("\(name) has its answer") {
                try await exec("c1", "test", "-s", "/root/said-\(name)").status == 0
            }
            return try await shell("c1", "cat /root/said-\(name) /root/why-\(name)")
        }
        try await waits("again")
        try await waits("gone")
        try await kill()
        try await start()
        #expect(try await goes("again") == "0", "after a restart of lexd")
        #expect(try await shell("c1", "mknod /root/new c 1 3 && stat -c %t:%T /root/new") == "1:3")
        #expect(try await disagreements() == [])
        try supervisor.signal(SIGKILL)
        let said = try await goes("gone")
        #expect(said.hasPrefix("1\n") && said.contains("Function not implemented"), "\(said)")
        // A new command's calls are the kernel's then.
        let later = try await exec("c1", "mknod", "/root/later", "c", "1", "3")
        #expect(later.status != 0 && later.errors.contains("Operation not permitted"))
        // With the next start there is another.
        try await changeState("c1", "restart", timeout: 0, force: true)
        try await eventually("c1 makes nodes again") {
            try await exec("c1", "mknod", "/root/restarted", "c", "1", "3").status == 0
        }
    }
}
