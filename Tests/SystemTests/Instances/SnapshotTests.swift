import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Snapshots of instances, with both clients and on both drivers.
    @Suite struct Snapshots {
        @Test(arguments: ClientProgram.allCases, ["overlay", "dir"])
        func anInstanceGoesBackToWhatItWas(_ name: ClientProgram, _ driver: String) async throws {
            try await withDaemon { try await $0.checkRestore(name, driver) }
        }

        @Test(arguments: ["overlay", "dir"])
        func oneThatRunsIsOfOneMoment(_ driver: String) async throws {
            try await withDaemon { try await $0.checkRunning(driver) }
        }

        @Test(arguments: ClientProgram.allCases, ["overlay", "dir"])
        func copiesAndMovesBringThem(_ name: ClientProgram, _ driver: String) async throws {
            try await withDaemon { try await $0.checkPlaces(name, driver) }
        }

        @Test func theFilesStayHoweverManyThereAre() async throws {
            try await withDaemon { try await $0.checkMany() }
        }

        @Test func whatTheServerTellsOfThem() async throws {
            try await withDaemon { try await $0.checkAnswers() }
        }

        @Test func whatHappensIsTold() async throws {
            try await withDaemon { try await $0.checkEvents() }
        }

        @Test func whatIsRefused() async throws {
            try await withDaemon { try await $0.checkRefusals() }
        }

        @Test func schedulesAndExpiry() async throws {
            try await withDaemon { try await $0.checkSchedule() }
        }

        @Test func ofInstancesThatAreDeletedWhenTheyStop() async throws {
            try await withDaemon { try await $0.checkEphemeral() }
        }

        @Test func inAnotherProject() async throws {
            try await withDaemon { try await $0.checkProject() }
        }

        @Test func manyAtOnce() async throws {
            try await withDaemon { try await $0.checkManyAtOnce() }
        }
    }
}

extension DaemonFixture {
    private func snapshots(_ name: String) async throws -> [Instance.Snapshot] {
        try await client.call(
            API.instances.listSnapshots, as: [Instance.Snapshot].self, path: ["name": name],
            query: ["recursion": "1"])
    }

    private func names(_ name: String) async throws -> [String] { try await snapshots(name).map(\.name) }

    private func snapshot(_ name: String, _ snapshot: String, stateful: Bool = false) async throws {
        try await client.run(
            API.instances.createSnapshot, path: ["name": name], body: .init(name: snapshot, stateful: stateful))
    }

    /// The instance c1 in a pool of that driver; runs.
    private func launch(in driver: String) async throws {
        if driver != "overlay" { try await lx("storage", "create", "second", driver) }
        try await lx("launch", "busybox", "c1", "-s", driver == "overlay" ? "default" : "second")
        try await eventually("c1 has booted") { try await exec("c1", "test", "-e", "/run/booted").status == 0 }
    }

