import Glibc
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// Copies of instances, and instances that get another name or place.
    @Suite struct CopiesAndMoves {
        @Test(arguments: ClientProgram.allCases)
        func aCopyHasTheFilesAndAnIdentityOfItsOwn(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkCopy(name) }
        }

        @Test func aCopyOfOneThatRunsIsOfOneMoment() async throws {
            try await withDaemon { try await $0.checkCopyOfRunning() }
        }

        @Test(arguments: ClientProgram.allCases)
        func oneThatIsThereIsRefreshed(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkRefresh(name) }
        }

        /// What a refresh begins is taken back, by lexd or by the next one.
        @Test func aRefreshIsWholeOrNone() async throws {
            try await withDaemon { try await $0.checkBrokenRefresh() }
        }

        @Test func lexdIsKilledWhileItKeepsAnInstanceStill() async throws {
            try await withDaemon { try await $0.checkKillWhileStill() }
        }

        @Test(arguments: ClientProgram.allCases)
        func anotherName(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkRename(name) }
        }

        @Test(arguments: ClientProgram.allCases)
        func anotherPoolAndProject(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkPlaces(name) }
        }

        @Test func whatIsRefused() async throws {
            try await withDaemon { try await $0.checkRefusals() }
        }

        /// Everything at once on a few names: no two wait for each other, and in the end all agrees.
        @Test func manyAtOnce() async throws {
            try await withDaemon { try await $0.checkManyAtOnce() }
        }
    }
}

extension DaemonFixture {
    private func config(_ name: String) async throws -> [String: String] { try await instance(name).config }

    fileprivate func checkCopy(_ program: ClientProgram) async throws {
        let client = self.program(program)
        try await launch("c1", config: ["user.a": "1", "user.b": "1"])
        try await shell("c1", "echo kept > /root/file; chmod 640 /root/file; chown 1000 /root/file; rm /etc/group")
        try await stop("c1", force: true)
        try await client("copy", "c1", "c2", "-c", "user.b=2")
        let (first, second) = (try await config("c1"), try await config("c2"))
        #expect(second["user.a"] == "1" && second["user.b"] == "2")
        #expect(second["volatile.base_image"] == first["volatile.base_image"])
        #expect(second["volatile.apply_template"] == "copy")
        for key in ["volatile.uuid", "volatile.eth0.hwaddr", "volatile.idmap.base", "volatile.cloud-init.instance-id"] {
            #expect(second[key] != nil && second[key] != first[key], "\(key)")
        }
        #expect(try await instance("c2").profiles == ["default"])
        try await start("c1")
        try await start("c2")
        #expect(try await shell("c2", "stat -c %a:%u /root/file; cat /root/file; hostname") == "640:1000\nkept\nc2")
        #expect(try await shell("c2", "test -e /etc/group || echo gone") == "gone")
        // Each has its own from here on.
        try await shell("c2", "echo other > /root/file")
        #expect(try await shell("c1", "cat /root/file") == "kept")
        // The layer stays while the copy stands on it.
        try await self.client.run(API.images.delete, path: ["fingerprint": first["volatile.base_image"] ?? ""])
        try await stop("c1", force: true)
        try await self.client.run(API.instances.delete, path: ["name": "c1"])
        try await stop("c2", force: true)
        try await start("c2")
        try await client("copy", "c2", "c3", "--ephemeral")
        #expect(try await instance("c3").ephemeral)
        // Without a name it would have that of the original.
        #expect(try await client.run("copy", "c2").errors.contains("already exists"))
        #expect(try await disagreements() == [])
    }

    private func snapshotNames(_ name: String) async throws -> [String] {
        try await client.call(
            API.instances.listSnapshots, as: [Instance.Snapshot].self, path: ["name": name], query: ["recursion": "1"]
        ).map(\.name).sorted()
    }

