import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What goes wrong on a machine: processes that are killed or hang, a disk that is full.
    @Suite struct Faults {}
}

/// What lexd is in the middle of when it is killed.
enum Interrupted: String, CaseIterable, CustomTestStringConvertible {
    case create, start, stop, delete, upload, copy, rename, relocate
    case snapshot, snapshotOfRunning, restore, renameSnapshot, deleteSnapshot

    var isOfSnapshots: Bool {
        switch self {
        case .snapshot, .snapshotOfRunning, .restore, .renameSnapshot, .deleteSnapshot: true
        default: false
        }
    }

    var testDescription: String { rawValue }
}

extension SystemTests.Faults {
    /// lexd is killed at a random moment inside an action. What ran runs on, what was begun is there as a whole or not
    /// at all, and nothing is left of the rest.
    @Test(arguments: Interrupted.allCases)
    func lexdIsKilled(_ action: Interrupted) async throws {
        var generator = SeededGenerator("lexd is killed in \(action.rawValue)")
        let seed = generator.seed
        try await withDaemon { daemon in
            try await daemon.launch("bystander")
            try await daemon.shell("bystander", "echo here > /run/mark")
            let bystander = try await daemon.initProcess("bystander")
            // How long it takes when nothing disturbs it, once everything is warm.
            try await daemon.prepare(action, round: 0, seed)
            let begin = ContinuousClock.now
            try await daemon.carryOut(action, round: 0)
            let usual = begin.duration(to: .now)
            try await daemon.continueAfter(action, round: 0)
            for round in 1...10 {
                let moment = usual * Double.random(in: 0...1.1, using: &generator)
                try await daemon.killRound(action, round, after: moment, seed)
                #expect(try await daemon.initProcess("bystander") == bystander)
                #expect(try await daemon.shell("bystander", "cat /run/mark") == "here")
            }
            try await daemon.stop("bystander")
            #expect(try await daemon.disagreements() == [])
        }
    }
}

extension SystemTests.Faults {
    /// A lexd that cannot find out whether an instance runs neither deletes it nor starts it a second time, serves the
    /// others, and takes it up once it can.
    @Test func anInstanceThatCannotBeLookedAt() async throws {
        try await withDaemon { daemon in
            try await daemon.launch("c1", ephemeral: true)
            try await daemon.launch("c2")
            let process = try await daemon.initProcess("c1")
            try await daemon.kill()
            // A directory in place of the file that names the processes: it is there and cannot be read.
            let file = "/run/\(daemon.tag)/instances/c1/processes"
            try checked("rename", file) { rename(file, file + ".away") }
            try makeDirectories(file)
            try await daemon.start()
            #expect(try await daemon.shell("c2", "echo here") == "here")
            for action in ["start", "stop"] {
                let refusal = await #expect(throws: (any Error).self) { try await daemon.changeState("c1", action) }
                #expect("\(String(describing: refusal))".contains("Is a directory"))
            }
            await #expect(throws: (any Error).self) {
                try await daemon.client.run(API.instances.delete, path: ["name": "c1"])
            }
            #expect(try daemon.processes("c1").keys.contains(process))
            try checked("remove", file) { rmdir(file) }
            try checked("rename", file) { rename(file + ".away", file) }
            let refusal = await #expect(throws: (any Error).self) { try await daemon.changeState("c1", "start") }
            #expect("\(String(describing: refusal))".contains("already running"))
            #expect(try await daemon.initProcess("c1") == process)
            #expect(try await daemon.disagreements() == [])
            try await daemon.stop("c1")
            try await eventually("c1 is gone") {
                try await daemon.client.raw(.get, "/1.0/instances/c1").status == 404
            }
        }
    }
}

extension DaemonFixture {
    /// One kill, and what follows.
    fileprivate func killRound(_ action: Interrupted, _ round: Int, after moment: Duration, _ seed: UInt64) async throws
    {
        try await prepare(action, round: round, seed)
        let work = Task { try await carryOut(action, round: round) }
        // To choose the moment; nothing is waited for by this.
        try await Task.sleep(for: moment)
        try await kill()
        let outcome = try await within(.seconds(30), "the end of a request to a lexd that is gone") {
            await work.result
        }
        try await start()
        let found = try await disagreements()
        #expect(found == [], "\(action.rawValue), round \(round), killed after \(moment), which ended with \(outcome)")
        try await continueAfter(action, round: round)
        let later = try await disagreements()
        #expect(later == [], "\(action.rawValue), after round \(round)")
    }

    fileprivate func prepare(_ action: Interrupted, round: Int, _ seed: UInt64) async throws {
        switch action {
        case .create: break
        case .start: try await create("subject")
        case .snapshotOfRunning: try await launch("subject")
        case .snapshot, .restore, .renameSnapshot, .deleteSnapshot:
            try await create("subject")
            try await client.run(
                API.instances.createSnapshot, path: ["name": "subject"], body: .init(name: "first"))
        case .stop: try await launch("subject")
        case .copy, .rename, .relocate:
            try await create("subject")
            let pools = try await client.raw(.get, "/1.0/storage-pools/second")
            if action == .relocate, pools.status == 404 {
                try await client.call(
                    API.storagePools.create, body: StoragePool.Creation(name: "second", driver: "overlay"))
            }
        case .delete:
            // Started once, so that there are files, logs and all it remembers.
            try await launch("subject")
            try await shell("subject", "dd if=/dev/zero of=/root/file bs=64k count=64 2>/dev/null")
            try await stop("subject", force: true)
        case .upload:
            var contents = BusyboxImage.Contents()
            contents.extra = { tar in
                tar.add("rootfs/root/round", text: "\(seed) \(round)\n")
                for number in 0..<200 {
                    tar.add("rootfs/root/\(number)", .file([UInt8](repeating: UInt8(number), count: 32 << 10)))
                }
            }
            _ = try file("upload.tar", await BusyboxImage.tarball(contents))
        }
    }