    fileprivate func checkRestore(_ program: ClientProgram, _ driver: String) async throws {
        let client = self.program(program)
        try await launch(in: driver)
        try await client("config", "set", "c1", "user.a=1")
        try await shell(
            "c1",
            "echo one > /root/file; chmod 640 /root/file; chown 1000 /root/file; rm /etc/group; mkdir /home2; mv /usr/share /usr/moved"
        )
        try await stop("c1", force: true)
        try await client("snapshot", "c1", "one")
        try await client("config", "set", "c1", "user.a=2", "user.b=2")
        try await start("c1")
        try await shell("c1", "echo two > /root/file; rm -rf /home2; mkdir -p /home/new; echo x > /etc/group")
        // While it runs.
        try await client("snapshot", "c1")
        try await shell("c1", "echo three > /root/file")
        #expect(try await names("c1") == ["one", "snap0"])
        // It runs, and runs again afterwards.
        try await client("restore", "c1", "one")
        #expect(try await instance("c1").status == "Running")
        #expect(
            try await shell(
                "c1", "stat -c %a:%u /root/file; cat /root/file; ls -d /home* /etc/group 2>/dev/null; ls /usr")
                == "640:1000\none\n/home2\nbin\nmoved")
        let config = try await instance("c1").config
        #expect(config["user.a"] == "1" && config["user.b"] == nil)
        try await stop("c1", force: true)
        let before = try await instance("c1").config
        try await client("restore", "c1", "snap0")
        let after = try await instance("c1").config
        #expect(after["user.a"] == "2" && after["user.b"] == "2")
        for key in ["volatile.uuid", "volatile.idmap.base", "volatile.eth0.hwaddr"] {
            #expect(before[key] == after[key] && after[key] != nil, "\(key)")
        }
        // What is restored survives lexd.
        try await stop()
        try await start()
        try await start("c1")
        #expect(try await shell("c1", "cat /root/file /etc/group; ls -d /home*") == "two\nx\n/home")
        try await client("rename", "c1/one", "c1/eins")
        try await client("move", "c1/eins", "c1/uno")
        #expect(try await client("info", "c1").contains("| uno "))
        #expect(try await client("list", "-f", "csv", "-c", "nS") == "c1,2\n")
        #expect(try await client("config", "show", "c1/uno").contains("user.a: \"1\""))
        try await client("snapshot", "c1", "snap0", "--reuse")
        try await client("delete", "c1/uno")
        #expect(try await names("c1") == ["snap0"])
        try await expectAgreement()
        try await client("delete", "--force", "c1")
        try await expectAgreement()
    }

    fileprivate func checkRunning(_ driver: String) async throws {
        try await launch(in: driver)
        // Two files with the same number, one written after the other.
        try await shell(
            "c1",
            "dd if=/dev/zero of=/root/big bs=64k count=256 2>/dev/null; "
                + "(i=0; while true; do i=$((i+1)); echo $i >> /root/a; echo $i >> /root/z; done) >/dev/null 2>&1 &")
        try await eventually("it writes") { try await exec("c1", "test", "-s", "/root/z").status == 0 }
        for round in 1...3 { try await snapshot("c1", "s\(round)") }
        #expect(try await instance("c1").status == "Running")
        let before = try await shell("c1", "tail -n 1 /root/z")
        try await eventually("it writes on") { try await shell("c1", "tail -n 1 /root/z") != before }
        for round in 1...3 {
            try await lx("copy", "c1/s\(round)", "c2")
            try await start("c2")
            let numbers = try await shell("c2", "tail -n 1 /root/a; tail -n 1 /root/z").split(separator: "\n")
                .compactMap { Int($0) }
            #expect(numbers.count == 2 && (0...1).contains(numbers[0] - numbers[1]), "round \(round): \(numbers)")
            try await lx("delete", "--force", "c2")
        }
        // One that stands still goes on standing still.
        try await changeState("c1", "freeze")
        try await snapshot("c1", "still")
        #expect(try await instance("c1").status == "Frozen")
        try await lx("restore", "c1", "s1")
        #expect(try await instance("c1").status == "Running")
        try await expectAgreement()
    }

    fileprivate func checkPlaces(_ program: ClientProgram, _ driver: String) async throws {
        let client = self.program(program)
        try await launch(in: driver)
        let other = driver == "overlay" ? "second" : "default"
        if driver == "overlay" { try await lx("storage", "create", "second", "dir") }
        try await shell("c1", "echo one > /root/file; rm /etc/group")
        try await stop("c1", force: true)
        try await client("config", "set", "c1", "user.a=1")
        try await client("snapshot", "c1", "one")
        try await start("c1")
        try await shell("c1", "echo two > /root/file; rm /etc/passwd")
        try await client("snapshot", "c1", "two", "--no-expiry")
        // A copy of one that runs, its snapshots with it; one without; one of a snapshot; one in another pool.
        try await client("copy", "c1", "c2")
        try await client("copy", "c1", "c3", "--instance-only")
        try await client("config", "set", "c1", "user.a=3")
        try await client("copy", "c1/one", "c4", "-c", "user.b=4")
        try await client("copy", "c1", "c5", "-s", other)
        for (name, expected) in [("c2", ["one", "two"]), ("c3", []), ("c4", []), ("c5", ["one", "two"])] {
            #expect(try await names(name) == expected, "\(name)")
        }
        let config = try await instance("c4").config
        #expect(config["user.a"] == "1" && config["user.b"] == "4")
        #expect(config["volatile.uuid"] != (try await instance("c1").config["volatile.uuid"]))
        try await stop("c1", force: true)
        try await client("delete", "c1")
        try await start("c4")
        #expect(try await shell("c4", "cat /root/file; ls /etc/passwd; hostname") == "one\n/etc/passwd\nc4")
        // A new name, and another pool and back.
        try await client("rename", "c2", "c1")
        try await client("move", "c1", "c1", "-s", other)
        #expect(try await snapshots("c1").allSatisfy { $0.expandedDevices["root"]?["pool"] == other })
        for name in ["c1", "c5"] {
            try await client("restore", name, "one")
            try await start(name)
            #expect(
                try await shell(name, "cat /root/file; ls /etc/passwd /etc/group 2>/dev/null || true")
                    == "one\n/etc/passwd")
            try await client("restore", name, "two")
            #expect(try await shell(name, "cat /root/file; ls /etc/passwd /etc/group 2>/dev/null || true") == "two")
        }
        try await expectAgreement()
        try await stop("c1", force: true)
        try await client("move", "c1", "c6", "-s", driver == "overlay" ? "default" : "second", "--instance-only")
        #expect(try await names("c6") == [])
        try await expectAgreement()
    }

    fileprivate func checkMany() async throws {
        try await create("c1")
        for number in 0..<14 {
            try await start("c1")
            // A directory of the image that gets another name is no case for a merge of layers.
            try await shell(
                "c1",
                "echo \(number) > /root/file; echo x > /root/f\(number); rm -f /root/f\(number - 2)"
                    + (number == 12 ? "; mv /usr/share /usr/moved" : ""))
            try await stop("c1", force: true)
            try await snapshot("c1", "s\(number)")
        }
        for number in [0, 3, 9, 11, 13] {
            try await lx("restore", "c1", "s\(number)")
            try await start("c1")
            let files = (max(0, number - 1)...number).map { "f\($0)" }.joined(separator: "\n")
            #expect(
                try await shell("c1", "cat /root/file; ls /usr; cd /root; ls -1 f? f?? 2>/dev/null || true")
                    == "\(number)\n\(number >= 12 ? "bin\nmoved" : "bin\nshare")\n\(files)")
            try await stop("c1", force: true)
        }
        for number in 0..<13 { try await lx("delete", "c1/s\(number)") }
        // Once more over what is left: now the layers have a renamed directory in them.
        for number in 20..<34 { try await snapshot("c1", "t\(number)") }
        try await lx("restore", "c1", "s13")
        try await start("c1")
        #expect(try await shell("c1", "cat /root/file; ls /usr") == "13\nbin\nmoved")
        try await lx("restore", "c1", "t33")
        #expect(try await shell("c1", "cat /root/file; ls /usr /etc/passwd") == "13\n/etc/passwd\n\n/usr:\nbin\nmoved")
        try await expectAgreement()
    }

    fileprivate func checkAnswers() async throws {
        try await create("c1")
        #expect(try await names("c1") == [])
        try await configure("c1", ["snapshots.expiry": "1d"])
        try await snapshot("c1", "one")
        let path = "/1.0/instances/c1/snapshots/one"
        let urls = try await client.call(API.instances.listSnapshots, as: [String].self, path: ["name": "c1"])
        #expect(urls == [path])
        let made = try await client.call(API.instances.getSnapshot, path: ["name": "c1", "snapshot": "one"])
        #expect(made.name == "one" && made.profiles == ["default"] && !made.stateful)
        #expect(abs(made.expiresAt.seconds - made.createdAt.seconds - 86400) < 60)
        #expect(made.expandedDevices["root"]?["pool"] == "default" && made.devices.isEmpty)
        try await eventually("its size is known") {
            try await client.call(API.instances.getSnapshot, path: ["name": "c1", "snapshot": "one"]).size >= 0
        }
        // Everywhere else that snapshots are told of.
        let full = try await client.call(
            API.instances.get, as: Instance.Full.self, path: ["name": "c1"], query: ["recursion": "1"])
        #expect(full.snapshots?.map(\.name) == ["one"])
        let list = try await client.call(API.instances.list, as: [Instance.Full].self, query: ["recursion": "2"])
        #expect(list.first?.snapshots?.map(\.name) == ["one"])
        #expect(try await client.call(API.storagePools.get, path: ["name": "default"]).usedBy?.contains(path) == true)
        let volumes = "/1.0/storage-pools/default/volumes/container/c1/snapshots"
        for url in ["/1.0/storage-pools/default/volumes", volumes] {
            #expect(try await text(url).contains("\"\(volumes)/one\""), "\(url)")
        }
        #expect(try await client.raw(.get, "\(volumes)/one").status == 200)
        // A change counts only for what it was made for.
        let answer = try await client.answer(API.instances.getSnapshot, path: ["name": "c1", "snapshot": "one"])
        let place = ["name": "c1", "snapshot": "one"]
        let moment = try #require(Timestamp("2040-01-02T03:04:05Z"))
        try await client.run(
            API.instances.updateSnapshot, path: place, body: .init(expiresAt: moment), ifMatch: answer.etag)
        let refusal = await #expect(throws: APIError.self) {
            try await client.run(
                API.instances.patchSnapshot, path: place, body: .init(expiresAt: .now), ifMatch: answer.etag)
        }
        #expect(refusal?.status == 412)
        #expect(try await snapshots("c1").first?.expiresAt == moment)
        try await client.run(API.instances.patchSnapshot, path: place, body: .init(expiresAt: nil))
        #expect(try await snapshots("c1").first?.expiresAt == moment)
        try await client.run(API.instances.updateSnapshot, path: place, body: .init(expiresAt: nil))
        #expect(try await snapshots("c1").first?.expiresAt == .never)
        #expect(
            try await lx.run("config", "edit", "c1/one", input: .text("expires_at: 2041-01-01T00:00:00Z\n")).status == 0
        )
        #expect(try await snapshots("c1").first?.expiresAt.text == "2041-01-01T00:00:00Z")
        // The backup beside the files tells of them, for the day the store is lost.
        let backup = try readFile("\(directory)/storage-pools/default/containers/c1/backup.yaml")
        #expect(backup.contains("2041-01-01T00:00:00Z"))
    }

    fileprivate func checkEvents() async throws {
        try await create("c1")
        let events = try await client.events(types: ["lifecycle"])
        try await lx("snapshot", "c1", "one")
        try await lx("restore", "c1", "one")
        try await lx("rename", "c1/one", "c1/two")
        try await client.run(
            API.instances.updateSnapshot, path: ["name": "c1", "snapshot": "two"], body: .init(expiresAt: nil))
        try await lx("copy", "c1", "c2")
        try await lx("delete", "c1")
        var told: [String] = []
        for try await event in events {
            let facts = event["metadata"]
            #expect(facts?["requestor"]?["username"]?.text == "root", "\(facts as Any)")
            let context = facts?["context"]
            let detail = context?["snapshot"]?.text ?? context?["old_name"]?.text
            told.append(
                "\(facts?["action"]?.text ?? "") \(facts?["source"]?.text ?? "")" + (detail.map { " " + $0 } ?? ""))
            if facts?["action"]?.text == "instance-deleted" { break }
        }
        await events.close()
        #expect(
            told == [
                "instance-snapshot-created /1.0/instances/c1/snapshots/one",
                "instance-restored /1.0/instances/c1 c1/one",
                "instance-snapshot-renamed /1.0/instances/c1/snapshots/two c1/one",
                "instance-snapshot-updated /1.0/instances/c1/snapshots/two", "instance-created /1.0/instances/c2",
                "instance-snapshot-created /1.0/instances/c2/snapshots/two",
                "instance-snapshot-deleted /1.0/instances/c1/snapshots/two", "instance-deleted /1.0/instances/c1",
            ])
    }

    private func expectAgreement() async throws {
        let found = try await disagreements()
        #expect(found == [])
    }

    private func text(_ path: String) async throws -> String {
        String(decoding: try await client.raw(.get, path).body, as: UTF8.self)
    }

    private func refusal(_ method: Method, _ path: String, _ body: String?) async throws -> (Int, String) {
        let answer = try await client.raw(method, path, body: body.map { Array($0.utf8) })
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    fileprivate func checkRefusals() async throws {
        try await create("c1")
        try await snapshot("c1", "one")
        let all = "/1.0/instances/c1/snapshots"
        let refused: [(Method, String, String?, Int, String)] = [
            (.post, all, #"{"name":"one"}"#, 409, "already exists"),
            (.post, all, #"{"name":"a/b"}"#, 400, "Cannot contain"),
            (.post, all, #"{"name":".."}"#, 400, "Invalid snapshot name"),
            (.post, all, #"{"name":"a b"}"#, 400, "may not contain spaces"),
            (.post, all, #"{"name":"a\n"}"#, 400, "control characters"),
            (.post, all, #"{"name":"\#(String(repeating: "x", count: 65))"}"#, 400, "64 bytes"),
            (.post, all, #"{"stateful":true}"#, 400, "stateful snapshot"),
            (.post, all, #"{"expires_at":"soon"}"#, 400, ""),
            (.get, "\(all)/none", nil, 404, "InstanceSnapshot not found"),
            (.get, "\(all)/..%2F..%2Fc1", nil, 404, "not found"),
            (.delete, "\(all)/none", nil, 404, "not found"), (.post, "\(all)/one", #"{"name":""}"#, 400, "No name"),
            (.post, "\(all)/one", #"{"name":"one"}"#, 409, "already in use"),
            (.post, "\(all)/one", #"{"name":"x","migration":true}"#, 400, "other servers"),
            (.post, "\(all)/none", #"{"name":"x"}"#, 404, "not found"),
            (.put, "/1.0/instances/c1", #"{"restore":"none"}"#, 404, "Snapshot c1/none does not exist"),
            (.put, "/1.0/instances/c1", #"{"restore":"c2/one"}"#, 404, "does not exist"),
            (.put, "/1.0/instances/c1", #"{"restore":"one","stateful":true}"#, 400, "stateless"),
            (.patch, "/1.0/instances/c1", #"{"restore":"one"}"#, 400, "PUT"),
            (.get, "/1.0/instances/none/snapshots", nil, 404, "Instance not found"),
            (.patch, "/1.0/instances/c1", #"{"config":{"snapshots.schedule":"* * *"}}"#, 400, "snapshots.schedule"),
            (.patch, "/1.0/instances/c1", #"{"config":{"snapshots.pattern":"a/b"}}"#, 400, "snapshots.pattern"),
            (.patch, "/1.0/instances/c1", #"{"config":{"snapshots.expiry":"1x"}}"#, 400, "snapshots.expiry"),
        ]
        for (method, path, body, status, words) in refused {
            let answer = try await refusal(method, path, body)
            #expect(answer.0 == status && answer.1.contains(words), "\(method) \(path) \(body ?? ""): \(answer)")
        }
        #expect(try await names("c1") == ["one"])
        // What a snapshot needs may be gone: nothing is stopped or changed for it.
        try await lx("profile", "create", "extra")
        try await lx("profile", "add", "c1", "extra")
        try await snapshot("c1", "two")
        try await lx("profile", "remove", "c1", "extra")
        try await lx("profile", "delete", "extra")
        try await start("c1")
        let process = try await initProcess("c1")
        let failure = try await lx.run("restore", "c1", "two")
        #expect(failure.status == 1 && failure.errors.contains("extra"), "\(failure.errors)")
        #expect(try await initProcess("c1") == process)
        try await expectAgreement()
    }

    fileprivate func checkSchedule() async throws {
        try await launch("c1", config: ["snapshots.schedule": "@startup"])
        try await create("c2", config: ["snapshots.schedule": "* * * * *", "snapshots.schedule.stopped": "true"])
        try await create("c3", config: ["snapshots.schedule": "* * * * *"])
        // Through a profile as well.
        try await lx("profile", "create", "kept")
        try await lx("profile", "set", "kept", "snapshots.schedule=* * * * *", "snapshots.pattern=auto%d")
        try await lx("profile", "add", "c1", "kept")
        try await configure("c1", ["snapshots.schedule": ""])
        #expect(try await names("c1") == ["snap0"], "it was made before the start")
        try await client.run(
            API.instances.createSnapshot, path: ["name": "c3"], body: .init(name: "old", expiresAt: .now))
        try await lx("snapshot", "c3", "kept")
        try await lx("storage", "volume", "create", "default", "v1", "snapshots.schedule=* * * * *")
        try await eventually("the minute is over", within: .seconds(75)) {
            let told = [try await names("c1"), try await names("c2"), try await names("c3")]
            let volume = try await text("/1.0/storage-pools/default/volumes/custom/v1/snapshots")
            return told[0].contains("auto0") && told[1].contains("snap0") && told[2] == ["kept"]
                && volume.contains("snap0")
        }
        #expect(try await names("c3") == ["kept"], "c3 does not run")
        try await stop("c1", force: true)
        try await start("c1")
        for name in ["c1", "c2"] { try await configure(name, ["snapshots.schedule": "@never"]) }
        try await expectAgreement()
    }

    fileprivate func checkEphemeral() async throws {
        try await launch("c1", ephemeral: true)
        try await shell("c1", "echo one > /root/file")
        try await snapshot("c1", "one")
        try await shell("c1", "echo two > /root/file")
        try await lx("restore", "c1", "one")
        #expect(try await instance("c1").ephemeral)
        #expect(try await shell("c1", "cat /root/file") == "one")
        try await stop("c1", force: true)
        try await eventually("c1 is gone") { try await client.raw(.get, "/1.0/instances/c1").status == 404 }
        try await expectAgreement()
    }

    fileprivate func checkProject() async throws {
        try await create("c1")
        try await snapshot("c1", "one")
        try await lx("project", "create", "other", "-c", "features.images=false", "-c", "features.profiles=false")
        try await lx("copy", "c1", "c1", "--target-project", "other")
        try await lx("snapshot", "c1", "two", "--project", "other")
        #expect(try await names("c1") == ["one"])
        let list = try await text("/1.0/instances/c1/snapshots?project=other")
        #expect(list.contains("/1.0/instances/c1/snapshots/one?project=other") && list.contains("two?project=other"))
        try await lx("restore", "c1", "two", "--project", "other")
        try await lx("move", "c1", "c2", "--project", "other", "--target-project", "default")
        #expect(try await names("c2") == ["one", "two"])
        try await lx("restore", "c2", "one")
        try await start("c2")
        try await lx("project", "delete", "other")
        try await expectAgreement()
    }

    /// Everything at once on one instance: what is refused is refused, and in the end all agrees.
    fileprivate func checkManyAtOnce() async throws {
        try await launch("c1")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
                group.addTask {
                    let words: [String] =
                        switch number % 6 {
                        case 0, 1: ["snapshot", "c1", "s\(number / 6)"]
                        case 2: ["restore", "c1", "s\(number / 6)"]
                        case 3: ["delete", "c1/s\(number / 6)"]
                        case 4: ["snapshot", "c1"]
                        default: ["copy", "c1", "d\(number)"]
                        }
                    _ = try await self.lx.run(words)
                }
            }
            try await group.waitForAll()
        }
        try await expectAgreement()
        try await snapshot("c1", "last")
        try await lx("restore", "c1", "last")
        try await expectAgreement()
    }
}
