import CLexLinux
import Glibc
import LexHost
import LexIPC
import Testing

/// What an image holds arrives as it was, owned as inside the instance.
@Suite struct ArchiveUnpackTests {
    private let fixture: ArchiveFixture
    init() throws { fixture = try ArchiveFixture() }

    @Test func keepsWhatFilesAre() async throws {
        let result = try await fixture.unpack(
            .image([
                .directory("rootfs/usr/", mode: 0o2755).with(\.modified, 1_500_000_000).with(\.group, 50),
                .file("rootfs/usr/su", "x", mode: 0o4755),
                .file("rootfs/usr/mail", "x", mode: 0o2640).with(\.user, 33).with(\.group, 65535),
                .directory("rootfs/tmp", mode: 0o1777), .symbolicLink("rootfs/mtab", "../proc/mounts"),
                .symbolicLink("rootfs/out", "/../../../../etc/shadow").with(\.user, 1000),
                .hardLink("rootfs/usr/su2", "rootfs/usr/su"), .hardLink("rootfs/mtab2", "./rootfs/mtab"),
                .fifo("rootfs/pipe").with(\.user, 5), .file("rootfs/usr/share/doc/x", "deep"),
                .directory("templates"), .file("templates/hostname.tpl", "{{ container.name }}\n"),
            ]))
        #expect(result.metadata == "architecture: x86_64\ncreation_date: 1\n")
        #expect(result.entries == 14)
        #expect(result.warnings == [])
        #expect(try directoryNames(fixture.target) == ["metadata.yaml", "rootfs", "templates"])

        let su = try fixture.look("rootfs/usr/su")
        #expect(su.st_mode & 0o7777 == 0o4755 && su.st_uid == 0 && su.st_gid == 0 && su.st_nlink == 2)
        #expect(su.st_mtim.tv_sec == 1_600_000_000)
        let mail = try fixture.look("rootfs/usr/mail")
        #expect(mail.st_mode & 0o7777 == 0o2640 && mail.st_uid == 33 && mail.st_gid == 65535)
        let usr = try fixture.look("rootfs/usr")
        #expect(usr.st_mode & 0o7777 == 0o2755 && usr.st_gid == 50)
        #expect(usr.st_mtim.tv_sec == 1_500_000_000, "a directory's time outlives what is made in it")
        #expect(try fixture.look("rootfs/tmp").st_mode & 0o7777 == 0o1777)
        #expect(try fixture.look("rootfs/usr/su2").st_ino == su.st_ino)
        #expect(try ArchiveFixture.link(fixture.target + "/rootfs/mtab") == "../proc/mounts")
        let out = try fixture.look("rootfs/out")
        #expect(out.st_mode & S_IFMT == S_IFLNK && out.st_uid == 1000 && out.st_mtim.tv_sec == 1_600_000_000)
        #expect(try fixture.look("rootfs/mtab2").st_mode & S_IFMT == S_IFLNK)
        let pipe = try fixture.look("rootfs/pipe")
        #expect(pipe.st_mode & S_IFMT == S_IFIFO && pipe.st_mode & 0o777 == 0o640 && pipe.st_uid == 5)
        // A directory nobody named is root's.
        let share = try fixture.look("rootfs/usr/share")
        #expect(share.st_mode & 0o7777 & ~0o2000 == 0o755 && share.st_uid == 0)
        #expect(try readFile(fixture.target + "/templates/hostname.tpl") == "{{ container.name }}\n")
    }

