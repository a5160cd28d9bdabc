import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Files of instances, running and stopped, with both clients.
    @Suite struct FilesOfInstances {
        @Test(arguments: ClientProgram.allCases, [true, false])
        func pushPullEditDelete(_ name: ClientProgram, _ runs: Bool) async throws {
            try await withDaemon { try await $0.checkPushAndPull(name, runs: runs) }
        }

        @Test(arguments: ClientProgram.allCases)
        func directoriesGoThereAndBack(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkDirectories(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func linksArePulled(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkLinks(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func filesThatAreNotAsLongAsTheySay(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkDishonestSizes(name) }
        }

        @Test func aFileThatIsCutWhileItIsPulled() async throws {
            try await withDaemon { try await $0.checkCutFile() }
        }

        @Test func partsAndConditions() async throws {
            try await withDaemon { try await $0.checkPartsAndConditions() }
        }

        @Test func namesAreBytes() async throws {
            try await withDaemon { try await $0.checkNames() }
        }

        /// As the instance owns it and as the host does, with an id map and without.
        @Test func ownersGoThroughTheMap() async throws {
            try await withDaemon { try await $0.checkOwners() }
        }

        @Test func aLargeFileIsNeverInMemory() async throws {
            try await withDaemon { try await $0.checkLargeFile() }
        }

        /// Who looks at a stopped instance does not keep it from being started, and what was begun ends with that.
        @Test func aStartEndsWhatLooksAtTheFiles() async throws {
            try await withDaemon { try await $0.checkStartAndEnd() }
        }

        @Test func eventsSayWhat() async throws {
            try await withDaemon { try await $0.checkEvents() }
        }

        @Test(arguments: ClientProgram.allCases)
        func mountedWithSSHFS(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkMount(name) }
        }
    }
}

extension DaemonFixture {
    /// Asks for a file as a stranger would.
    fileprivate func file(
        _ method: LexAPI.Method, _ path: String, _ body: String? = nil, instance: String = "c1",
        _ headers: [(String, String)] = []
    ) async throws -> RawAnswer {
        try await client.raw(
            method, "/1.0/instances/\(instance)/files?path=\(path)", body: body.map { Array($0.utf8) },
            headers: headers)
    }

    fileprivate func checkPushAndPull(_ name: ClientProgram, runs: Bool) async throws {
        try await create("c1")
        if runs { try await start("c1") }
        let client = program(name)
        let hosts = try file("hosts", Array("127.0.0.1 here\n".utf8))
        try await client("file", "push", hosts, "c1/etc/hosts", "--uid", "5", "--gid", "6", "--mode", "0640")
        #expect(try await client("file", "pull", "c1/etc/hosts", "-") == "127.0.0.1 here\n")
        let seen = try await file(.get, "/etc/hosts")
        #expect(seen.header("X-LXD-uid") == "5")
        #expect(seen.header("X-LXD-gid") == "6")
        #expect(seen.header("X-LXD-mode") == "0640")
        #expect(seen.header("X-LXD-type") == "file")
        let head = try await file(.head, "/etc/hosts")
        #expect(head.status == 200)
        #expect(head.header("X-LXD-mode") == "0640")
        #expect(head.header("Content-Length") == "15")
        // Into a directory that is not there: refused, or made.
        #expect(try await client.run("file", "push", hosts, "c1/srv/a/hosts").status == 1)
        try await client("file", "push", "-p", hosts, "c1/srv/a/")
        #expect(try await client("file", "pull", "c1/srv/a/hosts", "-") == "127.0.0.1 here\n")
        // From standard input, by push and by edit, which leaves owner and mode alone.
        try await client("file", "push", "-", "c1/etc/typed", input: .text("typed\n"))
        #expect(try await client("file", "pull", "c1/etc/typed", "-") == "typed\n")
        try await client("file", "edit", "c1/etc/hosts", input: .text("127.0.0.1 there\n"))
        let edited = try await file(.get, "/etc/hosts")
        #expect(String(decoding: edited.body, as: UTF8.self) == "127.0.0.1 there\n")
        #expect(edited.header("X-LXD-mode") == "0640")
        // Pulled to a file, with its mode, and to a directory.
        try await client("file", "pull", "c1/etc/hosts", path("pulled"))
        #expect(try readFile(path("pulled")) == "127.0.0.1 there\n")
        var status = stat()
        #expect(stat(path("pulled"), &status) == 0 && status.st_mode & 0o777 == 0o640)
        try await client("file", "pull", "c1/etc/hosts", "c1/etc/typed", path("both") + "/")
        #expect(try readFile(path("both/typed")) == "typed\n")
        #expect(try await client.run("file", "pull", "c1/etc", path("both")).errors.contains("--recursive"))

        #expect(try await client.run("file", "delete", "c1/srv").status == 1)
        try await client("file", "delete", "c1/srv/a/hosts", "c1/srv/a")
        #expect(try await client.run("file", "pull", "c1/srv/a/hosts", "-").errors.contains("Not Found"))
        if runs {
            #expect(try await shell("c1", "stat -c '%u %g %a' /etc/hosts") == "5 6 640")
        } else {
            // What was done to one that stood still is there when it runs.
            try await start("c1")
            #expect(try await shell("c1", "cat /etc/hosts") == "127.0.0.1 there")
        }
    }

    fileprivate func checkDirectories(_ name: ClientProgram) async throws {
        try await launch("c1")
        try await create("c2")
        let client = program(name)
        let tree = path("tree")
        try makeDirectories("\(tree)/deep/er/est")
        try makeDirectories("\(tree)/empty", mode: 0o711)
        for number in 0..<300 {
            try replaceFile("\(tree)/deep/f\(number)", [UInt8](repeating: UInt8(number % 256), count: number * 7))
        }
        try replaceFile("\(tree)/large", [UInt8](repeating: 7, count: 700_001))
        #expect(symlink("deep/f1", "\(tree)/link") == 0)
        #expect(symlink("/none", "\(tree)/dangling") == 0)
        #expect(chmod("\(tree)/deep/f7", 0o751) == 0)
        let long = String(repeating: "n", count: 255)
        try replaceFile("\(tree)/short", "long".utf8)
        #expect(rename("\(tree)/short", "\(tree)/\(long)") == 0)
        for instance in ["c1", "c2"] {
            try await client("file", "push", "-r", tree, "\(instance)/root/")
            // Again over what is there.
            if name == .lx { try await client("file", "push", "-r", tree, "\(instance)/root/") }
            try makeDirectories(path("back-\(instance)"))
            try await client("file", "pull", "-r", "\(instance)/root/tree", path("back-\(instance)"))
            let back = path("back-\(instance)/tree")
            if name == .lx {
                try await Program("diff")("-r", "--no-dereference", tree, back)
            } else {
                // The stock client makes links absolute.
                try await Program("diff")("-r", "--no-dereference", "-x", "link", tree, back)
            }
            var status = stat()
            #expect(stat("\(back)/deep/f7", &status) == 0 && status.st_mode & 0o777 == 0o751)
            #expect(stat("\(back)/empty", &status) == 0 && status.st_mode & 0o777 == 0o711)
        }
        #expect(try await shell("c1", "ls /root/tree/deep | wc -l") == "301")
        #expect(try await shell("c1", "readlink /root/tree/link") == "deep/f1")
        #expect(try await client.run("file", "push", "-r", "--mode", "0644", tree, "c1/root/").status == 1)
    }

    /// To standard output comes what a link leads to, to a file the link.
    fileprivate func checkLinks(_ name: ClientProgram) async throws {
        try await launch("c1")
        try await shell(
            "c1",
            "cd /root; echo hi > f; ln -s f link; ln -s link again; ln -s nothing dangling; ln -s loop loop;"
                + " mkdir d; echo deep > d/g; ln -s /root/d dir")
        let client = program(name)
        for link in ["link", "again"] {
            #expect(try await client("file", "pull", "c1/root/\(link)", "-") == "hi\n")
        }
        #expect(try await client.run("file", "pull", "c1/root/dangling", "-").errors.contains("Not Found"))
        #expect(try await client.run("file", "pull", "c1/root/loop", "-").errors.contains("Too many links"))
        for (link, target) in [
            ("link", "f"), ("again", "link"), ("dangling", "nothing"), ("dir", "d"), ("loop", "loop"),
        ] {
            try await client("file", "pull", "c1/root/\(link)", path("pulled-\(link)"))
            #expect(try await Program("readlink")(path("pulled-\(link)")) == "/root/\(target)\n")
        }
        #expect(try await client.run("file", "pull", "c1/root/link", path("pulled-link")).status == 1)
        try await client("file", "pull", "-r", "c1/root/link", path("followed"))
        #expect(try readFile(path("followed")) == "hi\n")
        // Here the stock client ends in a panic.
        guard name == .lx else { return }
        let directory = try await client.run("file", "pull", "c1/root/dir", "-")
        #expect(directory.status == 1 && directory.errors.contains("Can't pull a directory without --recursive"))
        try await client("file", "pull", "-r", "c1/root/dir", path("directory"))
        #expect(try readFile(path("directory/dir/g")) == "deep\n")
    }

    /// In /proc files have no size, in /sys that of a page.
    fileprivate func checkDishonestSizes(_ name: ClientProgram) async throws {
        try await launch("c1")
        let client = program(name)
        #expect(try await client("file", "pull", "c1/proc/meminfo", "-").contains("MemTotal:"))
        try await client("file", "pull", "c1/sys/class/net/lo/mtu", path("mtu"))
        #expect(try readFile(path("mtu")) == "65536\n")
        // Longer than what is read at once.
        let symbols = try await client("file", "pull", "c1/proc/kallsyms", "-").split(separator: "\n").count
        #expect(try await shell("c1", "wc -l < /proc/kallsyms") == "\(symbols)")
        let answer = try await file(.get, "/proc/meminfo", nil, [("Range", "bytes=0-1")])
        #expect(answer.status == 200 && answer.header("Content-Length") == nil && answer.body.count > 100)
        for place in ["/proc/meminfo", "/sys/class/net/lo/mtu"] {
            let head = try await file(.head, place)
            #expect(head.status == 200 && head.header("Content-Length") == nil, "\(place)")
            #expect(head.header("Accept-Ranges") == nil && head.header("X-LXD-type") == "file", "\(place)")
        }
        #expect(try await file(.head, "/etc/passwd").header("Accept-Ranges") == "bytes")
        try await client("file", "pull", "c1/etc/passwd", path("passwd"))
        guard name == .lx else { return }
        try await client("file", "pull", "-r", "c1/sys/class/net/lo/statistics", path("numbers"))
        #expect(Int(try readFile(path("numbers/statistics/rx_bytes")).dropLast()) != nil)
        try await client("file", "pull", "-r", "c1/proc/sys/kernel/random", path("numbers"))
        #expect(try readFile(path("numbers/random/boot_id")).count == 37)
    }

    fileprivate func checkCutFile() async throws {
        try await launch("c1")
        try await shell("c1", "dd if=/dev/zero of=/root/sparse bs=1 count=1 seek=4294967295 2>/dev/null")
        let place = path("sparse")
        let pull = Task { [lx] in try await lx.run("file", "pull", "c1/root/sparse", place) }
        try await eventually("it has begun") {
            var status = stat()
            return stat(place, &status) == 0 && status.st_size > 0
        }
        try await shell("c1", "truncate -s 10 /root/sparse")
        let output = try await pull.value
        #expect(output.status == 1 && output.errors.contains("became shorter while it was read"), "\(output.errors)")
        #expect(access(place, F_OK) != 0)
    }

    fileprivate func checkPartsAndConditions() async throws {
        try await create("c1")
        #expect(try await file(.post, "/root/f", "0123456789", [("X-LXD-mode", "0x1ed")]).status == 200)
        let head = try await file(.head, "/root/f")
        #expect(head.header("Accept-Ranges") == "bytes" && head.header("X-LXD-mode") == "0755")
        let modified = try #require(head.header("Last-Modified"))
        func get(_ headers: (String, String)...) async throws -> RawAnswer {
            try await file(.get, "/root/f", nil, headers)
        }
        let whole = try await get()
        #expect(whole.header("Last-Modified") == modified && whole.header("Accept-Ranges") == "bytes")
        let part = try await get(("Range", "bytes=2-4"), ("If-Range", modified))
        #expect(part.status == 206 && part.header("Content-Range") == "bytes 2-4/10")
        #expect(String(decoding: part.body, as: UTF8.self) == "234" && part.header("Content-Length") == "3")
        let other = try await get(("Range", "bytes=2-4"), ("If-Range", "\"x\""))
        #expect(other.status == 200 && other.body.count == 10 && other.header("Content-Range") == nil)
        let outside = try await get(("Range", "bytes=12-2"))
        #expect(outside.status == 416 && outside.header("Content-Range") == "bytes */10")
        let same = try await get(("If-Modified-Since", modified))
        #expect(same.status == 304 && same.body.isEmpty && same.header("Content-Type") == nil)
        #expect(try await get(("If-Match", "\"x\"")).status == 412)
        let several = try await get(("Range", "bytes=0-0,2-2"))
        #expect(several.status == 200 && several.body.count == 10)
        // The connection goes on behind each of them.
        #expect(try await get().status == 200)
    }

    fileprivate func checkNames() async throws {
        try await launch("c1")
        // Bytes that are no UTF-8, over REST.
        let odd = "/root/%ff%fe%0a"
        #expect(try await file(.post, odd, "odd").status == 200)
        #expect(String(decoding: try await file(.get, odd).body, as: UTF8.self) == "odd")
        #expect(try await shell("c1", "cat /root/$(printf '\\377\\376')*") == "odd")
        // And over SFTP.
        try makeDirectories(path("odd"))
        let made: [UInt8] = Array(path("odd/").utf8) + [0xc3, 0x28]
        let descriptor = open(made.map { CChar(bitPattern: $0) } + [0], O_WRONLY | O_CREAT, 0o644)
        #expect(descriptor >= 0)
        close(descriptor)
        try await lx("file", "push", "-r", path("odd"), "c1/root/")
        #expect(try await shell("c1", "cd /root/odd; printf %s * | od -An -tx1 | tr -d ' \\n'") == "c328")
        try makeDirectories(path("odd-back"))
        try await lx("file", "pull", "-r", "c1/root/odd", path("odd-back"))
        let back: [UInt8] = Array(path("odd-back/odd/").utf8) + [0xc3, 0x28]
        #expect(access(back.map { CChar(bitPattern: $0) } + [0], F_OK) == 0)

        #expect(try await file(.get, odd + String(repeating: "n", count: 256)).status == 400)
        #expect(try await file(.get, "/" + String(repeating: "n/", count: 2500)).status == 400)
        #expect(try await file(.get, "/root/a%00b").status == 400)
        #expect(try await file(.get, "").status == 400)
        #expect(try await file(.delete, odd).status == 200)
        #expect(try await file(.get, odd).status == 404)
    }

    fileprivate func checkOwners() async throws {
        try await launch("c1")
        try await launch("c2", config: ["security.privileged": "true"])
        for (name, base) in [
            ("c1", try #require(UInt32(try await instance("c1").config["volatile.idmap.base"] ?? ""))), ("c2", 0),
        ] {
            let headers = [("X-LXD-uid", "1000"), ("X-LXD-gid", "100"), ("X-LXD-mode", "04755")]
            #expect(try await file(.post, "/root/mine", "x", instance: name, headers).status == 200)
            #expect(try await shell(name, "stat -c '%u %g %a' /root/mine") == "1000 100 4755")
            var status = stat()
            let seen = "/proc/\(try await initProcess(name))/root/root/mine"
            #expect(stat(seen, &status) == 0)
            #expect(status.st_uid == base + 1000 && status.st_gid == base + 100)
            // An id that is none inside is refused, and nothing is left half-way.
            if base > 0 {
                for (path, body, kind) in [
                    ("/root/high", "x", "file"), ("/root/large", String(repeating: "x", count: 300_000), "file"),
                    ("/root/d", "", "directory"),
                ] {
                    let high = try await file(
                        .post, path, body, instance: name, [("X-LXD-uid", "70000"), ("X-LXD-type", kind)])
                    #expect(high.status == 400, "\(high.status)")
                    #expect(try await file(.get, path, instance: name).status == 404)
                }
            }
        }
    }

    fileprivate func checkLargeFile() async throws {
        try await launch("c1")
        try await shell("c1", "dd if=/dev/zero of=/root/sparse bs=1 count=1 seek=536870911 2>/dev/null")
        let process = try #require(daemonProcess).id
        let before = try Self.memory(of: process)
        let null = try OwnedDescriptor.open("/dev/null", O_WRONLY)
        let download = try await client.download(
            API.instances.file, path: ["name": "c1"], query: ["path": "/root/sparse"])
        #expect(download.length == 536_870_912)
        try await download.write(to: null.number)
        // Back the same way, as a body whose length nobody says.
        let sparse = path("sparse")
        #expect(truncate(try file("sparse", []), 300_000_000) == 0)
        try await lx("file", "push", sparse, "c1/root/copy")
        #expect(try await shell("c1", "stat -c %s /root/copy") == "300000000")
        let part = try await file(.get, "/root/sparse", nil, [("Range", "bytes=536870900-")])
        #expect(part.status == 206)
        #expect(part.body.count == 12)
        #expect(try await file(.get, "/root/sparse", nil, [("Range", "bytes=536870912-")]).status == 416)
        #expect(try Self.memory(of: process) - before < 48 << 10)
    }

    /// The most resident memory a process has had, in KiB.
    private static func memory(of process: Int32) throws -> Int {
        let line = try readFile("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return try #require(line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }

    fileprivate func checkStartAndEnd() async throws {
        try await create("c1")
        let socket = try await client.sftpSocket("c1")
        defer { close(socket) }
        #expect(try await file(.get, "/etc/passwd").status == 200)
        try await start("c1")
        // The one that looked from outside has ended.
        var byte: UInt8 = 0
        #expect(read(socket, &byte, 1) == 0)
        #expect(try await file(.get, "/proc/uptime").header("X-LXD-type") == "file")
        let inside = try await client.sftpSocket("c1")
        defer { close(inside) }
        try await stop("c1", force: true)
        #expect(read(inside, &byte, 1) == 0)
        #expect(try await file(.get, "/proc/uptime").status == 404)
        try await lxc("rename", "c1", "c2")
        #expect(try await file(.get, "/etc/passwd", instance: "c2").status == 200)
        try await lxc("delete", "c2")
        #expect(try await file(.get, "/etc/passwd", instance: "c2").status == 404)
        // What is no SFTP ends the connection and nothing else.
        try await create("c3")
        let garbage = try await client.sftpSocket("c3")
        defer { close(garbage) }
        #expect(send(garbage, [0xff, 0xff, 0xff, 0xff, 1, 2, 3], 7, Int32(MSG_NOSIGNAL)) == 7)
        #expect(read(garbage, &byte, 1) == 0)
        #expect(try await file(.get, "/etc/passwd", instance: "c3").status == 200)
    }

    fileprivate func checkEvents() async throws {
        try await create("c1")
        let events = try await client.events(types: ["lifecycle"])
        let found = Task {
            var found: [String] = []
            for try await event in events {
                let event = event["metadata"]
                guard let action = event?["action"]?.text,
                    action.hasPrefix("instance-file") || action.hasPrefix("instance-log") || action.hasPrefix("image-")
                else { continue }
                let path = event?["context"]?["path"]?.text ?? ""
                let who = event?["requestor"]?["username"]?.text ?? ""
                found.append("\(action) \(path) \(event?["source"]?.text ?? "") \(who)")
                if found.count == 10 { return found }
            }
            return found
        }
        _ = try await file(.post, "/root/x", "x")
        _ = try await file(.get, "/root/x")
        // What did not happen is not told.
        _ = try await file(.get, "/root/y")
        _ = try await file(.delete, "/root/x")
        // Also what goes over SFTP, file by file.
        let tree = path("tree")
        try makeDirectories(tree + "/d")
        try replaceFile(tree + "/d/small", [1, 2, 3])
        try replaceFile(tree + "/large", [UInt8](repeating: 7, count: 300_000))
        try await lx("file", "push", "-r", tree, "c1/root")
        _ = try await client.raw(.get, "/1.0/instances/c1/logs/lxc.log")
        let image = try await client.call(API.images.alias, path: ["name": "busybox"]).target
        _ = try await client.raw(.post, "/1.0/images/\(image)/secret")
        _ = try await client.raw(.get, "/1.0/images/\(image)/export")
        let all = try await within(.seconds(20), "the events") { try await found.value }
        await events.close()
        let file = ["pushed", "retrieved", "deleted"].map { "instance-file-\($0) /root/x /1.0/instances/c1 root" }
        #expect(Array(all.prefix(3)) == file)
        let pushed = ["", "/d", "/d/small", "/large"].map {
            "instance-file-pushed /root/tree\($0) /1.0/instances/c1 root"
        }
        #expect(all.dropFirst(3).prefix(4).sorted() == pushed.sorted())
        #expect(
            Array(all.suffix(3)) == [
                "instance-log-retrieved  /1.0/instances/c1/logs/lxc.log root",
                "image-secret-created  /1.0/images/\(image) root", "image-retrieved  /1.0/images/\(image) root",
            ])
    }

    fileprivate func checkMount(_ name: ClientProgram) async throws {
        try await launch("c1")
        let place = path("mounted")
        try makeDirectories(place)
        let mount = try program(name).start("file", "mount", "c1/root", place)
        try await eventually("\(place) is mounted") {
            try readFile("/proc/self/mounts", limit: 64 << 20).contains(" \(place) fuse.sshfs ")
        }
        try replaceFile("\(place)/written", "through the mount\n".utf8)
        #expect(try await shell("c1", "cat /root/written") == "through the mount")
        #expect(rename("\(place)/written", "\(place)/renamed") == 0)
        try await shell("c1", "rm /root/renamed; ln -s /etc/passwd /root/link; mkdir /root/d")
        #expect(mkdir("\(place)/d/e", 0o700) == 0)
        #expect(try await shell("c1", "stat -c '%u %a' /root/d/e") == "0 700")
        try await Program("umount")(place)
        try await mount.end(within: .seconds(20))
        // A signal for the client alone ends it, in order and without a mount; the stock one leaves its own behind.
        for signal in name == .lx ? [SIGINT, SIGTERM] : [] {
            let other = try program(name).start("file", "mount", "c1/root", place)
            try await eventually("\(place) is mounted again") {
                try readFile("/proc/self/mounts", limit: 64 << 20).contains(" \(place) fuse.sshfs ")
            }
            try other.signal(signal)
            #expect(try await other.end(within: .seconds(20)) == 0)
            try await eventually("\(place) is no mount any more") {
                try !readFile("/proc/self/mounts", limit: 64 << 20).contains(" \(place) fuse.sshfs ")
            }
        }
    }
}
