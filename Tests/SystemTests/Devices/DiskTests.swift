import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Directories, files, block devices and memory of the host as disks of instances, with both clients.
    @Suite struct HostDisks {
        @Test(arguments: ClientProgram.allCases)
        func options(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.disksOfTheHost(name) }
        }

        @Test func mountsBelow() async throws {
            try await withDaemon { try await $0.mountsBelowDisks() }
        }

        @Test func blockDevices() async throws {
            try await withDaemon { daemon in
                try await LoopFileSystem.with("ext4", megabytes: 16) { try await daemon.blockDeviceAsDisk($0) }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func limits(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.limitsDisks(name) }
        }

        /// What a guest does to the place of a disk never leads to the host.
        @Test func hostileGuest() async throws {
            try await withDaemon { try await $0.hostileGuestOfADisk() }
        }

        @Test(arguments: ClientProgram.allCases)
        func oneBelowAnother(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.disksBelowDisks(name) }
        }

        @Test func whatTheGuestCovers() async throws { try await withDaemon { try await $0.coveredDisk() } }

        @Test func afterAKill() async throws {
            try await withDaemon { try await $0.disksAfterAKill() }
        }
    }
}

extension DaemonFixture {
    private func mounts(_ name: String, at path: String) async throws -> [String] {
        try await shell(name, "cat /proc/self/mounts").split(separator: "\n").map(String.init)
            .filter { $0.split(separator: " ").dropFirst().first.map(String.init) == path }
    }

    /// The root, which says what it is at the next start.
    private func rootThatCannotBeWritten(_ client: Program) async throws {
        try await client("init", "busybox", "c2")
        try await client("config", "device", "override", "c2", "root", "readonly=true")
        try await client("start", "c2")
        let refused = try await exec("c2", "touch", "/root/file")
        #expect(refused.status != 0 && refused.errors.contains("Read-only"))
        try await client("config", "device", "unset", "c2", "root", "readonly")
        #expect(try await exec("c2", "touch", "/root/file").status != 0)
        try await client("restart", "-f", "c2")
        #expect(try await exec("c2", "touch", "/root/file").status == 0)
        try await client("delete", "-f", "c2")
    }