    @Test func keepsTheAttributesOfTheGuestOnly() async throws {
        let capability: [UInt8] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let result = try await fixture.unpack(
            .image([
                .file("rootfs/ping", "x", mode: 0o755).with(
                    \.extended,
                    [("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.comment", [0, 1, 2])]),
                .directory("rootfs/d").with(
                    \.extended,
                    [
                        ("SCHILY.xattr.trusted.overlay.opaque", [121]), ("SCHILY.xattr.user.overlay.redirect", [47]),
                        ("SCHILY.xattr.security.selinux", [120]), ("SCHILY.xattr.user.kept", [1]),
                    ]),
                .directory("rootfs/acl").with(
                    \.extended,
                    [
                        (
                            "SCHILY.acl.access",
                            Array("user::rwx,user:bob:r-x:1000,group::r-x,mask::r-x,other::---".utf8)
                        ),
                        ("SCHILY.acl.default", Array("user::rwx,group::r-x,group:adm:r-x:4,mask::r-x,other::---".utf8)),
                    ]),
                .file("rootfs/acl/plain", "x", mode: 0o600),
                .file("rootfs/foreign", "x").with(
                    \.extended,
                    [("SCHILY.acl.access", Array("user::rw-,user:bob:r--:99999,group::r--,mask::r--,other::---".utf8))]),
            ]))
        // As the host's root sees it: the same capability, of the root of whoever mounts this with its ids.
        #expect(fixture.attribute("rootfs/ping", "security.capability") == capability)
        #expect(fixture.attribute("rootfs/ping", "user.comment") == [0, 1, 2])
        #expect(fixture.attribute("rootfs/d", "user.kept") == [1])
        for name in ["trusted.overlay.opaque", "user.overlay.redirect", "security.selinux"] {
            #expect(fixture.attribute("rootfs/d", name) == nil)
            #expect(result.warnings.contains { $0.contains(name) })
        }
        let access = fixture.attribute("rootfs/acl", "system.posix_acl_access") ?? []
        #expect(access.count == 4 + 5 * 8)
        #expect(Array(access.dropFirst(12).prefix(8)) == [2, 0, 5, 0, 232, 3, 0, 0], "user 1000, unshifted")
        #expect(fixture.attribute("rootfs/acl", "system.posix_acl_default")?.count == 4 + 5 * 8)
        // Nothing came to it from the directory.
        #expect(fixture.attribute("rootfs/acl/plain", "system.posix_acl_access") == nil)
        #expect(try fixture.look("rootfs/acl/plain").st_mode & 0o777 == 0o600)
        #expect(fixture.attribute("rootfs/foreign", "system.posix_acl_access") == nil)
        #expect(result.warnings.count == 4, "\(result.warnings)")
    }

    @Test func leavesOutDevicesSocketsAndStrangers() async throws {
        let result = try await fixture.unpack(
            .image([
                .device("rootfs/dev/null", 1, 3), .device("rootfs/dev/sda", type: "4", 8, 0),
                .hardLink("rootfs/dev/zero", "rootfs/dev/null"), .device("rootfs/usr/.wh.x", 0, 0),
                .device("rootfs/usr/whiteout", 0, 0), .file("backup.yaml", "x"), .symbolicLink("exec-output", "/etc"),
                .file("rootfs.img"),
            ]))
        #expect(try directoryNames(fixture.target) == ["metadata.yaml", "rootfs"])
        #expect(try directoryNames(fixture.target + "/rootfs") == [])
        #expect(result.warnings.count == 5, "\(result.warnings)")
        #expect(!result.warnings.contains { $0.contains("dev/null") })
    }

    @Test func keepsNamesAsTheBytesTheyAre() async throws {
        // Decomposed, Latin-1, a newline: what a file system has, a tar has.
        let names: [[UInt8]] = [
            Array("rootfs/Fo\u{30b}tanu\u{301}si\u{301}tva\u{301}ny.crt".utf8),
            Array("rootfs/".utf8) + [0xe9, 0x74, 0xe9],
            Array("rootfs/a\nb".utf8), Array("rootfs/\u{202e}x".utf8),
        ]
        var entries = names.map { Tar.Entry(name: $0, type: 48) }
        // The same by pax, which says it is UTF-8.
        entries += names.map {
            Tar.Entry(name: Array("x".utf8), type: 48, extended: [("path", $0 + Array(".pax".utf8))])
        }
        let link = Tar.Entry(
            name: Array("rootfs/link".utf8), type: 50, link: [120], extended: [("linkpath", Array("Fo\u{30b}".utf8))])
        let result = try await fixture.unpack(.image(entries + [link]))
        #expect(result.warnings == [])
        for name in names.flatMap({ [$0, $0 + Array(".pax".utf8)] }) {
            let found = (Array((fixture.target + "/").utf8) + name).map { CChar(bitPattern: $0) } + [0]
            #expect(access(found, F_OK) == 0, "\(String(decoding: name, as: UTF8.self))")
        }
        #expect(try Array(ArchiveFixture.link(fixture.target + "/rootfs/link").utf8) == Array("Fo\u{30b}".utf8))
        #expect(try directoryNames(fixture.target + "/rootfs").count == 9)
    }

    @Test func aLaterEntryReplacesAFile() async throws {
        _ = try await fixture.unpack(
            .image([
                .file("rootfs/a", "old"), .file("rootfs/a", "new"), .symbolicLink("rootfs/b", "/etc/shadow"),
                .file("rootfs/b", "file"), .file("rootfs/c", "x"), .symbolicLink("rootfs/c", "a"),
                .directory("rootfs/d", mode: 0o700), .file("rootfs/d/x"), .directory("rootfs/d", mode: 0o711),
            ]))
        #expect(try readFile(fixture.target + "/rootfs/a") == "new")
        #expect(try readFile(fixture.target + "/rootfs/b") == "file")
        #expect(try fixture.look("rootfs/b").st_mode & S_IFMT == S_IFREG)
        #expect(try fixture.look("rootfs/c").st_mode & S_IFMT == S_IFLNK)
        #expect(try fixture.look("rootfs/d").st_mode & 0o777 == 0o711)
    }