    fileprivate func checkRefresh(_ program: ClientProgram) async throws {
        let client = self.program(program)
        try await launch("c1", config: ["user.a": "1"])
        try await shell("c1", "echo one > /root/file; touch /root/gone")
        try await client("snapshot", "c1", "s0")
        try await client("copy", "c1", "c2")
        let before = try await config("c2")
        try await start("c2")
        try await shell("c2", "echo mine > /root/file; touch /root/mine")
        // Not while it runs.
        let refused = try await client.run("copy", "c1", "c2", "--refresh")
        #expect(refused.status == 1 && refused.errors.contains("stop it first"), "\(refused.errors)")
        try await stop("c2", force: true)
        try await client("snapshot", "c2", "extra")
        try await client("snapshot", "c2", "s1")
        try await shell("c1", "echo two > /root/file; rm /root/gone")
        try await client("snapshot", "c1", "s1")
        try await client("config", "set", "c1", "user.a=2", "user.b=3")
        try await client("copy", "c1", "c2", "--refresh")
        #expect(try await snapshotNames("c2") == ["s0", "s1"])
        let after = try await config("c2")
        #expect(after["user.a"] == "2" && after["user.b"] == "3")
        for key in ["volatile.uuid", "volatile.eth0.hwaddr", "volatile.idmap.base", "volatile.base_image"] {
            #expect(after[key] != nil && after[key] == before[key], "\(key)")
        }
        try await start("c2")
        #expect(try await shell("c2", "cat /root/file; ls /root; hostname") == "two\nfile\nc2")
        try await stop("c2", force: true)
        // Its snapshots are whole, those that were replaced too.
        try await client("restore", "c2", "s0")
        try await start("c2")
        #expect(try await shell("c2", "cat /root/file; ls /root") == "one\nfile\ngone")
        try await stop("c2", force: true)
        try await client("restore", "c2", "s1")
        try await start("c2")
        #expect(try await shell("c2", "cat /root/file") == "two")
        try await stop("c2", force: true)
        // Again, alone, and one that is not there yet.
        try await client("snapshot", "c1", "s2")
        try await client("copy", "c1", "c2", "--refresh", "--instance-only")
        #expect(try await snapshotNames("c2") == ["s0", "s1"])
        try await client("copy", "c1", "c2", "--refresh")
        #expect(try await snapshotNames("c2") == ["s0", "s1", "s2"])
        try await client("copy", "c1", "c3", "--refresh")
        #expect(try await snapshotNames("c3") == ["s0", "s1", "s2"])
        try await start("c3")
        #expect(try await config("c3")["volatile.uuid"] != config("c1")["volatile.uuid"])
        #expect(try await client.run("copy", "c3", "c3", "--refresh").errors.contains("from itself"))
        // Into another pool.
        try await client("storage", "create", "plain", "dir")
        try await client("copy", "c1", "c4", "-s", "plain")
        try await shell("c1", "echo three > /root/file")
        try await client("snapshot", "c1", "s3")
        // The stock client says again where it is, or it would be where the original's profile has it.
        let again = try await client.run(["copy", "c1", "c4", "--refresh"] + (program == .lx ? [] : ["-s", "plain"]))
        #expect(again.status == 0, "\(again.errors)")
        try await start("c4")
        #expect(try await shell("c4", "cat /root/file") == "three")
        #expect(try await snapshotNames("c4").count == 4)
        try await client("delete", "-f", "c4")
        try await client("storage", "delete", "plain")
        #expect(try await disagreements() == [])
    }

