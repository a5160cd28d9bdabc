import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Images and their aliases.
    @Suite struct ImagesAndAliases {
        /// Each compression, each client: imported, launched, exported byte for byte, deleted.
        @Test(arguments: ClientProgram.allCases)
        func everyCompression(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let client = daemon.program(name)
                let plain = try daemon.file("busybox.tar", await BusyboxImage.standard())
                try await Program("gzip")("-k", "-1", plain)
                try await Program("xz")("-k", "-0", plain)
                try await Program("zstd")("-q", "-k", "-1", plain)
                try await Program("bzip2")("-k", "-1", plain)
                try await Program("xz")("-k", "-0", "--format=lzma", plain)
                for ending in ["tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "tar.lzma"] {
                    let file = daemon.path("busybox.\(ending)")
                    let sum = try await Program("sha256sum")(file).prefix { $0 != " " }
                    let said = try await client("image", "import", file, "--alias", "box", "color=blue")
                    #expect(said.contains("Image imported with fingerprint: \(sum)"), "\(said)")
                    let image = try await daemon.client.call(
                        API.images.get, path: ["fingerprint": String(sum.prefix(12))])
                    #expect(image.fingerprint == sum)
                    #expect(image.aliases.map(\.name) == ["box"])
                    #expect(image.properties["os"] == "Busybox")
                    #expect(image.properties["color"] == "blue")
                    #expect(image.filename == "busybox.\(ending)")
                    #expect(image.architecture == "x86_64")

                    try await client("launch", "box", "c1")
                    #expect(try await daemon.shell("c1", "cat /etc/hostname 2>/dev/null; hostname") == "c1")
                    try await client("delete", "-f", "c1")

                    let directory = daemon.path("exported")
                    try makeDirectories(directory)
                    try await client("image", "export", "box", directory)
                    let exported = try directoryNames(directory)
                    #expect(exported == ["\(sum).\(ending)"])
                    let same = try await Program("cmp").run(file, "\(directory)/\(exported.first ?? "")")
                    #expect(same.status == 0, "\(same)")
                    try removeTree(directory)

                    let again = try await client.run("image", "import", file)
                    #expect(again.status == 1)
                    #expect(again.errors.contains("Image with same fingerprint already exists"))
                    try await client("image", "delete", "box")
                    #expect(try await client("image", "list", "-f", "csv") == "")
                    #expect(try await client("image", "alias", "list", "-f", "csv") == "")
                }
                // Nothing of any of them is left.
                #expect(try directoryNames("\(daemon.directory)/images") == [])
                #expect(try directoryNames("\(daemon.directory)/storage-pools/default/images") == [])
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func aliasesAndShow(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                let image = try await daemon.client.call(API.images.alias, path: ["name": "busybox"]).target
                try await client("image", "alias", "create", "second", image)
                #expect(try await client("image", "alias", "list", "-f", "csv").split(separator: "\n").count == 2)
                let again = try await client.run("image", "alias", "create", "second", image)
                #expect(again.status == 1)
                #expect(again.errors.contains("already exists"))
                try await client("image", "alias", "rename", "second", "third")
                try await client("init", "third", "c1")
                let shown = try await client("image", "info", "third")
                #expect(shown.contains("Architecture: x86_64"))
                #expect(shown.contains("    - busybox"))
                #expect(try await client("image", "list", "third", "-f", "csv", "-c", "l") != "")
                #expect(try await daemon.lx("image", "list") == daemon.lxc("image", "list"))
                #expect(try await daemon.lx("image", "list", "-f", "csv") == daemon.lxc("image", "list", "-f", "csv"))
                #expect(try await client("image", "show", "busybox").contains("os: Busybox"))
                try await client("image", "alias", "delete", "third")
                #expect(try await client.run("image", "alias", "delete", "third").status == 1)
                #expect(try await client.run("init", "third", "c2").status == 1)

                // An image can go while an instance stands on it; its files stay as long as they are needed.
                try await client("image", "delete", "busybox")
                try await daemon.start("c1")
                #expect(try await daemon.shell("c1", "echo still") == "still")
                #expect(try directoryNames("\(daemon.directory)/storage-pools/default/images").count == 1)
                try await daemon.removeInstance("c1")
                #expect(try directoryNames("\(daemon.directory)/storage-pools/default/images") == [])
            }
        }

        /// What is no image is refused, and nothing of it is left.
        @Test func uploadsThatAreRefused() async throws {
            try await withDaemon(.withoutImage) { daemon in
                let whole = try await BusyboxImage.standard()
                func tar(_ build: (inout TarFile) -> Void) -> [UInt8] {
                    var tar = TarFile()
                    build(&tar)
                    return tar.bytes
                }
                let metadata = BusyboxImage.Contents().metadata
                let bad: [(what: String, bytes: [UInt8])] = [
                    ("nothing", []), ("no archive", Array("hello, world\n".utf8)),
                    ("cut short", Array(whole.prefix(whole.count / 2))),
                    ("no metadata", tar { $0.add("rootfs", .directory) }),
                    ("no root", tar { $0.add("metadata.yaml", text: metadata) }),
                    (
                        "broken metadata",
                        tar {
                            $0.add("metadata.yaml", text: "architecture: [\n"); $0.add("rootfs", .directory)
                        }
                    ),
                    (
                        "no architecture",
                        tar {
                            $0.add("metadata.yaml", text: "creation_date: 1\n"); $0.add("rootfs", .directory)
                        }
                    ),
                    (
                        "a property without a name",
                        tar {
                            $0.add("metadata.yaml", text: metadata + "  \"\": x\n"); $0.add("rootfs", .directory)
                        }
                    ),
                    (
                        "a property whose name cannot be printed",
                        tar {
                            $0.add("metadata.yaml", text: metadata + "  \"a\\x7Fb\": x\n")
                            $0.add("rootfs", .directory)
                        }
                    ),
                    (
                        "a name that leads out",
                        tar {
                            $0.add("metadata.yaml", text: metadata)
                            $0.add("rootfs", .directory)
                            $0.add("rootfs/../../escaped", text: "x")
                        }
                    ),
                    (
                        "a link that leads out",
                        tar {
                            $0.add("metadata.yaml", text: metadata)
                            $0.add("rootfs", .directory)
                            $0.add("rootfs/a", .link(to: "/tmp"))
                            $0.add("rootfs/a/escaped", text: "x")
                        }
                    ),
                ]
                for (what, bytes) in bad {
                    let error = await #expect(throws: (any Error).self, "\(what)") {
                        try await daemon.importImage(bytes)
                    }
                    let text = error.map { "\($0)" } ?? ""
                    #expect(text.count > 15, "\(what): \(text)")
                    #expect(!text.contains("SystemError("), "\(what): \(text)")
                }
                let wrong = try await daemon.client.raw(
                    .post, "/1.0/images", body: whole,
                    headers: [
                        ("Content-Type", "application/octet-stream"),
                        ("X-LXD-fingerprint", String(repeating: "a", count: 64)),
                    ])
                #expect(wrong.status == 400)
                for properties in ["=x", "a%0ab=x", "a%7f=x", "a=%00", "%00=x"] {
                    let answer = try await daemon.client.raw(
                        .post, "/1.0/images", body: whole,
                        headers: [
                            ("Content-Type", "application/octet-stream"), ("X-LXD-properties", properties),
                        ])
                    #expect(answer.status == 400, "\(properties): \(answer)")
                }
                // A client that goes away in the middle.
                let half = try RawConnection(daemon)
                try half.send("POST /1.0/images HTTP/1.1\r\nHost: x\r\nContent-Length: \(whole.count)\r\n\r\n")
                try half.send(Array(whole.prefix(whole.count / 2)))
                try await eventually("the upload is being received") {
                    try directoryNames("\(daemon.directory)/images").count == 1
                }
                half.close()
                try await eventually("nothing is left") {
                    try directoryNames("\(daemon.directory)/images") == []
                        && directoryNames("\(daemon.directory)/storage-pools/default/images") == []
                }
                #expect(try await daemon.lx("image", "list", "-f", "csv") == "")
                // And a whole one after all of that.
                try await daemon.importImage(whole, alias: "busybox")
                try await daemon.launch("c1")
            }
        }
    }
}