    @Test func sparseFilesStaySparse() async throws {
        var content = Array("2\n0\n3\n1073741824\n0\n".utf8)
        content += [UInt8](repeating: 0, count: 512 - content.count % 512) + Array("abc".utf8)
        var entry = ArchiveHostileTests.sparse("rootfs/lastlog", size: "1073741824", map: "")
        entry.content = content
        let result = try await fixture.unpack(.image([entry]), limits: ArchiveLimits(bytes: 1 << 20))
        let status = try fixture.look("rootfs/lastlog")
        #expect(status.st_size == 1 << 30)
        #expect(status.st_blocks < 100)
        #expect(result.bytes < 1000)
    }

    @Test(arguments: ["gzip", "xz", "zstd", "bzip2", "lzma", ""])
    func readsEveryCompression(_ program: String) async throws {
        let tar = Tar.image([.file("rootfs/a", String(repeating: "content", count: 10_000))]).bytes
        let bytes =
            switch program {
            case "": tar
            case "lzma": try await compress(tar, "xz", ["--format=lzma"], in: fixture)
            default: try await compress(tar, program, in: fixture)
            }
        let result = try await fixture.unpack(try fixture.file(bytes))
        #expect(result.bytes == 70_000 + UInt64(result.metadata.utf8.count))
        #expect(try fixture.look("rootfs/a").st_size == 70_000)
    }

    @Test func saysHowFarItIs() async throws {
        let input = try fixture.file(
            Tar.image((0..<2000).map { .file("rootfs/\($0)", String(repeating: "x", count: 5000)) }).bytes)
        let (steps, step) = AsyncStream<UInt64>.makeStream()
        _ = try await ArchiveProcess(fixture.settings).unpackImage(
            input: input.number, into: fixture.target, limits: ArchiveLimits(bytes: 1 << 30)
        ) { step.yield($0) }
        step.finish()
        var last: UInt64 = 0
        for await bytes in steps {
            #expect(bytes >= last)
            last = bytes
        }
        #expect(last > 0)
    }

    @Test func anInputOpenForWritingIsNotTaken() async throws {
        let path = fixture.directory + "/input"
        try OwnedDescriptor.open(path, O_WRONLY | O_CREAT).writeAll(Tar.image().bytes, to: path)
        for flags in [O_RDWR, O_WRONLY] {
            let input = try OwnedDescriptor.open(path, flags)
            await #expect(throws: ArchiveError.self) { try await fixture.unpack(input) }
        }
        let directory = try OwnedDescriptor.directory(fixture.directory)
        await #expect(throws: ArchiveError.self) { try await fixture.unpack(directory) }
    }

    /// A large real system has half a million files: 11 seconds for a release build here, a minute for a debug one. In
    /// memory, so that what is measured is ours and not the disk's. LEXD_LONG_TESTS=1 makes them half a million.
    @Test(.timeLimit(.minutes(10)))
    func unpacksHalfAMillionFiles() async throws {
        let fixture = try ArchiveFixture(above: "/dev/shm")
        let path = fixture.directory + "/large"
        let count = getenv("LEXD_LONG_TESTS") == nil ? 50_000 : 500_000
        let output = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT)
        var bytes: [UInt8] = Tar.image().bytes.dropLast(1024)
        for number in 0..<count {
            if number % 100 == 0 { Tar.append(.directory("rootfs/usr/share/many/d\(number / 100)/"), to: &bytes) }
            Tar.append(
                .file("rootfs/usr/share/many/d\(number / 100)/file-\(number).txt", number % 2 == 0 ? "" : "content\n"),
                to: &bytes)
            if bytes.count > 4 << 20 {
                try output.writeAll(bytes, to: path)
                bytes = []
            }
        }
        try output.writeAll(bytes + [UInt8](repeating: 0, count: 1024), to: path)
        let begin = ContinuousClock.now
        let result = try await fixture.unpack(
            try OwnedDescriptor.open(path, O_RDONLY), limits: ArchiveLimits(bytes: 10 << 30))
        print("unpacked \(result.entries) entries in \(ContinuousClock.now - begin)")
        #expect(result.entries == UInt64(2 + count + count / 100))
        #expect(ContinuousClock.now - begin < .seconds(180))
    }
}