    fileprivate func checkBrokenRefresh() async throws {
        try await launch("c1")
        try await lx("copy", "c1", "c2")
        try await start("c2")
        try await shell("c2", "echo mine > /root/file")
        try await stop("c2", force: true)
        try await lx("snapshot", "c2", "s1")
        let before = try await instance("c2")
        try await shell("c1", "dd if=/dev/urandom of=/root/big bs=64k count=1500 2>/dev/null")
        try await lx("snapshot", "c1", "s1")
        try await lx("snapshot", "c1", "s2")
        func check(_ what: String) async throws {
            #expect(try await snapshotNames("c2") == ["s1"], "\(what)")
            #expect(try await instance("c2").config == before.config, "\(what)")
            try await lx("restore", "c2", "s1")
            #expect(try await lx("file", "pull", "c2/root/file", "-") == "mine\n", "\(what)")
            #expect(try await disagreements() == [], "\(what)")
        }
        // Killed at moments of the way.
        for milliseconds in [20, 60, 120, 250, 500] {
            let work = Task { try await lx.run("copy", "c1", "c2", "--refresh") }
            try await Task.sleep(for: .milliseconds(milliseconds))
            try await kill()
            _ = try await work.value
            try await start()
            // Before it was decided, or after.
            if try await snapshotNames("c2") != ["s1"] {
                #expect(try await snapshotNames("c2") == ["s1", "s2"])
                try await start("c2")
                #expect(try await shell("c2", "ls /root") == "big")
                #expect(try await disagreements() == [])
                return try await breakRefresh()
            }
            try await check("killed after \(milliseconds) ms")
        }
        try await breakRefresh()
    }

    /// A snapshot of the original that cannot be read.
    private func breakRefresh() async throws {
        try await create("c8")
        try await lx("snapshot", "c8", "s1")
        try await lx("copy", "c8", "c9")
        try await lx("snapshot", "c9", "mine")
        try await lx("snapshot", "c8", "s2")
        let pool = "\(directory)/storage-pools/default"
        try await Program("mv")("\(pool)/containers/c8/snapshots/s2", "\(work)/s2")
        let failed = try await lx.run("copy", "c8", "c9", "--refresh")
        #expect(failed.status == 1)
        #expect(try await snapshotNames("c9") == ["mine", "s1"])
        try await Program("mv")("\(work)/s2", "\(pool)/containers/c8/snapshots/s2")
        try await start("c9")
        try await stop("c9", force: true)
        try await lx("copy", "c8", "c9", "--refresh")
        #expect(try await snapshotNames("c9") == ["s1", "s2"])
        #expect(try await disagreements() == [])
    }

    fileprivate func checkCopyOfRunning() async throws {
        try await launch("c1")
        // Two files with the same number, one written after the other.
        try await shell(
            "c1",
            "dd if=/dev/zero of=/root/big bs=64k count=256 2>/dev/null; "
                + "(i=0; while true; do i=$((i+1)); echo $i >> /root/a; echo $i >> /root/z; done) >/dev/null 2>&1 &")
        for round in 1...5 {
            try await lx("copy", "c1", "c2")
            #expect(try await instance("c1").status == "Running")
            try await start("c2")
            let numbers = try await shell("c2", "tail -n 1 /root/a; tail -n 1 /root/z").split(separator: "\n")
                .compactMap { Int($0) }
            #expect(numbers.count == 2 && (0...1).contains(numbers[0] - numbers[1]), "round \(round): \(numbers)")
            try await lx("delete", "--force", "c2")
            // It goes on.
            let before = try await shell("c1", "tail -n 1 /root/z")
            try await eventually("it writes on") { try await shell("c1", "tail -n 1 /root/z") != before }
        }
        // One that stands still already goes on standing still.
        try await changeState("c1", "freeze")
        try await lx("copy", "c1", "c2")
        #expect(try await instance("c1").status == "Frozen")
        #expect(try await disagreements() == [])
    }

    fileprivate func checkKillWhileStill() async throws {
        try await launch("c1")
        try await shell("c1", "dd if=/dev/urandom of=/root/big bs=64k count=3000 2>/dev/null")
        let work = Task { try await lx.run("copy", "c1", "c2") }
        let note = "/run/\(tag)/instances/c1/still"
        try await eventually("it is kept still") { access(note, F_OK) == 0 || work.isCancelled }
        try await kill()
        _ = try? await work.value
        try await start()
        #expect(try await instance("c1").status == "Running")
        #expect(try await shell("c1", "echo here") == "here")
        #expect(access(note, F_OK) != 0)
        #expect(try await disagreements() == [])
    }