    fileprivate func carryOut(_ action: Interrupted, round: Int) async throws {
        switch action {
        case .create: try await create("subject")
        case .start: try await changeState("subject", "start", timeout: -1)
        case .stop: try await stop("subject", force: round.isMultiple(of: 2))
        case .delete: try await client.run(API.instances.delete, path: ["name": "subject"])
        case .upload: try await importImage(file: path("upload.tar"))
        case .copy:
            try await client.run(
                API.instances.create,
                body: Instance.Creation(name: "other", source: Instance.Source(copyOf: "subject")))
        case .snapshot, .snapshotOfRunning:
            try await client.run(
                API.instances.createSnapshot, path: ["name": "subject"], body: .init(name: "second"))
        case .restore:
            try await client.run(API.instances.update, path: ["name": "subject"], body: .init(restore: "first"))
        case .renameSnapshot:
            try await client.run(
                API.instances.renameSnapshot, path: ["name": "subject", "snapshot": "first"],
                body: .init(name: "second"))
        case .deleteSnapshot:
            try await client.run(API.instances.deleteSnapshot, path: ["name": "subject", "snapshot": "first"])
        case .rename:
            try await client.run(API.instances.move, path: ["name": "subject"], body: Instance.Move(name: "other"))
        case .relocate:
            try await client.run(
                API.instances.move, path: ["name": "subject"], body: Instance.Move(name: "other", pool: "second"))
        }
    }

    /// What was interrupted can be used or done again, and is taken away.
    fileprivate func continueAfter(_ action: Interrupted, round: Int) async throws {
        if action == .upload { return try await continueAfterUpload() }
        let names = try await client.call(API.instances.list, as: [Instance].self, query: ["recursion": "1"]).map(
            \.name)
        if names.contains("other") { try await takeBack(action, names) }
        if action.isOfSnapshots { try await useSnapshots(action) }
        // A start or a stop loses no instance.
        if !names.contains("subject"), !names.contains("other") {
            #expect(action == .create || action == .delete)
            try await create("subject")
        }
        // One that was being started or stopped may be running or not, but nothing else.
        if try await instance("subject").status == "Stopped" { try await changeState("subject", "start", timeout: -1) }
        try await eventually("the subject has booted") {
            try await exec("subject", "test", "-e", "/run/booted").status == 0
        }
        try await stop("subject", force: round.isMultiple(of: 2))
        try await client.run(API.instances.delete, path: ["name": "subject"])
    }

    /// Whatever snapshots there are can be gone back to, and a new one can be made.
    private func useSnapshots(_ action: Interrupted) async throws {
        let path = ["name": "subject"]
        let list = {
            try await self.client.call(
                API.instances.listSnapshots, as: [Instance.Snapshot].self, path: path, query: ["recursion": "1"]
            ).map(\.name)
        }
        let names = try await list()
        let expected: [[String]] =
            switch action {
            case .snapshot: [["first"], ["first", "second"]]
            case .snapshotOfRunning: [[], ["second"]]
            case .renameSnapshot: [["first"], ["second"]]
            case .deleteSnapshot: [["first"], []]
            default: [["first"]]
            }
        #expect(expected.contains(names), "\(action.rawValue): \(names)")
        try await client.run(API.instances.createSnapshot, path: path, body: .init(name: "third"))
        for name in names + ["third"] {
            try await client.run(API.instances.update, path: path, body: .init(restore: name))
        }
    }

    /// What has come of a copy or a rename works, and nothing is there twice but a copy.
    private func takeBack(_ action: Interrupted, _ names: [String]) async throws {
        #expect(action == .copy || !names.contains("subject"), "\(action.rawValue): \(names)")
        try await start("other")
        try await stop("other", force: true)
        if action == .copy {
            try await client.run(API.instances.delete, path: ["name": "other"])
        } else {
            try await client.run(API.instances.move, path: ["name": "other"], body: Instance.Move(name: "subject"))
        }
    }

    private func continueAfterUpload() async throws {
        let images = try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"])
        let fingerprint: String
        if let image = images.first(where: { $0.aliases.isEmpty }) {
            fingerprint = image.fingerprint
        } else {
            fingerprint = try await importImage(file: path("upload.tar"))
        }
        try await client.call(
            API.images.createAlias, body: Image.AliasEntry(name: "upload", target: fingerprint, description: ""))
        try await launch("subject", image: "upload")
        #expect(try await shell("subject", "ls /root | wc -l") == "201")
        try await stop("subject", force: true)
        try await client.run(API.instances.delete, path: ["name": "subject"])
        try await client.run(API.images.delete, path: ["fingerprint": fingerprint])
    }
}
