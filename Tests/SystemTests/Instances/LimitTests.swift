import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

/// The limit of memory a control group has on this host, whichever way it arranges its groups.
enum MemoryLimit {
    static func read(_ group: String) throws -> Int64? {
        let file = access("\(group)/memory.max", F_OK) == 0 ? "memory.max" : "memory.limit_in_bytes"
        let text = try readFile("\(group)/\(file)").filter { !$0.isWhitespace }
        // v1 says "none" with the largest number of whole pages.
        return Int64(text).flatMap { $0 > 1 << 60 ? nil : $0 }
    }
}

extension SystemTests {
    /// Limits, as the host's kernel has them and as the guest meets them.
    @Suite struct Limits {
        @Test func limitsOfProcessesAndTheKernel() async throws {
            try await withDaemon { try await $0.meetsTheKernelsLimits() }
        }

        @Test(arguments: ClientProgram.allCases)
        func protectedFromDeletion(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let client = daemon.program(name)
                try await client("init", "--empty", "c1")
                try await client("config", "set", "c1", "security.protection.delete=true")
                let refused = try await client.run("delete", "c1")
                #expect(refused.status == 1 && refused.errors.contains("protected"))
                #expect(try await daemon.client.raw(.get, "/1.0/instances/c1").status == 200)
                try await client("config", "unset", "c1", "security.protection.delete")
                try await client("delete", "c1")
            }
        }

        @Test func everyLimitAtStartAndLive() async throws {
            try await withDaemon { daemon in
                try await daemon.launch(
                    "c1",
                    config: [
                        "limits.memory": "64MiB", "limits.cpu": "1", "limits.processes": "30",
                        "limits.cpu.allowance": "25ms/100ms",
                    ])
                let layout = try CgroupLayout.detect()
                func read(_ controller: String, _ v1: String, _ v2: String) throws -> String {
                    let group = try daemon.cgroup("c1", controller)
                    return try readFile("\(group)/\(layout.isUnified ? v2 : v1)").filter { $0 != "\n" }
                }
                func quota() throws -> String {
                    layout.isUnified
                        ? try read("cpu", "", "cpu.max")
                        : try read("cpu", "cpu.cfs_quota_us", "") + " " + read("cpu", "cpu.cfs_period_us", "")
                }
                #expect(try MemoryLimit.read(daemon.cgroup("c1", "memory")) == 64 << 20)
                #expect(try read("pids", "pids.max", "pids.max") == "30")
                #expect(try quota() == "25000 100000")
                #expect(try await daemon.shell("c1", "nproc") == "1")

                // The guest meets them: no more processes, no more memory.
                let forks = try await daemon.exec(
                    "c1", "sh", "-c", "for i in $(seq 60); do sleep 54321 & done; echo all of them")
                #expect(forks.status != 0)
                #expect(!forks.text.contains("all of them"))
                // A command cannot be run now, and its client learns why.
                for client in ClientProgram.allCases {
                    let full = try await daemon.program(client).run("exec", "c1", "--", "true")
                    #expect(full.status == 1)
                    #expect(full.errors.contains("limits.processes"))
                }
                let refusal = await #expect(throws: OperationFailure.self) { try await daemon.exec("c1", "true") }
                #expect(refusal?.description.contains("limits.processes") == true)
                for (id, command) in try daemon.processes("c1") where command == "sleep 54321" { kill(id, SIGKILL) }
                try await eventually("room for a command") { try daemon.processes("c1").count < 5 }
                let hog = try await daemon.exec("c1", "sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=300M count=1")
                #expect(hog.status == 137, "\(hog)")
                try await daemon.waitFor("c1", "Running")

                // Changed and taken back while it runs.
                try await daemon.configure(
                    "c1",
                    [
                        "limits.memory": "128MiB", "limits.processes": "500", "limits.cpu.allowance": "50%",
                        "limits.cpu": "0-1",
                    ])
                #expect(try MemoryLimit.read(daemon.cgroup("c1", "memory")) == 128 << 20)
                #expect(try read("pids", "pids.max", "pids.max") == "500")
                #expect(try read("cpu", "cpu.shares", "cpu.weight") == (layout.isUnified ? "50" : "512"))
                #expect(try quota().hasPrefix(layout.isUnified ? "max" : "-1"))
                #expect(try await daemon.shell("c1", "nproc") == "2")
                try await daemon.configure(
                    "c1",
                    ["limits.memory": "", "limits.processes": "", "limits.cpu.allowance": "", "limits.cpu": ""])
                #expect(try MemoryLimit.read(daemon.cgroup("c1", "memory")) == nil)
                #expect(try read("pids", "pids.max", "pids.max") == "max")
                #expect(try read("cpu", "cpu.shares", "cpu.weight") == (layout.isUnified ? "100" : "1024"))

                // In percent of the host.
                try await daemon.configure("c1", ["limits.memory": "50%"])
                let total = try readFile("/proc/meminfo").split(whereSeparator: \.isWhitespace)
                let kibibytes = try #require(Int64(total[1]))
                let limit = try #require(try MemoryLimit.read(daemon.cgroup("c1", "memory")))
                #expect(abs(limit - kibibytes * 512) < 1 << 20)
            }
        }