    fileprivate func checkRename(_ program: ClientProgram) async throws {
        let client = self.program(program)
        try await launch("c1", config: ["user.a": "1"])
        try await shell("c1", "echo kept > /root/file; echo said > /dev/console")
        let refusal = try await client.run("rename", "c1", "c2")
        #expect(refusal.status == 1 && refusal.errors.contains("Renaming of running container not allowed"))
        try await stop("c1", force: true)
        let events = try await self.client.events(types: ["lifecycle"])
        let before = try await config("c1")
        try await client("rename", "c1", "c2")
        var renamed: JSONValue?
        for try await event in events where event["metadata"]?["action"]?.text == "instance-renamed" {
            renamed = event["metadata"]
            break
        }
        await events.close()
        #expect(renamed?["source"]?.text == "/1.0/instances/c2" && renamed?["context"]?["old_name"]?.text == "c1")
        #expect(try await self.client.raw(.get, "/1.0/instances/c1").status == 404)
        let after = try await config("c2")
        for key in ["volatile.uuid", "volatile.eth0.hwaddr", "volatile.idmap.base", "user.a"] {
            #expect(after[key] == before[key], "\(key)")
        }
        #expect(after["volatile.cloud-init.instance-id"] != before["volatile.cloud-init.instance-id"])
        #expect(try await client("console", "c2", "--show-log").contains("said"))
        try await start("c2")
        #expect(try await shell("c2", "cat /root/file; hostname") == "kept\nc2")
        try await stop("c2", force: true)
        try await client("move", "c2", "c1")
        // The old name is free, and the new one survives a restart of lexd.
        try await create("c2")
        try await stop()
        try await start()
        try await start("c1")
        #expect(try await shell("c1", "cat /root/file") == "kept")
        #expect(try await disagreements() == [])
    }

    fileprivate func checkPlaces(_ program: ClientProgram) async throws {
        let client = self.program(program)
        try await self.client.call(
            API.storagePools.create, body: StoragePool.Creation(name: "second", driver: "overlay"))
        try await launch("c1")
        try await shell("c1", "echo kept > /root/file; rm /etc/group; ln /root/file /root/link")
        try await stop("c1", force: true)
        try await client("copy", "c1", "c2", "-s", "second")
        try await client("move", "c1", "c1", "-s", "second")
        for name in ["c1", "c2"] {
            #expect(try await instance(name).devices["root"]?["pool"] == "second")
            try await start(name)
            #expect(try await shell(name, "cat /root/link; ls /etc/group || stat -c %h /root/file") == "kept\n2")
            try await stop(name, force: true)
        }
        let uses = try await self.client.call(API.storagePools.get, path: ["name": "second"]).usedBy ?? []
        #expect(uses.contains("/1.0/instances/c1") && uses.contains("/1.0/instances/c2"))

        try await self.client.call(
            API.projects.create, body: Project.Creation(name: "p", config: ["features.profiles": "false"]))
        let address = try await config("c1")["volatile.eth0.hwaddr"]
        try await client("move", "c1", "c3", "--target-project", "p")
        try await client("copy", "c2", "c2", "--target-project", "p")
        #expect(try await client("list", "--project", "p", "-f", "csv", "-c", "n") == "c2\nc3\n")
        #expect(try await client("list", "-f", "csv", "-c", "n") == "c2\n")
        let moved = try await self.client.raw(.get, "/1.0/instances/c3?project=p")
        #expect(String(decoding: moved.body, as: UTF8.self).contains(address ?? "no address"))
        try await client("start", "c3", "--project", "p")
        #expect(try await client("exec", "c3", "--project", "p", "--", "cat", "/root/file") == "kept\n")
        try await client("delete", "-f", "c3", "--project", "p")
        try await client("delete", "c2", "--project", "p")
        #expect(try await disagreements() == [])
    }

