import CLexLinux
import Glibc
import LexHost
import LexIPC
import LexTestKit
import Testing

/// A squashfs is read like a tar: what it holds arrives as it was, by the same rules and within the same bounds.
@Suite struct SquashfsTests {
    private let fixture: ArchiveFixture
    private let source: String
    private static let metadata = Tar([.file("metadata.yaml", "architecture: x86_64\ncreation_date: 1\n")])

    init() throws {
        fixture = try ArchiveFixture()
        source = fixture.directory + "/source"
        try makeDirectories(source, mode: 0o755)
    }

    private func write(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws {
        let path = "\(source)/\(path)"
        try OwnedDescriptor.open(path, O_WRONLY | O_CREAT, mode: mode).writeAll(bytes, to: path)
        try checked("change the mode of", path) { chmod(path, mode) }
    }

    private func pack(_ path: String, _ options: [String]) async throws {
        let made = try await Program("mksquashfs").run(
            [source, path, "-quiet", "-no-progress", "-noappend"] + options)
        try #require(made.status == 0, "\(made)")
    }

    private func squashfs(_ options: String...) async throws -> OwnedDescriptor {
        let path = fixture.directory + "/image.squashfs"
        unlink(path)
        try await pack(path, options)
        return try OwnedDescriptor.open(path, O_RDONLY)
    }

    @discardableResult
    private func unpack(
        root: borrowing OwnedDescriptor, limits: ArchiveLimits = ArchiveLimits(bytes: 1 << 30)
    ) async throws -> ArchiveResult {
        let metadata = try fixture.file(Self.metadata.bytes, "metadata")
        return try await ArchiveProcess(fixture.settings).unpackImage(
            input: metadata.number, root: root.number, into: fixture.target, limits: limits)
    }

    /// Files of all kinds, in every compression and size of block that mksquashfs makes and lexd reads.
    @Test(arguments: [
        ["-comp", "gzip"], ["-comp", "xz", "-Xbcj", "x86"], ["-comp", "zstd", "-b", "4096"],
        ["-comp", "gzip", "-b", "1M", "-no-fragments"], ["-comp", "zstd", "-noI", "-noD", "-noF", "-noX"],
        ["-comp", "xz", "-always-use-fragments", "-b", "65536"],
    ])
    func keepsWhatFilesAre(_ options: [String]) async throws {
        var generator = SeededGenerator("the content of a file")
        let random = (0..<300_001).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let plain = Array(String(repeating: "all work and no play ", count: 60_000).utf8)
        for directory in ["etc", "many", "usr", "usr/bin"] {
            try makeDirectories("\(source)/\(directory)", mode: 0o755)
        }
        try write("etc/empty", [])
        try write("etc/small", Array("small\n".utf8), mode: 0o600)
        try write("random", random)
        try write("usr/plain", plain)
        try write("usr/bin/su", Array("x".utf8), mode: 0o4755)
        for number in 0..<1500 { try write("many/a file with a long name, number \(number)", Array("\(number)".utf8)) }
        #expect(link("\(source)/random", "\(source)/usr/linked") == 0)
        #expect(symlink("../../../../etc/shadow", "\(source)/out") == 0)
        #expect(mkfifo("\(source)/pipe", 0o640) == 0)
        #expect(mknod("\(source)/disk", S_IFBLK | 0o600, 8 << 8) == 0)
        #expect(chown("\(source)/etc/small", 33, 65535) == 0)
        try write("sparse", [1])
        #expect(truncate("\(source)/sparse", 5_000_000) == 0)
        let capability: [UInt8] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let su = try OwnedDescriptor.open("\(source)/usr/bin/su", O_RDONLY)
        #expect(lex_set_attribute(su.number, "security.capability", capability, capability.count) == 0)
        let note: [UInt8] = [1, 2, 3]
        #expect(lex_set_attribute(su.number, "user.note", note, note.count) == 0)
        let times = [timespec(tv_sec: 1_500_000_000, tv_nsec: 0), timespec(tv_sec: 1_500_000_000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, "\(source)/usr", times, 0) == 0)

        let path = fixture.directory + "/image.squashfs"
        try await pack(path, options)
        let result = try await unpack(root: try OwnedDescriptor.open(path, O_RDONLY))
        #expect(result.metadata == "architecture: x86_64\ncreation_date: 1\n")
        #expect(result.warnings == ["\"disk\" is a device node and was left out"])
        unlink("\(source)/disk")
        let same = try await Program("diff").run(
            ["-r", "--no-dereference", source, fixture.target + "/rootfs", "-x", "pipe"])
        #expect(same.status == 0, "\(same)")
        #expect(try fixture.look("rootfs/etc/small").st_uid == 33)
        #expect(try fixture.look("rootfs/etc/small").st_gid == 65535)
        #expect(try fixture.look("rootfs/etc/small").st_mode & 0o7777 == 0o600)
        #expect(try fixture.look("rootfs/usr/bin/su").st_mode & 0o7777 == 0o4755)
        #expect(try fixture.look("rootfs/usr/linked").st_ino == fixture.look("rootfs/random").st_ino)
        #expect(try fixture.look("rootfs/pipe").st_mode & S_IFMT == S_IFIFO)
        #expect(try fixture.look("rootfs/usr").st_mtim.tv_sec == 1_500_000_000)
        #expect(try fixture.look("rootfs/sparse").st_size == 5_000_000)
        #expect(try fixture.look("rootfs/sparse").st_blocks < 5000)
        #expect(fixture.attribute("rootfs/usr/bin/su", "user.note") == note)
        #expect(fixture.attribute("rootfs/usr/bin/su", "security.capability")?.isEmpty == false)
    }

    @Test func aWholeImageCanBeOne() async throws {
        try makeDirectories(source + "/rootfs/etc", mode: 0o755)
        try makeDirectories(source + "/templates", mode: 0o755)
        try write("metadata.yaml", Array("architecture: x86_64\ncreation_date: 1\n".utf8))
        try write("rootfs/etc/hello", Array("hello\n".utf8))
        try write("templates/a.tpl", Array("a\n".utf8))
        let result = try await fixture.unpack(try await squashfs())
        #expect(result.metadata == "architecture: x86_64\ncreation_date: 1\n")
        #expect(try readFile(fixture.target + "/rootfs/etc/hello") == "hello\n")
        #expect(try readFile(fixture.target + "/templates/a.tpl") == "a\n")
    }

    @Test(arguments: ["lzo", "lz4", "lzma"]) func otherCompressionsAreNamed(_ compression: String) async throws {
        try write("a", [1])
        let made = try await Program("mksquashfs").run(
            [source, fixture.directory + "/other", "-quiet", "-no-progress", "-comp", compression])
        // Debian's tools are built without some of them.
        guard made.status == 0 else { return }
        let root = try OwnedDescriptor.open(fixture.directory + "/other", O_RDONLY)
        let error = await #expect(throws: ArchiveError.self) { try await unpack(root: root) }
        #expect(error?.refusal?.contains("compressed with \(compression)") == true, "\(String(describing: error))")
    }

    /// A few hundred KiB that stand for a GiB: every file has the same content, which is there once.
    @Test func aBombIsRefused() async throws {
        let block = [UInt8](repeating: 65, count: 1 << 20)
        for number in 0..<64 { try write("f\(number)", block) }
        let root = try await squashfs("-comp", "xz", "-b", "1M")
        let error = await #expect(throws: ArchiveError.self) {
            try await unpack(root: root, limits: ArchiveLimits(bytes: 16 << 20))
        }
        #expect(error?.refusal?.contains("holds more than") == true, "\(String(describing: error))")
    }

