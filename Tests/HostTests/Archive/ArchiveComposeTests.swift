import Glibc
import LexHost
import LexIPC
import Testing

/// An image made of the tar of a root file system, read again as any image is.
@Suite struct ArchiveComposeTests {
    private let fixture: ArchiveFixture
    init() throws { fixture = try ArchiveFixture() }

    private func compose(_ tar: Tar, _ composition: ImageComposition) async throws -> ArchiveResult {
        let input = try fixture.file(tar.bytes, "rootfs.tar")
        let path = fixture.directory + "/image"
        let output = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        return try await ArchiveProcess(fixture.settings).composeImage(
            input: input.number, output: output.number, composition: composition)
    }

    private func composition(
        omitted: [String] = [], additions: [AddedEntry] = [], compressed: Bool = true
    ) -> ImageComposition {
        ImageComposition(
            metadata: "architecture: x86_64\n", omitted: omitted, additions: additions,
            templates: [AddedEntry(path: "hostname.tpl", content: "{{ container.name }}\n")], time: 1_234_567_890,
            compressed: compressed)
    }

    @Test(arguments: [true, false])
    func comesBackAsAnImage(_ compressed: Bool) async throws {
        let capability: [UInt8] = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let tar = Tar([
            .directory("./", mode: 0o751), .directory("./etc/"), .file("./etc/hostname", "builder"),
            .file("./etc/resolv.conf", "nameserver 192.0.2.1"), .file("./etc/machine-id", "0123"),
            .directory("./etc/ssh"), .file("./etc/ssh/ssh_host_rsa_key", "secret"), .directory("./root/.ssh"),
            .file("./root/.ssh/authorized_keys", "secret"), .directory("./dev"), .device("./dev/null", 1, 3),
            .file("./usr/bin/ping", "x", mode: 0o755).with(
                \.extended, [("SCHILY.xattr.security.capability", capability)]),
            .file("./usr/bin/perl", "perl", mode: 0o755), .hardLink("./usr/bin/perl5", "./usr/bin/perl"),
            .symbolicLink("./bin", "usr/bin"), .file("./usr/Fo\u{30b}tanu\u{301}si\u{301}tva\u{301}ny.crt", "x"),
            .file("./usr/" + String(repeating: "long/", count: 40) + "name", "x").with(\.user, 33),
        ])
        let additions = [
            AddedEntry(path: "etc/machine-id", content: "", mode: 0o444),
            AddedEntry(path: "etc/resolv.conf", content: nil, target: "../run/x"),
            AddedEntry(path: "etc/systemd/network/eth0.network", content: "[Match]\n", mode: 0o640),
        ]
        let made = try await compose(
            tar,
            composition(
                omitted: ["etc/hostname", "root/.ssh", "etc/ssh/ssh_host_*"], additions: additions,
                compressed: compressed))
        #expect(made.warnings == [])
        let result = try await fixture.unpack(try OwnedDescriptor.open(fixture.directory + "/image", O_RDONLY))
        #expect(result.warnings == [])
        #expect(result.metadata == "architecture: x86_64\n")
        #expect(try directoryNames(fixture.target) == ["metadata.yaml", "rootfs", "templates"])
        let root = fixture.target + "/rootfs"
        #expect(try fixture.look("rootfs").st_mode & 0o7777 == 0o751)
        #expect(try directoryNames(root + "/etc") == ["machine-id", "resolv.conf", "ssh", "systemd"])
        #expect(try directoryNames(root + "/etc/ssh") == [])
        #expect(try directoryNames(root + "/dev") == [])
        #expect(access(root + "/root/.ssh", F_OK) != 0)
        #expect(try fixture.look("rootfs/etc/machine-id").st_size == 0)
        #expect(try fixture.look("rootfs/etc/machine-id").st_mode & 0o777 == 0o444)
        #expect(try ArchiveFixture.link(root + "/etc/resolv.conf") == "../run/x")
        let network = try fixture.look("rootfs/etc/systemd/network/eth0.network")
        #expect(network.st_mode & 0o777 == 0o640 && network.st_mtim.tv_sec == 1_234_567_890)
        #expect(fixture.attribute("rootfs/usr/bin/ping", "security.capability") == capability)
        let perl = try fixture.look("rootfs/usr/bin/perl").st_ino
        #expect(try fixture.look("rootfs/usr/bin/perl5").st_ino == perl)
        #expect(access(root + "/usr/Fo\u{30b}tanu\u{301}si\u{301}tva\u{301}ny.crt", F_OK) == 0)
        #expect(try fixture.look("rootfs/usr/" + String(repeating: "long/", count: 40) + "name").st_uid == 33)
        #expect(try readFile(fixture.target + "/templates/hostname.tpl") == "{{ container.name }}\n")
    }

    @Test func theSameTarMakesTheSameImage() async throws {
        let tar = Tar([.directory("./"), .file("./a", "x"), .symbolicLink("./b", "a")])
        let composition = composition(additions: [AddedEntry(path: "c", content: "y")])
        _ = try await compose(tar, composition)
        let first = try OwnedDescriptor.open(fixture.directory + "/image", O_RDONLY).readAll(
            limit: 1 << 20, of: "image")
        _ = try await compose(tar, composition)
        let second = try OwnedDescriptor.open(fixture.directory + "/image", O_RDONLY).readAll(
            limit: 1 << 20, of: "image")
        #expect(first == second)
        #expect(first.prefix(4) == [0x28, 0xb5, 0x2f, 0xfd], "zstd")
    }

    @Test func whatCannotBePutTogetherIsRefused() async throws {
        for (tar, additions, rule) in [
            (Tar([.symbolicLink("./etc", "/x")]), [AddedEntry(path: "etc/a", content: "")], "no directory"),
            (Tar([.directory("./etc")]), [AddedEntry(path: "etc", content: "")], "is a directory where"),
            (Tar([.file("../x")]), [], "\"..\""), (Tar([.file("/x")]), [], "absolute"),
            (Tar([.file("./x").with(\.user, 100_000)]), [], "65535"),
        ] {
            let error = await #expect(throws: ArchiveError.self) {
                try await compose(tar, composition(additions: additions))
            }
            #expect(error?.refusal?.contains(rule) == true, "\(String(describing: error))")
        }
    }

    @Test func aFullDiskIsSaid() async throws {
        try checked("mount", fixture.target) { mountSmall(fixture.target) }
        defer { unmount(fixture.target) }
        var generator = SystemRandomNumberGenerator()
        let noise = String(
            decoding: (0..<(3 << 20)).map { _ in UInt8.random(in: 32...126, using: &generator) }, as: UTF8.self)
        let input = try fixture.file(Tar([.file("./x", noise)]).bytes, "rootfs.tar")
        let output = try OwnedDescriptor.open(fixture.target + "/image", O_WRONLY | O_CREAT)
        let error = await #expect(throws: ArchiveError.self) {
            try await ArchiveProcess(fixture.settings).composeImage(
                input: input.number, output: output.number, composition: composition(compressed: false))
        }
        guard case .noSpace = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
