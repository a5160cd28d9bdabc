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
    case create, start, stop, delete, upload

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
        case .stop: try await launch("subject")
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
        }
    }

    /// What was interrupted can be used or done again, and is taken away.
    fileprivate func continueAfter(_ action: Interrupted, round: Int) async throws {
        if action == .upload { return try await continueAfterUpload() }
        let names = try await client.call(API.instances.list, as: [Instance].self, query: ["recursion": "1"]).map(
            \.name)
        // A start or a stop loses no instance.
        if !names.contains("subject") {
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
