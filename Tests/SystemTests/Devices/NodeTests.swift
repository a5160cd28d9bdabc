import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Device nodes of the host in instances, with both clients.
    @Suite struct DeviceNodes {
        @Test(arguments: ClientProgram.allCases)
        func givenAndTaken(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.givesNodes(name) }
        }

        @Test func comeAndGo() async throws {
            try await withDaemon { try await $0.nodesComeAndGo() }
        }

        @Test(arguments: ClientProgram.allCases)
        func hardwareThatIsNotThere(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.refusesHardware(name) }
        }
    }
}

extension DaemonFixture {
    /// What the kernel lets the instance open, with control groups v1.
    private func allows(_ rule: String) throws -> Bool {
        let layout = try CgroupLayout.detect()
        if layout.isUnified { return true }
        return try readFile("\(cgroup("c1", "devices"))/devices.list").split(separator: "\n").contains { $0 == rule }
    }

    fileprivate func givesNodes(_ name: ClientProgram) async throws {
        let client = program(name)
        // A device that no instance may open by itself, and whose opening does nothing.
        let device = try #require(try HostDevices.node(at: "/dev/loop-control"))
        let rule = "c \(device.major):\(device.minor) rwm"
        try await launch("c1")
        #expect(try await exec("c1", "test", "-e", "/dev/mine/lc").status == 1)
        try await client(
            "config", "device", "add", "c1", "lc", "unix-char", "source=/dev/loop-control", "path=/dev/mine/lc",
            "uid=7",
            "gid=8", "mode=0604")
        #expect(
            try await shell("c1", "stat -c '%F %u:%g %a %t:%T' /dev/mine/lc; stat -c %u /dev/mine")
                == "character special file 7:8 604 \(String(device.major, radix: 16)):\(String(device.minor, radix: 16))\n0"
        )
        #expect(try await shell("c1", "exec 3</dev/mine/lc && echo open") == "open")
        #expect(try allows(rule))
        // As a file of the host's it is there, but not to be opened.
        try await client(
            "config", "device", "add", "c1", "bare", "disk", "source=/dev/cpu_dma_latency", "path=/dev/bare")
        #expect(try await exec("c1", "sh", "-c", "exec 3</dev/bare").status != 0)
        // Changed while it is there; twice the same device by two names.
        try await client("config", "device", "set", "c1", "lc", "mode", "0660")
        #expect(try await shell("c1", "stat -c %a /dev/mine/lc") == "660")
        try await client("config", "device", "add", "c1", "two", "unix-char", "path=/dev/loop-control")
        try await client("config", "device", "remove", "c1", "lc")
        #expect(try await shell("c1", "ls /dev/mine; exec 3</dev/loop-control && echo open") == "open")
        #expect(try allows(rule))
        // By its numbers, without anything on the host; one that everybody may open stays so.
        try await client(
            "config", "device", "add", "c1", "null", "unix-char", "path=/dev/other-null", "major=1", "minor=3",
            "mode=0666")
        #expect(try await shell("c1", "echo x > /dev/other-null && cat /dev/other-null && echo ok") == "ok")
        try await client("config", "device", "remove", "c1", "null")
        #expect(try allows("c 1:3 rwm"))
        #expect(try await exec("c1", "test", "-e", "/dev/other-null").status == 1)

        for (words, reason) in [
            (["unix-block", "source=/dev/null", "path=/dev/x"], "unix-char"),
            (["unix-char", "source=/dev/nothing"], "no character device"),
            (["unix-char", "source=/etc/passwd"], "no character"),
            (["unix-char", "path=/dev/x", "major=1", "minor=3", "uid=70000"], "uid 70000"),
            (["unix-char", "path=/dev/loop-control"], "same path"), (["unix-char", "path=/dev/x", "major=1"], "Both"),
        ] {
            let refused = try await client.run(["config", "device", "add", "c1", "bad"] + words)
            #expect(refused.status == 1 && refused.errors.contains(reason), "\(words): \(refused.errors)")
        }
        #expect(try await instance("c1").devices["bad"] == nil)
        #expect(try await exec("c1", "test", "-e", "/dev/x").status == 1)

