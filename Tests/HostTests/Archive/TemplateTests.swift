import Glibc
import LexDaemon
import LexHost
import LexIPC
import Synchronization
import Testing

/// Images made from the recipes in the tree. They need mmdebstrap, a network and minutes: LEXD_LONG_TESTS=1.
///
/// LEXD_KEEP_IMAGES names a directory to leave the images in; LEXD_MIRROR another archive to build from.
@Suite(.serialized, .enabled(if: getenv("LEXD_LONG_TESTS") != nil))
struct TemplateTests {
    private let fixture: ArchiveFixture
    init() throws { fixture = try ArchiveFixture() }

    private static let recipes = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 } + "/Recipes"

    @Test(arguments: ["debian/11", "debian/12", "debian/13"])
    func makesAnImage(_ name: String) async throws {
        let recipe = try #require(try ImageRecipe.all(in: Self.recipes)[name])
        let mirror = try getenv("LEXD_MIRROR").map { try PackageMirror(String(cString: $0)) }
        let builder = TemplateBuilder(archives: ArchiveProcess(fixture.settings), mirror: mirror)
        let keep = getenv("LEXD_KEEP_IMAGES").map { String(cString: $0) } ?? fixture.directory
        let path = "\(keep)/\(name.replacing("/", with: "-")).tar.zst"
        unlink(path)
        let stages = Mutex<[String]>([])
        let begin = ContinuousClock.now
        let image = try await builder.build(recipe, to: path) { progress in
            stages.withLock { $0.append(progress.stage) }
        }
        var status = stat()
        try checked("look at", path) { lstat(path, &status) }
        print("\(name): \(ContinuousClock.now - begin), \(status.st_size >> 20) MiB, \(image.entries) entries")
        #expect(image.warnings == [])
        #expect(stages.withLock { $0 }.contains { $0.contains("installing") })

        let result = try await fixture.unpack(
            try OwnedDescriptor.open(path, O_RDONLY), limits: ArchiveLimits(bytes: 4 << 30))
        #expect(result.metadata == image.metadata)
        #expect(result.warnings == [])
        try lookAround(result.metadata, mirror)
    }

    /// Nothing of this machine is in it, and what makes it boot is.
    private func lookAround(_ metadata: String, _ mirror: PackageMirror?) throws {
        let root = fixture.target + "/rootfs"
        #expect(metadata.contains("architecture: "))
        #expect(metadata.contains("template: \"hostname.tpl\""))
        for gone in ["etc/hostname", "etc/hosts", "root/.ssh", "var/log/dpkg.log", "etc/apt/sources.list.image"] {
            #expect(access("\(root)/\(gone)", F_OK) != 0, "\(gone)")
        }
        #expect(
            try directoryNames(root + "/dev").allSatisfy {
                ["fd", "pts", "shm", "stderr", "stdin", "stdout"].contains($0)
            })
        #expect(try fixture.look("rootfs/etc/machine-id").st_size == 0)
        #expect(try ArchiveFixture.link(root + "/var/lib/dbus/machine-id") == "/etc/machine-id")
        #expect(try ArchiveFixture.link(root + "/etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf")
        #expect(try directoryNames(root + "/var/lib/apt/lists").allSatisfy { $0 == "partial" })
        #expect(try directoryNames(root + "/etc/apt/sources.list.d") == [])
        let sources = try readFile(root + "/etc/apt/sources.list")
        #expect(sources.split(separator: "\n").count == 3)
        if let mirror { #expect(!sources.contains(mirror.url)) }
        #expect(["/bin/ping", "/usr/bin/ping"].contains { access(root + $0, X_OK) == 0 })
        for there in ["sbin/init", "usr/bin/less", "etc/systemd/network/eth0.network"] {
            var status = stat()
            #expect(lstat("\(root)/\(there)", &status) == 0, "\(there)")
        }
    }

    @Test func saysWhatMmdebstrapSays() async throws {
        var recipe = try #require(try ImageRecipe.all(in: Self.recipes)["debian/12"])
        recipe.packages = ["no-such-package-anywhere"]
        let path = fixture.directory + "/image"
        let builder = TemplateBuilder(archives: ArchiveProcess(fixture.settings))
        let error = await #expect(throws: ToolError.self) { try await builder.build(recipe, to: path) }
        #expect(error?.errors.contains("no-such-package-anywhere") == true, "\(String(describing: error))")
        #expect(access(path, F_OK) != 0)
    }

    @Test func endsWhenItIsCancelled() async throws {
        let recipe = try #require(try ImageRecipe.all(in: Self.recipes)["debian/12"])
        let path = fixture.directory + "/image"
        // A work directory of its own, to see that nothing stays in it.
        let work = fixture.directory + "/work"
        try makeDirectories(work, mode: 0o777)
        chmod(fixture.directory, 0o755)
        chmod(work, 0o777)
        let builder = TemplateBuilder(archives: ArchiveProcess(fixture.settings), workDirectory: work)
        let (stages, stage) = AsyncStream<String>.makeStream()
        let task = Task { try await builder.build(recipe, to: path) { stage.yield($0.stage) } }
        for await _ in stages { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(access(path, F_OK) != 0)
        #expect(try directoryNames(work) == [])
    }
}
