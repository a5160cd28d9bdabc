import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexSFTP
import LexTestKit
import Testing

extension SystemTests {
    /// A guest that wants the host's files, or wants the daemon to wait.
    @Suite struct HostileFiles {
        @Test(arguments: [true, false])
        func noLinkLeadsToTheHost(_ runs: Bool) async throws {
            try await withDaemon { try await $0.checkLinks(runs: runs) }
        }

        @Test func noLinkThatIsSwappedDoesEither() async throws {
            try await withDaemon { try await $0.checkSwappedLinks() }
        }

        @Test func nothingButFilesIsOpened() async throws {
            try await withDaemon { try await $0.checkSpecialFiles() }
        }

        /// A guest whose directory changes while it is pulled writes nothing of ours but what it has there.
        @Test func aPullStaysWhereItIs() async throws {
            try await withDaemon { try await $0.checkPull() }
        }
    }
}

extension DaemonFixture {
    private func ask(_ method: LexAPI.Method, _ path: String, _ body: String? = nil) async throws -> RawAnswer {
        try await within(.seconds(20), "an answer about \(path)") { [client] in
            try await client.raw(
                method, "/1.0/instances/c1/files?path=\(path)", body: body.map { Array($0.utf8) })
        }
    }

    fileprivate func checkLinks(runs: Bool) async throws {
        try await create("c1")
        if runs { try await start("c1") }
        let secret = try file("secret", Array("of the host\n".utf8))
        let up = String(repeating: "../", count: 20)
        for target in [
            secret, up + secret, "/proc/1/root" + secret, "/proc/self/root" + secret, "/proc/self/cwd/" + up + secret,
        ] {
            _ = try await ask(.delete, "/evil")
            let made = try await client.raw(
                .post, "/1.0/instances/c1/files?path=/evil", body: Array(target.utf8),
                headers: [("X-LXD-type", "symlink")])
            #expect(made.status == 200)
            // Through it, to it, below it; and with more dots than there are directories.
            for path in ["/evil", "/evil/", "/evil/.", up + secret, "/" + up + secret] {
                let seen = try await ask(.get, path)
                #expect(!String(decoding: seen.body, as: UTF8.self).contains("of the host"), "\(target) \(path)")
            }
            _ = try await ask(.post, "/evil", "overwritten")
            let answers = try await client.withFiles(of: "c1") { session in
                [
                    try session.ask(.open(path: Array("/evil".utf8), flags: .read, attributes: SFTPAttributes())),
                    try session.ask(
                        .setstat(path: Array("/evil".utf8), attributes: SFTPAttributes(permissions: 0o777))),
                    try session.ask(.rename(from: Array("/evil".utf8), to: Array(secret.utf8), replacing: true)),
                ]
            }
            #expect(answers.count == 3)
            #expect(try readFile(secret) == "of the host\n")
            var status = stat()
            #expect(stat(secret, &status) == 0 && status.st_mode & 0o777 != 0o777)
        }
    }

    fileprivate func checkSwappedLinks() async throws {
        try await launch("c1")
        let directory = path("host")
        try makeDirectories(directory)
        try replaceFile("\(directory)/f", "of the host\n".utf8)
        // The same path inside and outside, so that a link which is followed on the host finds it.
        try await shell("c1", "mkdir -p /real \(directory); echo of the guest > /real/f; echo inside > \(directory)/f")
        try await shell(
            "c1",
            "(while :; do ln -sfn \(directory) /d; ln -sfn /proc/1/root\(directory) /d; rm /d; mkdir /d; rmdir /d; "
                + "ln -s /real /d; rm /d; done) >/dev/null 2>&1 &")
        for _ in 0..<300 {
            let seen = String(decoding: try await ask(.get, "/d/f").body, as: UTF8.self)
            #expect(!seen.contains("of the host"))
            _ = try await ask(.post, "/d/f", "written")
            _ = try await ask(.delete, "/d/g")
        }
        #expect(try readFile("\(directory)/f") == "of the host\n")
        #expect(try directoryNames(directory) == ["f"])
    }

    fileprivate func checkSpecialFiles() async throws {
        try await launch("c1", config: ["security.privileged": "true"])
        try await shell("c1", "mkfifo /fifo; mknod /null c 1 3; ln -s /fifo /to-fifo; ln -s /dev/console /to-console")
        for path in ["/fifo", "/null", "/to-fifo", "/to-console", "/dev/null", "/dev/console", "/dev/tty"] {
            let read = try await ask(.get, path)
            #expect(read.status == 400 || path.hasPrefix("/to-"), "\(path) \(read.status)")
            let written = try await ask(.post, path, "x")
            #expect(written.status == 400, "\(path) \(written.status)")
        }
        let answers = try await within(.seconds(20), "answers about what is no file") { [client] in
            try await client.withFiles(of: "c1") { session in
                var answers: [SFTPReply] = []
                for path in ["/fifo", "/to-fifo", "/null", "/dev/zero"] {
                    for flags in [SFTPOpenFlags.read, [.write, .create, .truncate], [.read, .write, .append]] {
                        answers.append(
                            try session.ask(
                                .open(path: Array(path.utf8), flags: flags, attributes: SFTPAttributes())))
                    }
                }
                return answers
            }
        }
        for answer in answers {
            guard case .status(let status, _) = answer else {
                Issue.record("something that is no file was opened: \(answer)")
                continue
            }
            #expect(status == .failure)
        }
        // They can be removed, and told apart.
        #expect(try await ask(.delete, "/fifo").status == 200)
        #expect(try await ask(.get, "/fifo").status == 404)
        // A pull of everything does not wait for one either.
        try await shell("c1", "mkdir /mixed; mkfifo /mixed/fifo; echo x > /mixed/file")
        try makeDirectories(path("mixed"))
        try await lx("file", "pull", "-r", "c1/mixed", path("mixed"), within: .seconds(20))
        #expect(try directoryNames(path("mixed/mixed")) == ["file"])
    }

    fileprivate func checkPull() async throws {
        try await launch("c1")
        let outside = path("outside")
        try makeDirectories(outside)
        try await shell("c1", "mkdir -p /t/a; echo evil > /t/a/f; ln -s \(outside) /t/l")
        try await shell(
            "c1",
            "(while :; do rm -rf /t/x; mkdir /t/x; echo evil > /t/x/f; rm -rf /t/x; ln -s \(outside) /t/x; done) "
                + ">/dev/null 2>&1 &")
        for number in 0..<20 {
            try makeDirectories(path("in\(number)"))
            // It may fail, since things go away under it.
            _ = try await lx.run("file", "pull", "-r", "c1/t", path("in\(number)"))
            // Once more over the links that came before.
            _ = try await lx.run("file", "pull", "-r", "c1/t", path("in\(number)"))
        }
        #expect(try directoryNames(outside).isEmpty)
    }
}