        // After a start, and after another daemon.
        try await client("config", "device", "remove", "c1", "bare")
        try await changeState("c1", "restart", timeout: 20)
        try await eventually("c1 is back") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
        #expect(try await shell("c1", "exec 3</dev/loop-control && echo open") == "open")
        try await kill()
        try await start()
        try await client("config", "device", "remove", "c1", "two")
        #expect(try await exec("c1", "test", "-e", "/dev/loop-control").status == 1)
        #expect(try CgroupLayout.detect().isUnified || !allows(rule))
    }

    fileprivate func nodesComeAndGo() async throws {
        let source = path("devices/late")
        // Through a profile, which reaches those that run.
        try await launch("c1")
        try await lx(
            "profile", "device", "add", "default", "late", "unix-char", "source=\(source)", "path=/dev/late",
            "required=false", "mode=0666")
        #expect(try await exec("c1", "test", "-e", "/dev/late").status == 1)
        try makeDirectories(path("devices"))
        #expect(mknod(source, S_IFCHR | 0o600, dev_t(1 << 8 | 5)) == 0)
        try await eventually("the device has come") { try await exec("c1", "test", "-c", "/dev/late").status == 0 }
        #expect(try await shell("c1", "dd if=/dev/late bs=1 count=3 2>/dev/null | wc -c") == "3")
        unlink(source)
        try await eventually("the device has gone") { try await exec("c1", "test", "-e", "/dev/late").status == 1 }
        // Another kind of thing of that name is none.
        try replaceFile(source, [])
        unlink(source)
        // One that is there at a start, on a block device this time.
        let disk = path("devices/disk")
        try await LoopFileSystem.with("ext4", megabytes: 8) { mounted in
            let loop = try await Tool("findmnt").check(["-n", "-o", "SOURCE", mounted], doing: "find").filter {
                !$0.isWhitespace
            }
            #expect(symlink(loop, disk) == 0)
            try await lx(
                "config", "device", "add", "c1", "disk", "unix-block", "source=\(disk)", "path=/dev/disk0",
                "required=false")
            #expect(try await shell("c1", "dd if=/dev/disk0 bs=1k skip=1 count=1 2>/dev/null | wc -c") == "1024")
            try await changeState("c1", "restart", timeout: 20)
            try await eventually("c1 is back") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
            #expect(try await exec("c1", "test", "-b", "/dev/disk0").status == 0)
            unlink(disk)
            try await eventually("the disk has gone") { try await exec("c1", "test", "-e", "/dev/disk0").status == 1 }
        }
        try await lx("profile", "device", "remove", "default", "late")
    }

    fileprivate func refusesHardware(_ name: ClientProgram) async throws {
        let client = program(name)
        try await launch("c1")
        // What need not be there is waited for.
        try await client("config", "device", "add", "c1", "stick", "usb", "vendorid=046d", "productid=c077")
        try await client("config", "device", "add", "c1", "serial", "unix-hotplug", "vendorid=0403")
        for (words, reason) in [
            (["usb", "vendorid=046d", "required=true"], "no such hardware"),
            (["unix-hotplug", "vendorid=0403", "required=true"], "no such hardware"),
            (["gpu", "pci=00fe:00:1f.7"], "no such hardware"), (["gpu", "gputype=mdev", "mdev=x"], "virtual machines"),
            (["gpu", "gputype=mig"], "NVIDIA"), (["pci", "address=0000:00:01.0"], "virtual machines"),
            (["tpm", "path=/dev/tpm0", "pathrm=/dev/tpmrm0"], "TPM"),
            (["infiniband", "nictype=physical", "parent=ib0"], "InfiniBand"), (["usb", "vendorid=xyz"], "vendorid"),
        ] {
            let refused = try await client.run(["config", "device", "add", "c1", "bad"] + words)
            #expect(refused.status == 1 && refused.errors.contains(reason), "\(words): \(refused.errors)")
        }
        #expect(
            try await client("config", "device", "list", "c1").split(separator: "\n").sorted() == ["serial", "stick"])
        try await stop("c1", force: true)
        // Kept while it does not run, refused when it starts, and nothing is left of that.
        try await client("config", "device", "add", "c1", "tpm", "tpm", "path=/dev/tpm0", "pathrm=/dev/tpmrm0")
        try await client("config", "device", "add", "c1", "card", "gpu", "pci=00fe:00:1f.7")
        #expect(try await client.run("config", "device", "add", "c1", "bad", "pci", "address=0000:00:01.0").status == 1)
        #expect(try await client.run("start", "c1").errors.contains("\"card\""))
        try await client("config", "device", "remove", "c1", "card")
        #expect(try await client.run("start", "c1").errors.contains("TPM"))
        try await client("config", "device", "remove", "c1", "tpm")
        try await start("c1")
        // A profile may have what only a virtual machine can use; an instance with it may not.
        try await client("profile", "create", "vm")
        try await client("profile", "device", "add", "vm", "card", "pci", "address=0000:00:01.0")
        #expect(try await client.run("profile", "assign", "c1", "default,vm").status == 1)
        try await client("profile", "delete", "vm")
    }
}
