import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Storage pools of both drivers, with both clients.
    @Suite struct Pools {
        @Test(arguments: ClientProgram.allCases)
        func keys(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.poolKeys(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func sources(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.poolSources(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func onesThatAreOutOfReach(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await LoopFileSystem.with("btrfs") { try await daemon.poolOutOfReach(name, $0) }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func onesThatHoldWhatNobodyKnows(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.poolOfStrangeThings(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func instancesInADirectory(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.instancesInADirectory(name) }
        }
    }
}

extension DaemonFixture {
    fileprivate func poolKeys(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "create", "p1", "dir", "rsync.bwlimit=10MB", "user.a=b")
        #expect(try await client("storage", "get", "p1", "rsync.bwlimit") == "10MB\n")
        try await client("storage", "set", "p1", "user.a", "c")
        #expect(try await client("storage", "get", "p1", "user.a") == "c\n")
        try await client("storage", "unset", "p1", "user.a")
        #expect(try await lx("storage", "show", "p1") == lxc("storage", "show", "p1"))
        let shown = try await client("storage", "show", "p1")
        #expect(shown.contains("driver: dir\n") && !shown.contains("user.a"))
        let changed = shown.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("description:") ? "description: mine" : String($0) }.joined(separator: "\n")
        try await client("storage", "edit", "p1", input: .text(changed))
        #expect(
            try await client("storage", "list", "-f", "csv").contains(
                "p1,dir,\(directory)/storage-pools/p1,mine,0,CREATED\n"))
        for format in ["table", "csv", "compact"] {
            #expect(try await lx("storage", "list", "-f", format) == lxc("storage", "list", "-f", format))
        }
        for bad in [["rsync.bwlimit", "much"], ["nonsense", "1"], ["source", "/elsewhere"], ["size", "1GiB"]] {
            let answer = try await client.run("storage", "set", "p1", bad[0], bad[1])
            #expect(answer.status == 1 && answer.errors.contains(bad[0]), "\(bad): \(answer.errors)")
        }
        for (driver, words) in [
            ("btrfs", "btrfs, zfs, lvm and ceph come with later ones"), ("nonsense", "dir, overlay"),
        ] {
            let answer = try await client.run("storage", "create", "p2", driver)
            #expect(answer.status == 1 && answer.errors.contains(words), "\(answer.errors)")
        }
        #expect(try await client.run("storage", "create", "p2", "dir", "size=1GiB").errors.contains("size"))
        try await client("storage", "volume", "create", "p1", "data")
        #expect(try await client.run("storage", "delete", "p1").errors.contains("currently in use"))
        try await client("storage", "volume", "delete", "p1", "data")
        try await client("storage", "delete", "p1")
        #expect(access("\(directory)/storage-pools/p1", F_OK) != 0)
        #expect(try await client.run("storage", "delete", "p1").status == 1)
    }

    fileprivate func poolSources(_ name: ClientProgram) async throws {
        let client = program(name)
        let source = path("source")
        #expect(
            try await client.run("storage", "create", "p1", "dir", "source=\(source)").errors.contains("doesn't exist"))
        try makeDirectories(source, mode: 0o755)
        try replaceFile(source + "/mine", [1])
        #expect(
            try await client.run("storage", "create", "p1", "dir", "source=\(source)").errors.contains("isn't empty"))
        unlink(source + "/mine")
        symlink(source, path("link"))
        for bad in [path("link"), "relative", "\(directory)/storage-pools/other", "/etc/passwd", "\(source)/../x"] {
            #expect(try await client.run("storage", "create", "p1", "dir", "source=\(bad)").status == 1, "\(bad)")
        }
        #expect(try directoryNames(source).isEmpty)
        try await client("storage", "create", "p1", "dir", "source=\(source)")
        var status = stat()
        #expect(stat(source, &status) == 0 && status.st_mode & 0o7777 == 0o700, "nobody else passes")
        #expect(try await client("storage", "get", "p1", "volatile.initial_source") == "\(source)\n")
        #expect(try await client.run("storage", "create", "p2", "overlay", "source=\(source)").status == 1)
        try await client("storage", "delete", "p1")
        #expect(try directoryNames(source).isEmpty, "it is somebody's directory, and stays")
    }

    /// The file system of a pool is not mounted when lexd starts, and is later.
    fileprivate func poolOutOfReach(_ name: ClientProgram, _ directory: String) async throws {
        let client = program(name)
        try await client("storage", "create", "away", "dir", "source=\(directory)")
        try await launch("c0")
        try await client("launch", "busybox", "c1", "-s", "away", "-c", "boot.autostart=true")
        try await client("stop", "-f", "c1")
        #expect(try await stop() == 0)
        try checked("unmount", directory) { lex_umount_detach(directory) }
        try checked("change the mode of", directory) { chmod(directory, 0o700) }
        try await start()
        #expect(try directoryNames(directory) == [], "nothing is made where it was mounted")
        #expect(try await client("storage", "list", "-f", "csv").contains(",UNAVAILABLE\n"))
        #expect(try await client("list", "-f", "csv", "-c", "ns") == "c0,RUNNING\nc1,STOPPED\n")
        #expect(try await exec("c0", "true").status == 0, "the others go on")
        let refused = try await client.run("start", "c1")
        #expect(refused.status == 1 && refused.errors.contains("Mount the file system it lies on"), "\(refused)")
        #expect(try await client.run("launch", "busybox", "c2", "-s", "away").errors.contains("is not available"))
        func warnings() async throws -> [Warning] {
            try await self.client.call(API.warnings.list, as: [Warning].self, query: ["recursion": "1"])
                .filter { $0.type == "Storage pool unavailable" }
        }
        #expect(try await warnings().map(\.status) == ["new"])
        let image = directory.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/image"
        try await Tool("mount").check(["-o", "loop", image, directory], doing: "mount it again")
        try await eventually("c1 starts by itself") { try await instance("c1").status == "Running" }
        #expect(try await client("storage", "list", "-f", "csv").contains("UNAVAILABLE") == false)
        #expect(try await warnings().map(\.status) == ["resolved"])
        try await client("delete", "-f", "c1", "c0")
        try await client("storage", "delete", "away")
        #expect(try directoryNames(directory) == [])
    }

    fileprivate func poolOfStrangeThings(_ name: ClientProgram) async throws {
        let client = program(name)
        let source = path("source")
        try makeDirectories(source)
        try await client("storage", "create", "p1", "dir", "source=\(source)")
        for nested in [source + "/custom", source + "/images/../custom", path("")] {
            let answer = try await client.run("storage", "create", "p2", "dir", "source=\(nested)")
            #expect(answer.status == 1, "\(nested)")
        }
        try makeDirectories(path("other"))
        symlink(source + "/custom", path("other/link"))
        let linked = try await client.run("storage", "create", "p2", "dir", "source=\(path("other/link/"))")
        #expect(linked.errors.contains("one in the other"), "\(linked.errors)")
        try makeDirectories(source + "/custom/default_alien")
        let refused = try await client.run("storage", "delete", "p1")
        #expect(refused.errors.contains("custom/default_alien"), "\(refused.errors)")
        #expect(try await client("storage", "list", "-f", "csv").contains("p1,dir,"), "it is not lost")
        rmdir(source + "/custom/default_alien")
        try await client("storage", "delete", "p1")
        #expect(try directoryNames(source) == [])
    }

    fileprivate func instancesInADirectory(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "create", "plain", "dir")
        try await client("launch", "busybox", "c1", "-s", "plain")
        try await eventually("c1 has booted") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
        let files = "\(directory)/storage-pools/plain/containers/c1/rootfs"
        try await shell("c1", "echo kept > /root/file; echo x > /tmp/user; chown 1000:1000 /tmp/user; rm /etc/group")
        var status = stat()
        #expect(lstat(files + "/tmp/user", &status) == 0 && status.st_uid == 1000, "files are stored as inside")
        #expect(lstat(files + "/root/file", &status) == 0 && status.st_uid == 0)
        #expect(try await shell("c1", "stat -c %u:%g /root/file /bin/busybox") == "0:0\n0:0")
        try await changeState("c1", "restart", timeout: 20)
        #expect(try await shell("c1", "cat /root/file; ls /etc/group 2>&1 || true").hasPrefix("kept\nls: "))
        #expect(try await client.run("storage", "delete", "plain").errors.contains("currently in use"))
        let volumes = try await client("storage", "volume", "list", "plain", "-f", "csv")
        #expect(volumes.contains("container,c1,,filesystem,1\n"), "\(volumes)")
        // An image's layer in that pool is shown where it is used.
        #expect(volumes.contains("image,"))
        try await client("delete", "-f", "c1")
        try await client("storage", "delete", "plain")
    }
}