    fileprivate func disksOfTheHost(_ name: ClientProgram) async throws {
        let client = program(name)
        try await rootThatCannotBeWritten(client)
        let source = path("shared dir")
        try makeDirectories(source)
        let file = try file("note", Array("from the host".utf8))
        #expect(chmod(file, 0o644) == 0)
        try await launch("c1")
        try await client("config", "device", "add", "c1", "d", "disk", "source=\(source)", "path=/mnt/a b/d")
        try await client("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/etc/note")
        #expect(
            try await shell("c1", "stat -c %u '/mnt/a b/d'; stat -c %u '/mnt/a b'; cat /etc/note")
                == "65534\n0\nfrom the host")
        #expect(try await exec("c1", "touch", "/mnt/a b/d/x").status == 1, "the host's root is nobody inside")
        // By an idmapped mount its root is ours.
        try await client("config", "device", "set", "c1", "d", "shift", "true")
        try await shell("c1", "touch '/mnt/a b/d/x'; chown 5:6 '/mnt/a b/d/x'")
        var status = stat()
        #expect(lstat(source + "/x", &status) == 0 && status.st_uid == 5 && status.st_gid == 6)
        try await client("config", "device", "set", "c1", "f", "shift", "true")
        #expect(try await shell("c1", "echo more >> /etc/note; stat -c %u /etc/note") == "0")
        #expect(try readFile(file) == "from the hostmore\n")
        try await client("config", "device", "set", "c1", "f", "readonly", "true")
        #expect(try await exec("c1", "sh", "-c", "echo no >> /etc/note").status != 0)
        try await client("config", "device", "set", "c1", "d", "raw.mount.options", "noexec,nosuid,noatime")
        let line = try #require(try await mounts("c1", at: #"/mnt/a\040b/d"#).first)
        #expect(line.contains("noexec") && line.contains("nosuid") && line.contains("noatime"))
        // Memory, as large as it is told.
        try await client("config", "device", "add", "c1", "m", "disk", "source=tmpfs:", "size=1MiB", "path=/mem")
        #expect(
            try await shell(
                "c1", "stat -c %u:%a /mem; dd if=/dev/zero of=/mem/x bs=1k count=2000 2>/dev/null || stat -c %s /mem/x")
                == "0:755\n1048576")

        // Nothing half-applied, and the words name what is wrong.
        for (words, reason) in [
            (["source=/nonexistent/x", "path=/y"], "Missing source path"),
            (["source=\(source)", "path=/etc/note"], "More than one disk device"),
            (["source=\(source)", "path=/y", "raw.mount.options=subvol=x"], "raw.mount.options"),
            (["source=\(file)", "path=/y", "recursive=true"], "recursive"),
            (["source=/proc", "path=/y", "shift=true"], "shift"), (["source=\(file)", "path=/mnt/a b/d"], "path"),
            (["source=\(source)", "path=/y", "limits.read=fast"], "limits.read"),
        ] {
            let refused = try await client.run(["config", "device", "add", "c1", "bad", "disk"] + words)
            #expect(refused.status == 1 && refused.errors.contains(reason), "\(words): \(refused.errors)")
        }
        // The stock client lists them in any order.
        #expect(try await client("config", "device", "list", "c1").split(separator: "\n").sorted() == ["d", "f", "m"])
        #expect(try await exec("c1", "test", "-e", "/y").status == 1)
        try await client(
            "config", "device", "add", "c1", "later", "disk", "source=\(path("later"))", "path=/later", "required=false"
        )
        #expect(try await exec("c1", "test", "-e", "/later").status == 1)

        // The same after a start, and with a daemon that did not give them.
        try makeDirectories(path("later"))
        try await changeState("c1", "restart", timeout: 20)
        try await eventually("c1 is back") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
        #expect(try await shell("c1", "stat -c %u '/mnt/a b/d/x' /etc/note /mem; ls -d /later") == "5\n0\n0\n/later")
        #expect(try await mounts("c1", at: #"/mnt/a\040b/d"#).first?.contains("noexec") == true)
        #expect(try await exec("c1", "sh", "-c", "echo no >> /etc/note").status != 0)
        try await stop()
        try await start()
        // The file of the host is another by now.
        try replaceFile(file, Array("new".utf8))
        for device in ["d", "f", "m", "later"] { try await client("config", "device", "remove", "c1", device) }
        let left = try await shell("c1", "cat /proc/self/mounts")
        #expect(
            !left.contains(" /mnt/a") && !left.contains(" /etc/note") && !left.contains(" /mem ")
                && !left.contains(" /later "))
        // What is needed and has gone: the start says so, and works again without it.
        try await stop("c1", force: true)
        try await client("config", "device", "add", "c1", "d", "disk", "source=\(source)", "path=/d")
        try removeTree(source)
        let refused = try await client.run("start", "c1")
        #expect(refused.status == 1 && refused.errors.contains("Missing source path"), "\(refused.errors)")
        try await client("config", "device", "remove", "c1", "d")
        try await start("c1")
    }

    /// What is mounted below a disk, before and after it is given.
    fileprivate func mountsBelowDisks() async throws {
        let source = path("tree")
        try makeDirectories(source + "/before")
        func mount(_ name: String) async throws {
            try makeDirectories("\(source)/\(name)")
            try await Tool("mount").check(["-t", "tmpfs", "lexd-test", "\(source)/\(name)"], doing: "mount")
            try replaceFile("\(source)/\(name)/seen", [])
        }
        func unmount(_ path: String) { _ = lex_umount_detach(path) }
        try await Tool("mount").check(["-t", "tmpfs", "lexd-test", source], doing: "mount")
        defer { unmount(source) }
        try await Tool("mount").check(["--make-rshared", source], doing: "share")
        try await mount("before")
        defer { unmount(source + "/before") }
        try await launch(
            "c1",
            devices: [
                "plain": ["type": "disk", "source": source, "path": "/plain"],
                "deep": ["type": "disk", "source": source, "path": "/deep", "recursive": "true"],
                "slave": [
                    "type": "disk", "source": source, "path": "/slave", "recursive": "true", "propagation": "rslave",
                ],
            ])
        try await lx(
            "config", "device", "add", "c1", "hot", "disk", "source=\(source)", "path=/hot", "recursive=true",
            "propagation=rshared")
        func seen(_ name: String) async throws -> String {
            try await shell("c1", "for d in plain deep slave hot; do [ -e /$d/\(name)/seen ] && echo $d; done; true")
        }
        #expect(try await seen("before") == "deep\nslave\nhot")
        for (device, propagation) in [("stiff", "unbindable"), ("stiff2", "runbindable")] {
            try await lx(
                "config", "device", "add", "c1", device, "disk", "source=\(source)/before", "path=/\(device)",
                "propagation=\(propagation)")
        }
        func unbindable() async throws -> String {
            try await shell("c1", "grep unbindable /proc/self/mountinfo | cut -d' ' -f5 | sort")
        }
        #expect(try await unbindable() == "/stiff\n/stiff2")
        #expect(try await exec("c1", "sh", "-c", "mkdir /x && mount --bind /stiff /x").status != 0)
        try await lx("restart", "--force", "c1")
        #expect(try await unbindable() == "/stiff\n/stiff2")
        for device in ["stiff", "stiff2"] { try await lx("config", "device", "remove", "c1", device) }
        // A file is not put on a directory, nor the other way.
        let file = try self.file("a-file", [1])
        let onDirectory = try await lx.run("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/etc")
        #expect(onDirectory.errors.contains("its source is a file, and a directory is there"), "\(onDirectory)")
        let onFile = try await lx.run(
            "config", "device", "add", "c1", "f", "disk", "source=\(source)/before", "path=/etc/passwd")
        #expect(onFile.errors.contains("its source is a directory, and a file is there"), "\(onFile)")
        try await mount("after")
        defer { unmount(source + "/after") }
        #expect(try await seen("after") == "slave\nhot")
        // What is mounted inside is not seen on the host, and taking the disk leaves the host's mounts alone.
        try await shell("c1", "mount -t tmpfs inside /hot/before && touch /hot/before/inside")
        #expect(access(source + "/before/inside", F_OK) != 0)
        for device in ["plain", "deep", "slave", "hot"] { try await lx("config", "device", "remove", "c1", device) }
        #expect(access(source + "/before/seen", F_OK) == 0 && access(source + "/after/seen", F_OK) == 0)
        #expect(try await !shell("c1", "cat /proc/self/mounts").contains("lexd-test"))
        try await stop("c1", force: true)
        try await lx("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/etc")
        let started = try await lx.run("start", "c1")
        #expect(started.errors.contains("is a file, and a directory is there"), "\(started)")
    }

    fileprivate func blockDeviceAsDisk(_ mounted: String) async throws {
        let device = try await Tool("findmnt").check(["-n", "-o", "SOURCE", mounted], doing: "find").filter {
            !$0.isWhitespace
        }
        try replaceFile(mounted + "/file", Array("on the disk".utf8))
        try await launch("c1")
        try await lx("config", "device", "add", "c1", "b", "disk", "source=\(device)", "path=/b", "shift=true")
        #expect(try await shell("c1", "cat /b/file; touch /b/mine; stat -c %u /b/mine") == "on the disk0")
        #expect(try await shell("c1", "grep -c ' /b ext4 ' /proc/self/mounts") == "1")
        try await lx("config", "device", "set", "c1", "b", "readonly", "true")
        #expect(try await exec("c1", "touch", "/b/no").status == 1)
        let refused = try await lx.run("config", "device", "set", "c1", "b", "raw.mount.options", "nonsense=1")
        #expect(refused.status == 1 && refused.errors.contains("nonsense=1"), "\(refused.errors)")
        #expect(try await shell("c1", "cat /b/file") == "on the disk")
        try await changeState("c1", "restart", timeout: 20)
        try await eventually("c1 is back") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
        #expect(try await shell("c1", "cat /b/file") == "on the disk")
        try await lx("config", "device", "remove", "c1", "b")
        #expect(try await exec("c1", "test", "-e", "/b/file").status == 1)
        let empty = try await lx.run(
            "config", "device", "add", "c1", "z", "disk", "source=/dev/loop-control", "path=/z")
        #expect(empty.status == 0, "a device of characters is a file")
        try await lx("config", "device", "remove", "c1", "z")
    }

    fileprivate func limitsDisks(_ name: ClientProgram) async throws {
        let client = program(name)
        let layout = try CgroupLayout.detect()
        let source = path("limited")
        try makeDirectories(source)
        let disk = try #require(try BlockDevices.under(source).first)
        func limits() throws -> Set<String> {
            if layout.isUnified {
                return Set(try readFile("\(cgroup("c1", "io"))/io.max").split(separator: "\n").map(String.init))
            }
            var found: Set<String> = []
            for (word, file) in [
                ("rbps", "read_bps"), ("wbps", "write_bps"), ("riops", "read_iops"), ("wiops", "write_iops"),
            ] {
                for line in try readFile("\(cgroup("c1", "blkio"))/blkio.throttle.\(file)_device").split(
                    separator: "\n")
                {
                    let fields = line.split(separator: " ")
                    found.insert("\(fields[0]) \(word)=\(fields[1])")
                }
            }
            return found
        }
        try await create("c1")
        try await client("config", "device", "override", "c1", "root", "limits.max=40MiB")
        try await start("c1")
        if !layout.isUnified { #expect(try limits() == ["\(disk) rbps=41943040", "\(disk) wbps=41943040"]) }
        try await client("config", "device", "set", "c1", "root", "limits.max", "100iops")
        if !layout.isUnified { #expect(try limits() == ["\(disk) riops=100", "\(disk) wiops=100"]) }
        // Two disks on one: the kernel has one limit, the mean.
        try await client(
            "config", "device", "add", "c1", "d", "disk", "source=\(source)", "path=/d", "limits.read=300iops",
            "limits.write=1MB")
        if !layout.isUnified {
            #expect(try limits() == ["\(disk) riops=200", "\(disk) wiops=100", "\(disk) wbps=1000000"])
        }
        try await client("config", "device", "remove", "c1", "d")
        try await client("config", "device", "unset", "c1", "root", "limits.max")
        #expect(try limits().isEmpty)
        let refused = try await client.run(
            "config", "device", "add", "c1", "d", "disk", "source=/proc", "path=/d", "limits.read=1MB")
        #expect(refused.status == 1 && refused.errors.contains("\"d\""), "\(refused.errors)")

        // Weights, where the kernel has them.
        let names = ["io.weight", "io.bfq.weight", "blkio.weight", "blkio.bfq.weight"]
        let group = try cgroup("c1", layout.isUnified ? "io" : "blkio")
        let set = try await client.run("config", "set", "c1", "limits.disk.priority=3")
        if let file = names.first(where: { access("\(group)/\($0)", F_OK) == 0 }) {
            #expect(try set.status == 0 && readFile("\(group)/\(file)").contains("300"))
            try await changeState("c1", "restart", timeout: 20)
            #expect(try readFile("\(group)/\(file)").contains("300"))
            try await client("config", "unset", "c1", "limits.disk.priority")
            #expect(try !readFile("\(group)/\(file)").contains("300"))
        } else {
            #expect(set.status == 1 && set.errors.contains("limits.disk.priority"))
        }
    }

    fileprivate func hostileGuestOfADisk() async throws {
        let source = path("gift")
        let file = try file("gift file", Array("gift".utf8))
        #expect(chmod(file, 0o644) == 0)
        try makeDirectories(source)
        try await launch("c1")
        let target = path("target")
        try makeDirectories(target)
        try replaceFile(target + "/file", Array("the host's".utf8))
        try await shell(
            "c1",
            """
            ln -s \(target) /absolute; ln -s ../../../../../../../..\(target) /up; ln -s /proc/1/root\(target) /proc1
            ln -s /absolute/file /link; ln -s /proc/self/fd/0 /magic; ln -s /loop /loop; mkdir -p \(target); touch \(target)/file
            """)
        for (index, place) in ["/absolute/d", "/up/e"].enumerated() {
            try await lx("config", "device", "add", "c1", "d\(index)", "disk", "source=\(source)", "path=\(place)")
        }
        try await lx("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/link")
        for bad in ["/proc1/d", "/magic", "/loop", "/loop/x", "/dev/null/x"] {
            let answer = try await lx.run(
                "config", "device", "add", "c1", "bad", "disk", "source=\(source)", "path=\(bad)")
            #expect(answer.status == 1, "\(bad)")
        }
        #expect(try await shell("c1", "cat /link") == "gift")
        #expect(try directoryNames(target) == ["file"] && readFile(target + "/file") == "the host's")
        #expect(try !readFile("/proc/self/mounts").contains(target))
        // The same places at a start: it mounts them inside or says that it does not.
        _ = try? await changeState("c1", "stop", timeout: 20)
        _ = try await lx.run("start", "c1")
        #expect(try directoryNames(target) == ["file"] && readFile(target + "/file") == "the host's")
        if try await instance("c1").status == "Running" { try await stop("c1", force: true) }
        for device in ["d0", "d1", "f"] { try await lx("config", "device", "remove", "c1", device) }
        try await start("c1")
        // Its own mount in the place of a file is its own.
        try await lx("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/plain")
        try await shell("c1", "umount /plain; echo mine > /own; mount --bind /own /plain")
        try await lx("config", "device", "remove", "c1", "f")
        #expect(try await shell("c1", "cat /plain") == "mine")
    }

    /// What is mounted below a disk that changes is there again; what only memory holds is not lost.
    fileprivate func disksBelowDisks(_ name: ClientProgram) async throws {
        let client = program(name)
        let (upper, lower) = (path("upper"), path("lower"))
        for directory in [upper, lower] { try makeDirectories(directory, mode: 0o755) }
        try makeDirectories(upper + "/sub", mode: 0o755)
        try replaceFile(lower + "/below", [], mode: 0o644)
        func add(_ device: String, _ words: String...) async throws {
            let answer = try await client.run(["config", "device", "add", "c1", device, "disk"] + words)
            #expect(answer.status == 0, "\(answer.errors)")
        }
        try await launch("c1")
        try await add("a", "source=\(upper)", "path=/mnt/a")
        try await add("b", "source=\(lower)", "path=/mnt/a/sub")
        #expect(try await shell("c1", "ls /mnt/a/sub") == "below")
        try await client("config", "device", "set", "c1", "a", "readonly", "true")
        #expect(try await shell("c1", "ls /mnt/a/sub") == "below")
        #expect(try await mounts("c1", at: "/mnt/a").last?.contains(" ro,") == true)
        try await client("config", "device", "remove", "c1", "b")
        #expect(try await shell("c1", "ls -A /mnt/a/sub") == "")

        try await add("m", "source=tmpfs:", "path=/mnt/a/sub", "size=1MiB")
        try await shell("c1", "head -c 500000 /dev/zero > /mnt/a/sub/kept")
        for words in [["set", "c1", "a", "readonly", "false"], ["remove", "c1", "a"]] {
            let refused = try await client.run(["config", "device"] + words)
            #expect(refused.status == 1 && refused.errors.contains("device \"m\""), "\(refused.errors)")
        }
        // Its size changes where it is.
        try await client("config", "device", "set", "c1", "m", "size", "4MiB")
        #expect(
            try await shell("c1", "df -k /mnt/a/sub | tail -n 1 | awk '{ print $2 }'; stat -c %s /mnt/a/sub/kept")
                == "4096\n500000")
        let small = try await client.run("config", "device", "set", "c1", "m", "size", "64KiB")
        #expect(small.status == 1 && small.errors.contains("It holds more than that"), "\(small.errors)")
        #expect(try await client("config", "device", "get", "c1", "m", "size") == "4MiB\n")
        #expect(try await shell("c1", "stat -c %s /mnt/a/sub/kept") == "500000")
        // One that comes above another hides nothing, and goes without leaving anything.
        for device in ["m", "a"] { try await client("config", "device", "remove", "c1", device) }
        try await add("m", "source=tmpfs:", "path=/mnt/a/sub")
        let above = ["config", "device", "add", "c1", "a", "disk", "source=\(upper)", "path=/mnt/a"]
        #expect(try await client.run(above).errors.contains("device \"m\""))
        try await client("config", "device", "remove", "c1", "m")
        try await add("b", "source=\(lower)", "path=/mnt/a/sub")
        try await add("a", "source=\(upper)", "path=/mnt/a")
        #expect(try await shell("c1", "ls /mnt/a/sub") == "below")
        try await client("config", "device", "remove", "c1", "a")
        #expect(try await shell("c1", "ls /mnt/a/sub; grep -c /mnt/a /proc/self/mounts") == "below\n1")
        try await client("config", "device", "remove", "c1", "b")
        #expect(try await shell("c1", "grep -c /mnt/a /proc/self/mounts || true") == "0")
        #expect(try directoryNames(upper) == ["sub"])
    }

    /// A guest that mounts over a disk does not keep it.
    fileprivate func coveredDisk() async throws {
        let source = path("covered")
        try makeDirectories(source, mode: 0o755)
        let file = try file("covered file", Array("the host's".utf8))
        try checked("open to all", file) { chmod(file, 0o644) }
        try await launch("c1")
        try await lx("config", "device", "add", "c1", "d", "disk", "source=\(source)", "path=/mnt/d", "shift=true")
        try await lx("config", "device", "add", "c1", "f", "disk", "source=\(file)", "path=/mnt/f", "shift=true")
        try await shell(
            "c1",
            """
            mount -t tmpfs one /mnt/d; mkdir /mnt/d/sub; mount -t tmpfs two /mnt/d/sub; echo mine > /mnt/d/sub/file
            mount -t tmpfs three /mnt/d; mkdir /mnt/d/upper; echo mine > /own; mount --bind /own /mnt/f
            """)
        try await lx("config", "device", "add", "c1", "t", "disk", "source=\(source)", "path=/mnt/t", "shift=true")
        try await shell("c1", "for i in 1 2 3; do mount --bind /mnt/t /mnt/t; done")
        for device in ["d", "f", "t"] { try await lx("config", "device", "remove", "c1", device) }
        #expect(try await shell("c1", "grep -c /mnt/t /proc/self/mounts || true") == "0", "bound over itself")
        #expect(try await shell("c1", "ls /mnt/d; cat /mnt/f") == "upper\nmine", "what lies over it stays")
        try await shell("c1", "umount /mnt/d; cat /mnt/d/sub/file; umount /mnt/d/sub /mnt/d /mnt/f")
        #expect(try await shell("c1", "cat /mnt/f") == "")
        try await shell("c1", "touch /mnt/d/written")
        #expect(try directoryNames(source) == [], "it is not the host's any more")
        #expect(try await shell("c1", "grep -c /mnt/ /proc/self/mounts || true") == "0")
    }

    fileprivate func disksAfterAKill() async throws {
        let source = path("kept")
        try makeDirectories(source)
        try await launch("c1")
        try await lx("config", "device", "add", "c1", "d", "disk", "source=\(source)", "path=/d", "shift=true")
        try await lx("config", "device", "add", "c1", "m", "disk", "source=tmpfs:", "path=/m")
        try await kill()
        try await start()
        #expect(try await shell("c1", "touch /d/x; ls /d; grep -c ' /[dm] ' /proc/self/mounts") == "x\n2")
        try await lx("config", "device", "set", "c1", "d", "readonly", "true")
        #expect(try await shell("c1", "grep -c ' /d ' /proc/self/mounts") == "1")
        // In the middle of one: what is told of is taken back, or done.
        async let cut = lx.run("config", "device", "add", "c1", "e", "disk", "source=\(source)", "path=/e")
        try await Task.sleep(for: .milliseconds(15))
        try await kill()
        _ = try? await cut
        try await start()
        let isThere = try await instance("c1").devices["e"] != nil
        #expect(try await shell("c1", "grep -c ' /e ' /proc/self/mounts || true") == (isThere ? "1" : "0"))
        for device in ["d", "m"] + (isThere ? ["e"] : []) { try await lx("config", "device", "remove", "c1", device) }
        #expect(try await shell("c1", "grep -c ' /[dme] ' /proc/self/mounts || true") == "0")
    }
}