        /// A limit below what is used is refused, and nothing is changed.
        @Test func aLimitThatCannotBeTaken() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["limits.memory": "512MiB"])
                try await daemon.shell(
                    "c1",
                    "mount -t tmpfs -o size=300M tmpfs /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=200 2>/dev/null")
                let layout = try CgroupLayout.detect()
                if !layout.isUnified {
                    let error = await #expect(throws: APIError.self) {
                        try await daemon.configure("c1", ["limits.memory": "32MiB", "limits.processes": "77"])
                    }
                    #expect(error?.status == 400)
                    #expect(error?.message.contains("limits.memory") == true)
                    #expect(try MemoryLimit.read(daemon.cgroup("c1", "memory")) == 512 << 20)
                    #expect(try await daemon.instance("c1").config["limits.memory"] == "512MiB")
                    #expect(try await daemon.instance("c1").config["limits.processes"] == nil)
                    #expect(try readFile("\(daemon.cgroup("c1", "pids"))/pids.max") == "max\n")
                }
                #expect(try await daemon.shell("c1", "echo still here") == "still here")
            }
        }

        @Test func instancesAreSpreadOverTheCPUs() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["limits.cpu": "1"])
                try await daemon.launch("c2", config: ["limits.cpu": "1"])
                func cpus(_ name: String) throws -> String {
                    try readFile("\(daemon.cgroup(name, "cpuset"))/cpuset.cpus").filter { $0 != "\n" }
                }
                #expect(try cpus("c1") != cpus("c2"))
                try await daemon.stop("c1", force: true)
                try await daemon.configure("c2", ["limits.cpu": "1-1"])
                #expect(try cpus("c2") == "1")
                #expect(try await daemon.shell("c2", "nproc") == "1")
            }
        }

        /// Containers inside make groups below, which with control groups v1 hold on to their CPUs.
        @Test func cpusWithGroupsOfAGuest() async throws {
            try await withDaemon { daemon in
                for name in ["c1", "c2", "c3"] { try await daemon.launch(name) }
                func cpus(_ name: String, _ below: String = "") throws -> String {
                    try readFile("\(daemon.cgroup(name, "cpuset"))\(below)/cpuset.cpus").filter { $0 != "\n" }
                }
                let all = try cpus("c1")
                if try !CgroupLayout.detect().isUnified {
                    // As a guest's root would, and as liblxc does for a container inside.
                    let group = try daemon.cgroup("c1", "cpuset")
                    for path in ["/inner", "/inner/payload"] {
                        mkdir(group + path, 0o755)
                        try writeKernelFile("\(group)\(path)/cpuset.cpus", all)
                    }
                }
                for name in ["c1", "c2", "c3"] { try await daemon.configure(name, ["limits.cpu": "1"]) }
                let pinned = try ["c1", "c2", "c3"].map { try cpus($0) }
                #expect(pinned.allSatisfy { !$0.contains("-") && !$0.contains(",") } && Set(pinned).count > 1)
                if try !CgroupLayout.detect().isUnified { #expect(try cpus("c1", "/inner/payload") == pinned[0]) }
                for name in ["c2", "c1", "c3"] { try await daemon.configure(name, ["limits.cpu": ""]) }
                for name in ["c1", "c2", "c3"] { #expect(try cpus(name) == all) }
                if try !CgroupLayout.detect().isUnified { #expect(try cpus("c1", "/inner/payload") == all) }
            }
        }

        @Test func variablesOfTheInitAndOfCommands() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["environment.GREETING": "good day", "environment.EMPTY": "x"])
                let ofInit = "tr '\\0' '\\n' < /proc/1/environ | grep GREETING"
                #expect(try await daemon.shell("c1", ofInit) == "GREETING=good day")
                #expect(try await daemon.shell("c1", "echo $GREETING") == "good day")
                try await daemon.configure("c1", ["environment.GREETING": "good night"])
                #expect(try await daemon.shell("c1", "echo $GREETING") == "good night")
                #expect(try await daemon.shell("c1", ofInit) == "GREETING=good day")
                try await daemon.changeState("c1", "restart", timeout: 20)
                #expect(try await daemon.shell("c1", ofInit) == "GREETING=good night")
                // liblxc names itself; nothing of lexd's own environment is passed on.
                let names = try await daemon.shell(
                    "c1", "tr '\\0' '\\n' < /proc/1/environ | cut -d= -f1 | sort | tr '\\n' ' '")
                #expect(names == "EMPTY GREETING container ")
            }
        }
    }
}

