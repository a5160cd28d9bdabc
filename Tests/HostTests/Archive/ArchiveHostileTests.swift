import Glibc
import LexHost
import LexIPC
import Testing

/// Archives that try what no image does: each is refused with a sentence, and nothing is changed outside.
@Suite struct ArchiveHostileTests {
    private let fixture: ArchiveFixture
    /// A directory beside the target that attacks aim at.
    private let outside: String

    init() throws {
        fixture = try ArchiveFixture()
        outside = fixture.directory + "/outside"
        try makeDirectories(outside, mode: 0o755)
        try OwnedDescriptor.open(outside + "/canary", O_WRONLY | O_CREAT, mode: 0o644).writeAll(
            "alive".utf8, to: "canary")
    }

    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var entries: [Tar.Entry]
        var rule: String
        var isWhole = false
        init(_ description: String, _ entries: [Tar.Entry], _ rule: String, isWhole: Bool = false) {
            self.description = description
            self.entries = entries
            self.rule = rule
            self.isWhole = isWhole
        }
    }

    static let cases: [Case] = [
        Case("dot-dot", [.file("rootfs/../../outside/x")], "\"..\""),
        Case("dot-dot directory", [.directory("rootfs/../../outside/")], "\"..\""),
        Case("dot-dot by pax", [.file("x").with(\.extended, [("path", Array("../outside/x".utf8))])], "\"..\""),
        Case("absolute", [.file("/etc/cron.d/x")], "absolute"),
        Case("empty name", [.file("rootfs//x")], "empty name"),
        Case("rootfs is a link", [.symbolicLink("rootfs", "../outside")], "must be a directory", isWhole: true),
        Case("rootfs becomes a link", [.symbolicLink("rootfs", "../outside")], "must be a directory"),
        Case("templates is a link", [.symbolicLink("templates", "/etc")], "must be a directory"),
        Case(
            "template is a link", [.directory("templates/"), .symbolicLink("templates/a", "/etc/shadow")], "templates"),
        Case(
            "metadata is a link", [.symbolicLink("metadata.yaml", "/etc/shadow"), .directory("rootfs")],
            "must be a regular file", isWhole: true),
        Case(
            "metadata is a hard link", [.hardLink("metadata.yaml", "/etc/shadow")], "must be a regular file",
            isWhole: true),
        Case("metadata twice", [.file("./metadata.yaml", "x")], "is there twice"),
        Case(
            "metadata too long", [.file("metadata.yaml", String(repeating: "x", count: 1 << 20) + "x")],
            "1048577 bytes; 1048576 are allowed", isWhole: true),
        Case(
            "metadata is no text",
            [
                Tar.Entry(name: Array("metadata.yaml".utf8), type: 48, content: [0xff, 0xfe]),
                .directory("rootfs/"),
            ], "not UTF-8", isWhole: true),
        Case(
            "below a link", [.symbolicLink("rootfs/l", "/"), .file("rootfs/l/etc/x")],
            "\"rootfs/l\", which is no directory"),
        Case(
            "below a link out", [.symbolicLink("rootfs/l", "../../outside"), .file("rootfs/l/canary", "dead")],
            "\"rootfs/l\", which is no directory"),
        Case(
            "directory below a link", [.symbolicLink("rootfs/l", "../../outside"), .directory("rootfs/l/d")],
            "\"rootfs/l\", which is no directory"),
        Case("below a file", [.file("rootfs/f"), .file("rootfs/f/x")], "\"rootfs/f\", which is no directory"),
        Case(
            "directory over a link", [.symbolicLink("rootfs/d", "../../outside"), .directory("rootfs/d")],
            "was something else before"),
        Case(
            "link over a directory", [.directory("rootfs/d"), .symbolicLink("rootfs/d", "../../outside")],
            "was one before"),
        Case("file over a directory", [.directory("rootfs/d"), .file("rootfs/d")], "was one before"),
        Case("hard link out", [.hardLink("rootfs/h", "/etc/shadow")], "absolute"),
        Case("hard link up", [.hardLink("rootfs/h", "rootfs/../../outside/canary")], "\"..\""),
        Case("hard link to metadata", [.hardLink("rootfs/h", "metadata.yaml")], "not below rootfs/"),
        Case(
            "hard link to nothing", [.hardLink("rootfs/h", "rootfs/later"), .file("rootfs/later")],
            "not in the archive before it"),
        Case(
            "hard link through a link",
            [.symbolicLink("rootfs/l", "../../outside"), .hardLink("rootfs/h", "rootfs/l/canary")],
            "not in the archive before it"),
        Case(
            "hard link to a directory", [.directory("rootfs/d"), .hardLink("rootfs/h", "rootfs/d")], "to the directory"),
        Case("hard link to itself", [.file("rootfs/h"), .hardLink("rootfs/h", "./rootfs/h")], "itself"),
        Case("user beyond", [.file("rootfs/x").with(\.user, 65536)], "ids 0 to 65535"),
        Case("group beyond", [.file("rootfs/x").with(\.group, 1_000_000)], "ids 0 to 65535"),
        Case(
            "user by pax", [.file("rootfs/x").with(\.extended, [("uid", Array("4294967295".utf8))])], "ids 0 to 65535"),
        Case("user below", [.file("rootfs/x").with(\.extended, [("uid", Array("-1".utf8))])], "ids 0 to 65535"),
        Case(
            "too deep", [.directory("rootfs/" + Array(repeating: "d", count: 128).joined(separator: "/"))],
            "129 directories deep; 128 are allowed"),
        Case("name too long", [.file("rootfs/" + String(repeating: "n", count: 256))], "256 bytes"),
        Case("path too long", [.file("rootfs/" + String(repeating: "nnnnnnn/", count: 520))], "4096"),
        Case("no rootfs", [.file("metadata.yaml", "a: b\n")], "no directory rootfs/", isWhole: true),
        Case("no metadata", [.directory("rootfs/")], "no metadata.yaml", isWhole: true),
        Case("nothing at all", [], "no metadata.yaml", isWhole: true),
        Case("header says more than there is", [.file("rootfs/x", "abc").with(\.size, 1 << 32)], "cannot be read"),
        Case("content that is no header", [.file("rootfs/x", "abc").with(\.size, 0)], "Damaged tar archive"),
        Case(
            "endless sparse file", [sparse("rootfs/s", size: "9223372036854775807", map: "1\n0\n3\n")],
            "more than the file system"),
        Case("negative sparse file", [sparse("rootfs/s", size: "5", map: "1\n-3\n3\n")], "cannot be read"),
        Case(
            "huge extended header",
            [.file("rootfs/x").with(\.extended, [("comment", [UInt8](repeating: 97, count: 2 << 20))])],
            "cannot be read"),
    ]

    /// A sparse file as GNU tar 1.0 in pax has it.
    static func sparse(_ name: String, size: String, map: String) -> Tar.Entry {
        var content = Array(map.utf8)
        content += [UInt8](repeating: 0, count: 512 - content.count % 512)
        content += Array("abc".utf8)
        return Tar.Entry(
            name: Array("rootfs/GNUSparseFile.0/s".utf8), type: 48, content: content,
            extended: [
                ("GNU.sparse.major", [49]), ("GNU.sparse.minor", [48]), ("GNU.sparse.name", Array(name.utf8)),
                ("GNU.sparse.realsize", Array(size.utf8)),
            ])
    }

    @Test(arguments: cases)
    func isRefused(_ test: Case) async throws {
        let tar = test.isWhole ? Tar(test.entries) : Tar.image(test.entries)
        let error = await #expect(throws: ArchiveError.self) { try await fixture.unpack(tar) }
        let sentence = error?.refusal ?? ""
        #expect(sentence.contains(test.rule), "\(test): \(String(describing: error))")
        #expect(try directoryNames(outside) == ["canary"])
        #expect(try readFile(outside + "/canary") == "alive")
        #expect(try directoryNames(fixture.directory) == ["input", "mount", "outside", "target"])
        #expect(access("/etc/cron.d/x", F_OK) != 0)
    }

    @Test func countsEntriesAndBytes() async throws {
        let tar = Tar.image((0..<10).map { .file("rootfs/\($0)", String(repeating: "x", count: 1000)) })
        let few = await #expect(throws: ArchiveError.self) {
            try await fixture.unpack(tar, limits: ArchiveLimits(entries: 5, bytes: 1 << 30))
        }
        #expect(few?.refusal == "the archive has more than 5 entries")
        try removeTree(fixture.target)
        try makeDirectories(fixture.target)
        let small = await #expect(throws: ArchiveError.self) {
            try await fixture.unpack(tar, limits: ArchiveLimits(bytes: 5000))
        }
        #expect(small?.refusal?.contains("more than 5000 bytes") == true)
    }

    @Test func aBombIsRefused() async throws {
        // 64 MiB of zeros in a few KiB; the rule counts from 1 MiB here.
        let zeros = String(repeating: "\0", count: 64 << 20)
        let input = try await compressed(Tar.image([.file("rootfs/bomb", zeros)]).bytes, "xz")
        let error = await #expect(throws: ArchiveError.self) {
            try await fixture.unpack(input, limits: ArchiveLimits(bytes: 1 << 30, ratio: 200, ratioFrom: 1 << 20))
        }
        #expect(error?.refusal?.contains("as nothing but an attack does") == true)
    }

    @Test(arguments: ["gzip", "xz", "zstd", "bzip2", ""])
    func aCutArchiveIsRefused(_ program: String) async throws {
        var generator = SystemRandomNumberGenerator()
        let noise = String(
            decoding: (0..<200_000).map { _ in UInt8.random(in: 97...122, using: &generator) }, as: UTF8.self)
        let tar = Tar.image([.file("rootfs/a", noise), .file("rootfs/b", noise)]).bytes
        let whole = program.isEmpty ? tar : try await compressedBytes(tar, program)
        for cut in [whole.count / 3, whole.count / 2, whole.count - whole.count / 50] {
            let error = await #expect(throws: ArchiveError.self) {
                try await fixture.unpack(try fixture.file(whole[..<cut]))
            }
            #expect(error?.refusal?.hasPrefix("the archive cannot be read: ") == true, "\(String(describing: error))")
            try removeTree(fixture.target)
            try makeDirectories(fixture.target)
        }
        // A changed byte: xz and bzip2 have checksums that libarchive looks at. gzip's it does not, zstd's program
        // writes one only for files; there the image's fingerprint is what vouches.
        guard program == "xz" || program == "bzip2" else { return }
        var damaged = whole
        damaged[whole.count - whole.count / 4] ^= 0x10
        let error = await #expect(throws: ArchiveError.self) { try await fixture.unpack(try fixture.file(damaged)) }
        #expect(error?.refusal != nil)
    }

    @Test func aTarCutBetweenTwoEntriesIsRefused() async throws {
        var tar = Tar.image([.file("rootfs/a"), .file("rootfs/b", "content")])
        tar.hasEnd = false
        let error = await #expect(throws: ArchiveError.self) { try await fixture.unpack(tar) }
        #expect(error?.refusal == "the archive ends without the mark of its end: it was cut off")
    }

    @Test(arguments: ["", "x", "hsqs what squashfs begins with", "PK\u{3}\u{4} what zip begins with"])
    func whatIsNoTarIsRefused(_ text: String) async throws {
        let error = await #expect(throws: ArchiveError.self) { try await fixture.unpack(try fixture.file(text.utf8)) }
        #expect(error?.refusal?.isEmpty == false, "\(String(describing: error))")
    }

    @Test func noiseIsRefusedAndBringsNothingDown() async throws {
        var generator = SystemRandomNumberGenerator()
        let good = Tar.image([
            .file("rootfs/a", "content"), .symbolicLink("rootfs/b", "a"), .hardLink("rootfs/c", "rootfs/a"),
        ])
        for _ in 0..<40 {
            var bytes = good.bytes
            for _ in 0..<8 {
                let place = Int.random(in: bytes.indices, using: &generator)
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
            }
            do {
                _ = try await fixture.unpack(try fixture.file(bytes))
            } catch let error as ArchiveError {
                #expect(error.refusal != nil, "\(error)")
            }
            try removeTree(fixture.target)
            try makeDirectories(fixture.target)
        }
    }

    @Test func aTargetThatIsNotEmptyIsNotTouched() async throws {
        try makeDirectories(fixture.target + "/rootfs")
        let error = await #expect(throws: ArchiveError.self) { try await fixture.unpack(.image([.file("rootfs/x")])) }
        guard case .failed(let what) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.contains("not empty"))
        #expect(try directoryNames(fixture.target + "/rootfs") == [])
    }

    @Test func aFullPoolIsSaid() async throws {
        try checked("mount", fixture.target) { mountSmall(fixture.target) }
        defer { unmount(fixture.target) }
        let error = await #expect(throws: ArchiveError.self) {
            try await fixture.unpack(.image([.file("rootfs/x", String(repeating: "x", count: 2 << 20))]))
        }
        guard case .noSpace(let what) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.contains("rootfs/x"))
        #expect(error?.description.contains("no room left") == true)
    }

    @Test func tooLittleMemoryIsSaid() async throws {
        // xz with a dictionary of 64 MiB; the process may map 200 MiB with everything it is loaded from.
        let tar = Tar.image([.file("rootfs/x", String(repeating: "lexd", count: 1 << 20))]).bytes
        let input = try await compressed(tar, "xz", ["--lzma2=dict=512MiB"])
        var settings = fixture.settings
        settings.memoryLimit = 400 << 20
        let process = ArchiveProcess(settings)
        let error = await #expect(throws: ArchiveError.self) {
            try await process.unpackImage(
                input: input.number, into: fixture.target, limits: ArchiveLimits(bytes: 1 << 30))
        }
        #expect(error == .memoryLimit(400 << 20))
    }

    private func compressed(_ bytes: [UInt8], _ program: String, _ options: [String] = []) async throws
        -> OwnedDescriptor
    {
        try fixture.file(try await compressedBytes(bytes, program, options))
    }
    private func compressedBytes(_ bytes: [UInt8], _ program: String, _ options: [String] = []) async throws -> [UInt8]
    {
        try await compress(bytes, program, options, in: fixture)
    }
}

/// Compresses with one of the host's programs.
func compress(
    _ bytes: [UInt8], _ program: String, _ options: [String] = [], in fixture: ArchiveFixture
) async throws -> [UInt8] {
    let path = fixture.directory + "/plain"
    _ = try fixture.file(bytes, "plain")
    let result = path + ".packed"
    let output = try OwnedDescriptor.open(result, O_WRONLY | O_CREAT | O_TRUNC)
    let run = try await Tool(program).stream(options + ["-c", path], output: output) { _ in }
    #expect(run.status == 0, "\(run.errors)")
    defer {
        unlink(path)
        unlink(result)
    }
    return try OwnedDescriptor.open(result, O_RDONLY).readAll(limit: 1 << 30, of: result)
}
