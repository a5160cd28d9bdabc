import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Ids, calls and settings of liblxc, as people set them.
    @Suite struct RawKeys {
        @Test func idsOfManyKinds() async throws { try await withDaemon { try await $0.hasItsOwnIDs() } }

        @Test func callsAndSettings() async throws { try await withDaemon { try await $0.takesRawSettings() } }

        /// What is not to be had is refused with its reason, and nothing of the start is left.
        @Test func refusedWithAReason() async throws { try await withDaemon { try await $0.refusesToStart() } }
    }
}

extension DaemonFixture {
    private func map(_ file: String) async throws -> [[Int]] {
        try await shell("c1", "cat /proc/self/\(file)").split(separator: "\n").map { line in
            line.split(separator: " ").compactMap { Int($0) }
        }
    }

    /// Ten ids that root may give away beside those that lexd gives to instances, if the host has any: with newuidmap(1)
    /// liblxc gives no others. The package of the stock LXD brings some.
    private func spareIDs() throws -> Int? {
        func ranges(_ file: String) throws -> [Range<Int>] {
            try readFile(file).split(separator: "\n").compactMap { line in
                let fields = line.split(separator: ":")
                guard fields.count == 3, fields[0] == "root", let first = Int(fields[1]), let count = Int(fields[2])
                else { return nil }
                return first..<first + count
            }
        }
        let groups = try ranges("/etc/subgid")
        let users = try ranges("/etc/subuid").filter(groups.contains)
        guard let lexd = users.max(by: { $0.count < $1.count }) else { return nil }
        return users.first { $0.count >= 10 && !$0.overlaps(lexd) }?.lowerBound
    }

    fileprivate func hasItsOwnIDs() async throws {
        let spare = try spareIDs()
        var config = ["security.idmap.size": "100000", "security.idmap.isolated": "true"]
        if let spare { config["raw.idmap"] = "uid \(spare) 1000\ngid \(spare + 5)-\(spare + 9) 100005-100009" }
        try await launch("c1", config: config)
        let base = try #require(Int(try await instance("c1").config["volatile.idmap.base"] ?? ""))
        let told = try await instance("c1").config["volatile.idmap.current"] ?? ""
        if let spare {
            #expect(try await map("uid_map") == [[0, base, 1000], [1000, spare, 1], [1001, base + 1001, 98999]])
            #expect(try await map("gid_map") == [[0, base, 100_000], [100_005, spare + 5, 5]])
            #expect(told.contains(#""Isuid":true,"Isgid":false,"Hostid":\#(spare),"Nsid":1000,"Maprange":1}"#))
        } else {
            #expect(try await map("uid_map") == [[0, base, 100_000]])
            #expect(try await map("gid_map") == [[0, base, 100_000]])
        }
        let group = spare == nil ? 99_999 : 100_007
        // Files are the same for it, whatever map it runs with; commands too.
        try await shell("c1", "echo x > /root/mine && chown 1000:\(group) /root/mine")
        let user = try await exec("c1", Instance.Exec(command: ["id", "-u"], user: 1000))
        #expect(user.text == "1000\n")
        #expect(try await exec("c1", Instance.Exec(command: ["id", "-u"], user: 99_999)).text == "99999\n")
        await #expect(throws: (any Error).self) {
            _ = try await self.exec("c1", Instance.Exec(command: ["id"], user: 100_000))
        }
        // A lexd that finds it running knows its ids from the kernel.
        try await kill()
        try await start()
        #expect(try await exec("c1", Instance.Exec(command: ["id", "-u"], user: 99_999)).text == "99999\n")
        let found = try await disagreements()
        #expect(found == [])
        try await stop("c1", force: true)
        let read = try await lx.run("file", "pull", "c1/root/mine", "-")
        #expect(read.text == "x\n")
        // Another range: its files are as they were.
        try await configure("c1", ["security.idmap.size": "", "raw.idmap": "", "security.nesting": "true"])
        try await lx("start", "c1")
        #expect(try await map("uid_map").map { $0.last } == [1 << 20])
        #expect(try await shell("c1", "stat -c %u:%g /root/mine") == "1000:\(group)")
        let afterwards = try await disagreements()
        #expect(afterwards == [])
    }

    fileprivate func takesRawSettings() async throws {
        try await launch(
            "c1",
            config: [
                "raw.lxc": "lxc.environment = RAW=cooked\nlxc.prlimit.nofile = 123",
                "raw.seccomp": "2\ndenylist\n[all]\nsethostname errno 22\n",
            ])
        #expect(try await shell("c1", "tr '\\0' '\\n' </proc/1/environ | grep RAW") == "RAW=cooked")
        #expect(try await shell("c1", "grep -c '^Max open files *123 ' /proc/1/limits") == "1")
        let renamed = try await exec("c1", "hostname", "other")
        #expect(renamed.status != 0 && renamed.errors.contains("Invalid argument"))
        // A program of 32 bits: exit(7), or a fault where the call is not answered.
        let program =
            #"\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0\124\200\4\10\64\0\0\0\0\0\0\0\0\0\0\0\64\0\40\0\1\0\0\0"#
            + #"\0\0\0\0\1\0\0\0\0\0\0\0\0\200\4\10\0\200\4\10\141\0\0\0\141\0\0\0\5\0\0\0\0\20\0\0"#
            + #"\270\1\0\0\0\273\7\0\0\0\315\200\364"#
        try await shell("c1", "printf '\(program)' > /root/narrow && chmod +x /root/narrow")
        #expect(try await exec("c1", "/root/narrow").status == 7)
        try await configure(
            "c1",
            [
                "raw.seccomp": "", "security.syscalls.deny_compat": "true",
                "security.syscalls.deny": "sethostname errno 13",
            ])
        #expect(try await exec("c1", "/root/narrow").status == 7, "with the next start")
        try await changeState("c1", "restart", timeout: 20)
        #expect(try await exec("c1", "/root/narrow").status == 139)
        #expect(try await exec("c1", "hostname", "other").errors.contains("Permission denied"))
        try await kill()
        try await start()
        #expect(try await exec("c1", "/root/narrow").status == 139)
        #expect(try await exec("c1", "hostname", "other").errors.contains("Permission denied"))
    }

    fileprivate func refusesToStart() async throws {
        try await create("c1")
        let taken = try await instance("c1").config["volatile.idmap.base"] ?? ""
        try await create("c2")
        for (config, reason) in [
            (["nvidia.runtime": "true"], "nvidia.runtime"), (["security.idmap.base": taken], "security.idmap.base"),
            (["security.idmap.base": "7"], "multiple of 65536"),
            (["security.idmap.size": "4000000000"], "ids"), (["raw.idmap": "both \(taken) 5"], "raw.idmap"),
            (["limits.hugepages.1GB": "1GB"], "limits.hugepages.1GB"),
        ] {
            try await configure("c2", config)
            let refused = try await lx.run("start", "c2")
            #expect(refused.status == 1 && refused.errors.contains(reason), "\(config): \(refused.errors)")
            try await configure("c2", config.mapValues { _ in "" })
        }
        for bad in ["raw.lxc=lxc.hook.pre-start=/bin/sh", "raw.idmap=both 0 0", "raw.seccomp=x", "raw.apparmor=}"] {
            let refused = try await lxc.run("config", "set", "c2", bad)
            #expect(refused.status == 1 && refused.errors.contains(bad.prefix { $0 != "=" }), "\(refused.errors)")
        }
        try await lx("start", "c2")
        #expect(try await disagreements() == [])
    }
}