    fileprivate func checkRefusals() async throws {
        try await create("c1")
        try await create("c2")
        func copy(_ wish: Instance.Creation) async throws -> Int {
            do {
                try await client.run(API.instances.create, body: wish)
                return 200
            } catch let error as APIError { return error.status }
        }
        var source = Instance.Source(copyOf: "c1")
        #expect(try await copy(Instance.Creation(name: "c2", source: source)) == 409)
        #expect(try await copy(Instance.Creation(name: "c1", source: source)) == 409)
        #expect(try await copy(Instance.Creation(name: "a_b", source: source)) == 400)
        #expect(try await copy(Instance.Creation(name: "c3", source: source, config: ["nonsense": "1"])) == 400)
        #expect(try await copy(Instance.Creation(name: "c3", source: source, config: ["volatile.uuid": "1"])) == 400)
        #expect(try await copy(Instance.Creation(name: "c3", source: source, profiles: [])) == 400)
        #expect(try await copy(Instance.Creation(name: "c3", source: source, profiles: ["nope"])) == 400)
        for name in ["nope", "../c1", "c1/snap", ""] {
            source.source = name
            let status = try await copy(Instance.Creation(name: "c3", source: source))
            #expect(status == (name.isEmpty ? 400 : 404), "\(name)")
        }
        source = Instance.Source(copyOf: "c1", project: "nope")
        #expect(try await copy(Instance.Creation(name: "c3", source: source)) == 404)

        func move(_ name: String, _ wish: Instance.Move) async throws -> Int {
            do {
                try await client.run(API.instances.move, path: ["name": name], body: wish)
                return 200
            } catch let error as APIError { return error.status }
        }
        #expect(try await move("c1", Instance.Move(name: "c2")) == 409)
        #expect(try await move("c1", Instance.Move(name: "c1")) == 409)
        #expect(try await move("c1", Instance.Move(name: "")) == 409)
        #expect(try await move("c1", Instance.Move(name: "../c3")) == 400)
        #expect(try await move("nope", Instance.Move(name: "c3")) == 404)
        #expect(try await move("c1", Instance.Move(name: "c3", pool: "nope")) == 404)
        #expect(try await move("c1", Instance.Move(name: "c3", project: "nope")) == 404)
        #expect(try await move("c1", Instance.Move(name: "c3", pool: "", project: "")) == 400)

        for program in ClientProgram.allCases {
            let output = try await self.program(program).run("launch", "busybox", "v1", "--vm")
            #expect(output.status == 1 && output.errors.contains("Error: "), "\(output)")
            #expect(try await client.raw(.get, "/1.0/instances/v1").status == 404)
        }
        #expect(try await disagreements() == [])
    }

    fileprivate func checkManyAtOnce() async throws {
        var generator = SeededGenerator("many at once")
        let names = ["c1", "c2", "c3", "c4"]
        for name in names { try await create(name) }
        var work: [@Sendable () async -> Void] = []
        for _ in 0..<120 {
            let one = names.randomElement(using: &generator) ?? "c1"
            let other = names.randomElement(using: &generator) ?? "c2"
            let client = client
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                work.append {
                    _ = try? await client.run(API.instances.move, path: ["name": one], body: Instance.Move(name: other))
                }
            case 1, 2:
                work.append {
                    let wish = Instance.Creation(name: other, source: Instance.Source(copyOf: one))
                    _ = try? await client.run(API.instances.create, body: wish)
                }
            case 3: work.append { _ = try? await client.run(API.instances.delete, path: ["name": one]) }
            case 4:
                work.append {
                    _ = try? await client.run(
                        API.instances.changeState, path: ["name": one], body: .init(action: "start", timeout: -1))
                }
            default:
                work.append {
                    _ = try? await client.run(
                        API.instances.changeState, path: ["name": one], body: .init(action: "stop", force: true))
                }
            }
        }
        let all = work
        try await within(.seconds(300), "the end of everything") {
            await withTaskGroup(of: Void.self) { group in
                for (index, step) in all.enumerated() {
                    if index >= 12 { await group.next() }
                    group.addTask { await step() }
                }
            }
        }
        for name in names {
            _ = try? await client.run(
                API.instances.changeState, path: ["name": name], body: .init(action: "stop", force: true))
        }
        #expect(try await disagreements() == [])
    }
}
