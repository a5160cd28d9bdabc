import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Custom volumes, with both clients.
    @Suite struct Volumes {
        @Test(arguments: ClientProgram.allCases)
        func life(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.lifeOfAVolume(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func copies(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.copiesOfVolumes(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func attached(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.attachedVolumes(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func renamedWithUsers(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.usersFollow(name) }
        }

        /// What a guest does to the place of a disk does it no good.
        @Test func hostileGuest() async throws {
            try await withDaemon { try await $0.hostileGuestOfAVolume() }
        }

        @Test func throughAProfile() async throws {
            try await withDaemon { try await $0.volumeThroughAProfile() }
        }

        /// A crash leaves a volume whole or not at all.
        @Test func afterACrash() async throws {
            try await withDaemon(.withoutImage) { try await $0.volumesAfterACrash() }
        }
    }
}

extension DaemonFixture {
    private func files(_ volume: String, pool: String = "default") -> String {
        "\(directory)/storage-pools/\(pool)/custom/default_\(volume)"
    }

    fileprivate func lifeOfAVolume(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "volume", "create", "default", "data", "user.a=b")
        #expect(
            try await client.run("storage", "volume", "create", "default", "data").errors.contains("already exists"))
        for bad in [["x", "size=0"], ["x", "nonsense=1"], ["x", "snapshots.expiry=soon"], ["x", "--type=block"]] {
            #expect(try await client.run(["storage", "volume", "create", "default"] + bad).status == 1, "\(bad)")
        }
        #expect(try await client("storage", "volume", "get", "default", "data", "user.a") == "b\n")
        try await client("storage", "volume", "set", "default", "data", "user.a=c")
        try await client("storage", "volume", "unset", "default", "data", "user.a")
        #expect(
            try await lx("storage", "volume", "show", "default", "data")
                == lxc("storage", "volume", "show", "default", "data"))
        let shown = try await client("storage", "volume", "show", "default", "data")
        #expect(shown.contains("content_type: filesystem\n") && !shown.contains("user.a"))
        try await client(
            "storage", "volume", "edit", "default", "data", input: .text("description: mine\nconfig:\n  user.x: z\n"))
        try replaceFile(files("data") + "/file", Array("one".utf8))
        try await client("storage", "volume", "snapshot", "default", "data")
        try await client("storage", "volume", "snapshot", "default", "data", "second")
        for format in ["table", "csv", "compact"] {
            let words = ["storage", "volume", "list", "default", "-f", format]
            #expect(try await lx.run(words).text == (try await lxc.run(words).text))
        }
        let list = try await client("storage", "volume", "list", "default", "-f", "csv")
        #expect(
            list
                == "custom,data,mine,filesystem,0\ncustom (snapshot),data/second,mine,filesystem,0\ncustom (snapshot),data/snap0,mine,filesystem,0\n"
        )
        try replaceFile(files("data") + "/file", Array("two".utf8))
        try await client("storage", "volume", "restore", "default", "data", "snap0")
        #expect(try readFile(files("data") + "/file") == "one")
        try await client("storage", "volume", "rename", "default", "data", "new")
        try await client("storage", "volume", "rename", "default", "new/second", "new/third")
        #expect(try await client("storage", "volume", "show", "default", "new/third").contains("name: third\n"))
        #expect(try await client("storage", "volume", "info", "default", "new").contains("Usage: "))
        try await client("storage", "volume", "delete", "default", "new/third")
        #expect(try await client.run("storage", "volume", "delete", "default", "new/third").status == 1)
        try await client("storage", "volume", "delete", "default", "new")
        #expect(try directoryNames("\(directory)/storage-pools/default/custom-snapshots").isEmpty)
        #expect(try await client("storage", "volume", "list", "default", "-f", "csv") == "")
    }

    fileprivate func copiesOfVolumes(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "create", "other", "dir")
        try await client("storage", "volume", "create", "default", "data", "user.a=b")
        try replaceFile(files("data") + "/file", Array("one".utf8))
        try await client("storage", "volume", "snapshot", "default", "data", "s1")
        try replaceFile(files("data") + "/file", Array("two".utf8))
        try await client("storage", "volume", "copy", "default/data", "default/copy")
        try await client("storage", "volume", "copy", "default/data/s1", "other/old")
        try await client("storage", "volume", "copy", "--volume-only", "default/data", "other/alone")
        #expect(try readFile(files("copy") + "/file") == "two")
        #expect(try readFile(files("old", pool: "other") + "/file") == "one")
        #expect(try await client("storage", "volume", "get", "default", "copy", "user.a") == "b\n")
        let others = try await client("storage", "volume", "list", "other", "-f", "csv")
        #expect(others == "custom,alone,,filesystem,0\ncustom,old,,filesystem,0\n")
        try await client("storage", "volume", "move", "default/copy", "other/moved")
        #expect(try readFile(files("moved", pool: "other") + "/file") == "two")
        try await client("storage", "volume", "restore", "other", "moved", "s1")
        #expect(try readFile(files("moved", pool: "other") + "/file") == "one")
        #expect(try directoryNames("\(directory)/storage-pools/default/custom") == ["default_data"])
        #expect(try await client.run("storage", "volume", "copy", "default/none", "default/x").status == 1)
        #expect(try await client.run("storage", "volume", "copy", "default/data", "other/old").status == 1)
        #expect(try await client.run("storage", "delete", "other").status == 1)
        for volume in ["alone", "old", "moved"] { try await client("storage", "volume", "delete", "other", volume) }
        try await client("storage", "delete", "other")
        try await client("storage", "volume", "delete", "default", "data")
    }

    fileprivate func attachedVolumes(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "volume", "create", "default", "data")
        try await launch("c1")
        try await launch("c2")
        // Into a running one, below directories that are not there.
        try await client("storage", "volume", "attach", "default", "data", "c1", "/srv/deep/data")
        try await client("storage", "volume", "attach", "default", "data", "c2", "shared", "/mnt data")
        try await shell(
            "c1", "echo one > /srv/deep/data/file; echo x > /srv/deep/data/user; chown 1000 /srv/deep/data/user")
        #expect(try await shell("c2", "cat '/mnt data/file'; stat -c %u '/mnt data/user'") == "one\n1000")
        #expect(try await shell("c1", "stat -c %u:%g /srv /srv/deep /srv/deep/data") == "0:0\n0:0\n0:0")
        var status = stat()
        #expect(lstat(files("data") + "/user", &status) == 0 && status.st_uid == 1000)
        let refused = try await client.run("storage", "volume", "delete", "default", "data")
        #expect(
            refused.status == 1 && refused.errors.contains("instances c1") && refused.errors.contains("instances c2"))
        #expect(try await client.run("storage", "volume", "rename", "default", "data", "new").status == 1)
        // It is there again after a start, also with another daemon between.
        try await client("storage", "volume", "snapshot", "default", "data", "s1")
        #expect(try await client.run("storage", "volume", "restore", "default", "data", "s1").errors.contains("c1"))
        try await changeState("c1", "restart", timeout: 20)
        try await eventually("c1 is back") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
        #expect(try await shell("c1", "cat /srv/deep/data/file") == "one")
        try await stop()
        try await start()
        try await client("config", "device", "set", "c2", "shared", "readonly=true")
        #expect(try await exec("c2", "touch", "/mnt data/no").errors.contains("Read-only"))
        try await client("storage", "volume", "detach", "default", "data", "c1")
        #expect(try await exec("c1", "test", "-e", "/srv/deep/data/file").status == 1)
        #expect(try await shell("c1", "grep -c /srv/deep /proc/self/mounts || true") == "0")
        try await client("storage", "volume", "detach", "default", "data", "c2", "shared")
        try await client("storage", "volume", "delete", "default", "data")
        #expect(try await client.run("storage", "volume", "attach", "default", "data", "c1", "/x").status == 1)
    }

    /// Who has a volume has it under its new name, and in its new pool.
    fileprivate func usersFollow(_ name: ClientProgram) async throws {
        let client = program(name)
        try await client("storage", "create", "other", "dir")
        try await client("storage", "volume", "create", "default", "data")
        try replaceFile(files("data") + "/file", Array("one".utf8))
        try await client("profile", "create", "shared")
        try await client("storage", "volume", "attach-profile", "default", "data", "shared", "mine", "/srv/two")
        for instance in ["c1", "c2"] { try await create(instance) }
        try await client("profile", "assign", "c2", "default,shared")
        try await client("storage", "volume", "attach", "default", "data", "c1", "mine", "/srv/one")
        try await start("c2")
        let refused = try await client.run("storage", "volume", "rename", "default", "data", "new")
        #expect(refused.status == 1 && refused.errors.contains("instances c2") && !refused.errors.contains("c1"))
        // The stock client makes a copy and deletes the volume, in two requests: with it users cannot follow.
        #expect(try await lx.run("storage", "volume", "move", "default/data", "other/new").status == 1)
        #expect(try directoryNames("\(directory)/storage-pools/other/custom").isEmpty)
        try await stop("c2", force: true)
        try await client("storage", "volume", "rename", "default", "data", "new")
        #expect(try await client("config", "device", "get", "c1", "mine", "source") == "new\n")
        #expect(try await client("profile", "device", "get", "shared", "mine", "source") == "new\n")
        try await lx("storage", "volume", "move", "default/new", "other/moved")
        #expect(try await client("config", "device", "get", "c1", "mine", "pool") == "other\n")
        #expect(try await client("profile", "device", "get", "shared", "mine", "source") == "moved\n")
        #expect(try directoryNames("\(directory)/storage-pools/default/custom").isEmpty)
        for (instance, path) in [("c1", "/srv/one"), ("c2", "/srv/two")] {
            try await start(instance)
            #expect(try await shell(instance, "cat \(path)/file") == "one")
            try await stop(instance, force: true)
        }
        // To another project nobody could follow.
        try await client("project", "create", "apart")
        let kept = try await lx.run(
            "storage", "volume", "move", "other/moved", "other/moved", "--target-project", "apart")
        #expect(kept.status == 1 && kept.errors.contains("still in use"))
    }

    fileprivate func hostileGuestOfAVolume() async throws {
        try await lx("storage", "volume", "create", "default", "data")
        try await launch("c1")
        try await shell(
            "c1",
            "ln -s /proc/1/root/../../.. /escape; ln -s ../../../../../../tmp/inside /up; mkdir -p /tmp/inside; echo x > /file"
        )
        try await lx("storage", "volume", "attach", "default", "data", "c1", "one", "/up/data")
        #expect(try await shell("c1", "touch /tmp/inside/data/here; echo ok") == "ok")
        #expect(access("/tmp/inside", F_OK) != 0, "nothing was made on the host")
        for bad in ["/file", "/file/below", "/a/../../b", "/", "relative/../x"] {
            let answer = try await lx.run("storage", "volume", "attach", "default", "data", "c1", "two", bad)
            #expect(answer.status == 1, "\(bad)")
        }
        #expect(try await instance("c1").devices["two"] == nil, "a disk that could not be mounted is none")
        // The guest takes it off itself and puts something in its place: that is left alone.
        try await shell(
            "c1", "umount /tmp/inside/data; mount -t tmpfs none /tmp/inside/data; touch /tmp/inside/data/mine")
        try await lx("storage", "volume", "detach", "default", "data", "c1", "one")
        #expect(try await shell("c1", "ls /tmp/inside/data") == "mine")
        // A place that is gone.
        try await lx("storage", "volume", "attach", "default", "data", "c1", "/gone")
        try await shell("c1", "umount /gone; rmdir /gone")
        try await lx("storage", "volume", "detach", "default", "data", "c1")
        try await lx("storage", "volume", "delete", "default", "data")
    }

    fileprivate func volumeThroughAProfile() async throws {
        try await lx("storage", "volume", "create", "default", "data", "security.shifted=true")
        try await launch("c1")
        try await lx("storage", "volume", "attach-profile", "default", "data", "default", "data", "/data")
        #expect(try await shell("c1", "touch /data/x; ls /data") == "x")
        #expect(try await lx.run("storage", "volume", "delete", "default", "data").errors.contains("profiles default"))
        try await lx("storage", "volume", "detach-profile", "default", "data", "default")
        #expect(try await exec("c1", "test", "-e", "/data/x").status == 1)
        // As on the host: nobody's for an unprivileged instance.
        try await lx("storage", "volume", "set", "default", "data", "security.unmapped=true")
        try await lx("storage", "volume", "attach", "default", "data", "c1", "/data")
        #expect(try await shell("c1", "stat -c %u /data/x") == "65534")
        try await lx("storage", "volume", "detach", "default", "data", "c1")
        try await lx("storage", "volume", "delete", "default", "data")
    }

    fileprivate func volumesAfterACrash() async throws {
        try await lx("storage", "volume", "create", "default", "data")
        try replaceFile(files("data") + "/file", Array("one".utf8))
        let pool = "\(directory)/storage-pools/default"
        try await stop()
        try makeDirectories(pool + "/.new-cut/volume/half")
        try makeDirectories(pool + "/.removed-cut/half")
        try await start()
        #expect(try readFile(files("data") + "/file") == "one")
        try await eventually("what was cut short is gone") {
            try directoryNames(pool).allSatisfy { !$0.hasPrefix(".") }
        }
        try await lx("storage", "volume", "delete", "default", "data")
    }
}