extension DaemonFixture {
    fileprivate func meetsTheKernelsLimits() async throws {
        try await launch(
            "c1",
            config: [
                "limits.kernel.nofile": "300:400", "linux.sysctl.net.ipv4.ip_forward": "1",
                "limits.memory": "64MiB", "limits.memory.enforce": "soft", "limits.memory.swap": "false",
                "limits.cpu.priority": "3", "linux.kernel_modules": "fuse",
                "security.syscalls.deny": "# nobody renames here\nsethostname errno 13",
            ])
        #expect(try await shell("c1", "grep -c '^Max open files *300 *400 ' /proc/1/limits") == "1")
        #expect(try await shell("c1", "cat /proc/sys/net/ipv4/ip_forward") == "1")
        let renamed = try await exec("c1", "hostname", "other")
        #expect(renamed.status != 0 && renamed.errors.contains("Permission denied"))
        let layout = try CgroupLayout.detect()
        func read(_ controller: String, _ v1: String, _ v2: String) throws -> String {
            try readFile("\(cgroup("c1", controller))/\(layout.isUnified ? v2 : v1)").filter { $0 != "\n" }
        }
        #expect(try MemoryLimit.read(cgroup("c1", "memory")) == nil)
        #expect(try read("memory", "memory.soft_limit_in_bytes", "memory.high") == "\(64 << 20)")
        #expect(try read("memory", "memory.swappiness", "memory.swap.max") == "0")
        #expect(try read("cpu", "cpu.shares", "cpu.weight") == (layout.isUnified ? "93" : "1017"))
        try await configure(
            "c1",
            [
                "limits.memory.enforce": "", "limits.memory.swap": "", "limits.memory.swap.priority": "4",
                "limits.cpu.priority": "",
            ])
        #expect(try MemoryLimit.read(cgroup("c1", "memory")) == 64 << 20)
        #expect(try read("memory", "memory.swappiness", "memory.swap.max") == (layout.isUnified ? "max" : "54"))
        #expect(try read("cpu", "cpu.shares", "cpu.weight") == (layout.isUnified ? "100" : "1024"))
        // A module that there is none of is named, and the instance does not start.
        try await stop("c1", force: true)
        try await configure("c1", ["linux.kernel_modules": "no_such_module"])
        let refused = try await lx.run("start", "c1")
        #expect(refused.status == 1 && refused.errors.contains("no_such_module"))
    }
}