    /// Whatever is wrong with it: it is refused in a sentence or read, and the program neither traps nor hangs.
    @Test func damageIsRefused() async throws {
        for number in 0..<40 {
            try write("f\(number)", Array(String(repeating: "\(number)", count: number * 300).utf8))
        }
        #expect(symlink("f1", "\(source)/link") == 0)
        let noted = try OwnedDescriptor.open("\(source)/f1", O_RDONLY)
        let note: [UInt8] = [1, 2, 3]
        #expect(lex_set_attribute(noted.number, "user.note", note, note.count) == 0)
        let whole = try (try await squashfs("-noI", "-noX", "-noId")).readAll(limit: 16 << 20, of: "the squashfs")
        var generator = SeededGenerator("damage of a squashfs")
        var refused = 0
        for round in 0..<60 {
            var bytes = whole
            switch round {
            case 0..<4: bytes = Array(bytes.prefix(bytes.count * round / 4))
            case 4..<24:
                // The header: sizes and addresses.
                bytes[Int.random(in: 4..<96, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
            default:
                // The tables are at the end, and are not compressed here.
                for _ in 0..<8 {
                    let place = Int.random(in: max(96, bytes.count - 6000)..<bytes.count, using: &generator)
                    bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
                }
            }
            let input = try fixture.file(bytes, "damaged")
            do {
                try await unpack(root: input)
            } catch let error as ArchiveError {
                // A time the file system cannot hold and the like end a call; nothing ends the program.
                switch error {
                case .refused: refused += 1
                case .failed: break
                default: Issue.record("round \(round): \(error)")
                }
            }
            try removeTree(fixture.target)
            try makeDirectories(fixture.target, mode: 0o755)
        }
        #expect(refused >= 20)
    }

    /// The parts of an image in two files keep to what each is for.
    @Test func twoFilesEachWithItsOwn() async throws {
        let root = try fixture.file(Tar([.file("./etc/hello", "x"), .hardLink("./b", "etc/hello")]).bytes, "root")
        let result = try await unpack(root: root)
        #expect(result.entries == 3)
        #expect(try fixture.look("rootfs/b").st_nlink == 2)
        try removeTree(fixture.target)
        try makeDirectories(fixture.target, mode: 0o755)

        let whole = try fixture.file(Tar.image().bytes, "whole")
        let intruding = try fixture.file(
            Tar([
                .file("metadata.yaml", "architecture: x86_64\ncreation_date: 1\n"), .file("rootfs/etc/passwd", "x"),
            ]).bytes, "intruding")
        for (metadata, words) in [(intruding.number, "in the other file")] {
            let error = await #expect(throws: ArchiveError.self) {
                try await ArchiveProcess(fixture.settings).unpackImage(
                    input: metadata, root: whole.number, into: fixture.target, limits: ArchiveLimits(bytes: 1 << 30))
            }
            #expect(error?.refusal?.contains(words) == true, "\(String(describing: error))")
        }
        let escape = try fixture.file(Tar([.file("../escaped", "x")]).bytes, "escape")
        try removeTree(fixture.target)
        try makeDirectories(fixture.target, mode: 0o755)
        let error = await #expect(throws: ArchiveError.self) { try await unpack(root: escape) }
        #expect(error?.refusal?.contains("\"..\"") == true, "\(String(describing: error))")
    }
}
