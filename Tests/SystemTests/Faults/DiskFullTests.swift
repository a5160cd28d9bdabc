import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests.Faults {
    /// The disk is full, or gets full in the middle: what was asked for fails with an error that says so and what to do,
    /// and nothing is left of it. What is there can be used and deleted, and with space everything goes on.
    @Test func theDiskIsFull() async throws {
        var options = DaemonFixture.Options.standard
        options.diskSize = 40
        let settings = options
        try await withDaemon(settings) { daemon in
            try await daemon.launch("c1")
            try await daemon.create("victim")
            let other = try await daemon.otherImage()
            var refusals = 0
            // From not a block to nearly enough.
            for kibibytes in [0, 4, 8, 16, 32, 64, 256, 1024, 3072, 6144] {
                refusals += try await daemon.refusals(withKibibytes: kibibytes, image: other)
            }
            #expect(refusals >= 10)
            // Deleting needs no space.
            try await daemon.fill(leaving: 0)
            try await daemon.client.run(API.instances.delete, path: ["name": "victim"])
            #expect(try await daemon.disagreements() == [])
            // The same daemon, with space again.
            unlink(daemon.filler)
            try await daemon.importImage(file: other, alias: "other")
            try await daemon.launch("c2", image: "other")
            #expect(try await daemon.shell("c1", "echo here") == "here")
            #expect(try await daemon.disagreements() == [])
        }
    }

    /// An instance fills the pool's disk from inside; lexd goes on, also through a restart.
    @Test func anInstanceFillsTheDisk() async throws {
        var options = DaemonFixture.Options.standard
        options.diskSize = 40
        let settings = options
        try await withDaemon(settings) { daemon in
            try await daemon.launch("c1")
            let full = try await daemon.exec("c1", "dd", "if=/dev/zero", "of=/root/full", "bs=64k")
            #expect(full.errors.contains("No space left on device"), "\(full)")
            try await daemon.kill()
            try await daemon.start()
            #expect(try await daemon.instance("c1").status == "Running")
            let error = await #expect(throws: (any Error).self) {
                for number in 0..<100 { try await daemon.create("n\(number)") }
            }
            #expect(error.map { daemon.saysFull($0) } == true, "\(String(describing: error))")
            #expect(try await daemon.disagreements() == [])
            try await daemon.shell("c1", "rm /root/full")
            try await daemon.launch("c2")
            #expect(try await daemon.disagreements() == [])
        }
    }
}

extension DaemonFixture {
    /// A file of zeros on the daemon's disk.
    fileprivate var filler: String { "\(directory)/filler" }

    /// An image larger than the usual one, as a file on another disk.
    fileprivate func otherImage() async throws -> String {
        var contents = BusyboxImage.Contents()
        contents.extra = { $0.add("rootfs/root/large", .file([UInt8](repeating: 7, count: 3 << 20))) }
        return try file("other.tar", await BusyboxImage.tarball(contents))
    }

    /// Fills the disk but for so many KiB.
    fileprivate func fill(leaving kibibytes: Int) async throws {
        unlink(filler)
        let path = filler
        try await blocking {
            let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT)
            var size = 0
            for step in [1 << 20, 1 << 16, 1 << 12] {
                while posix_fallocate(file.number, size, step) == 0 { size += step }
            }
            try checked("shorten", path) { ftruncate(file.number, max(0, size - kibibytes << 10)) }
        }
    }

    /// Asks for all that needs space, with so much left; answers how many were refused. Those that were not are taken
    /// back.
    fileprivate func refusals(withKibibytes space: Int, image: String) async throws -> Int {
        var refusals = 0
        func isRefused(_ what: String, _ work: () async throws -> Void) async throws -> Bool {
            try await fill(leaving: space)
            defer { unlink(filler) }
            do {
                try await expectingSoon("\(what) with \(space) KiB") { try await work() }
                return false
            } catch {
                #expect(saysFull(error), "\(what) with \(space) KiB: \(error)")
                let found = try await disagreements()
                #expect(found == [], "\(what) with \(space) KiB: \(error)")
                refusals += 1
                return true
            }
        }
        if try await !isRefused("create", { try await create("new") }) {
            try await client.run(API.instances.delete, path: ["name": "new"])
        }
        if try await !isRefused("start", { try await changeState("victim", "start", timeout: -1) }) {
            try await stop("victim", force: true)
        }
        if try await !isRefused("upload", { try await importImage(file: image) }) {
            let images = try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"])
            for added in images where added.aliases.isEmpty {
                try await client.run(API.images.delete, path: ["fingerprint": added.fingerprint])
            }
        }
        return refusals
    }

    /// Whether an error says that there is no space, and what to do.
    fileprivate func saysFull(_ error: any Error) -> Bool {
        let text = "\(error)".lowercased()
        return ["no space left", "no room left", "all the room there is"].contains { text.contains($0) }
            && text.contains("free some")
    }
}
