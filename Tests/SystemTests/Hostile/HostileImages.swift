import LexTestKit

/// An upload that is no image, or one that means harm.
struct HostileImage: Sendable, CustomStringConvertible {
    let description: String
    let bytes: [UInt8]
    /// What the sentence of the refusal has to contain.
    let says: String

    private static let metadata = "architecture: x86_64\ncreation_date: 1700000000\n"

    /// A tarball with this metadata, a root, and more.
    private init(
        _ description: String, says: String, metadata: String = Self.metadata,
        _ more: (inout TarFile) -> Void = { _ in }
    ) {
        var tar = TarFile()
        tar.add("metadata.yaml", text: metadata)
        tar.add("rootfs", .directory)
        more(&tar)
        self.init(description, says: says, bytes: tar.bytes)
    }

    /// A tarball whose metadata is not a file.
    private init(_ description: String, says: String, metadataAs kind: TarFile.Kind) {
        var tar = TarFile()
        tar.add("metadata.yaml", kind)
        tar.add("rootfs", .directory)
        self.init(description, says: says, bytes: tar.bytes)
    }

    private init(_ description: String, says: String, bytes: [UInt8]) {
        self.description = description
        self.says = says
        self.bytes = bytes
    }

    static let all: [HostileImage] = broken + entries + metadataFiles + templates

    /// What is no archive, or none of a kind that is read.
    private static let broken: [HostileImage] = [
        .init("nothing", says: "Unrecognized archive format", bytes: []),
        .init(
            "noise", says: "Unrecognized archive format",
            bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }),
        .init("the mark of gzip and no more", says: "cannot be read", bytes: [0x1f, 0x8b, 8, 0]),
        .init("the mark of xz and no more", says: "cannot be read", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
        .init("the mark of lz4 and no more", says: "cannot be read", bytes: [0x04, 0x22, 0x4d, 0x18]),
        .init(
            "lz4 of nothing", says: "cannot be read",
            bytes: [0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7] + Array(repeating: 0, count: 1000)),
        .init(
            "the mark of squashfs and no more", says: "the squashfs cannot be read",
            bytes: Array("hsqs".utf8) + Array(repeating: 0xff, count: 8192)),
        .init(
            "the disk of a machine", says: "virtual machine (qcow2)",
            bytes: Array("QFI".utf8) + [0xfb, 0, 0, 0, 3] + Array(repeating: 0, count: 100_000)),
        .init(
            "a zip", says: "Unrecognized archive format",
            bytes: Array("PK".utf8) + [3, 4] + Array(repeating: 0, count: 500)),
        .init(
            "a cpio", says: "Unrecognized archive format",
            bytes: Array("070701".utf8) + Array(repeating: 0x30, count: 999)),
        .init(
            "a cut", says: "Truncated",
            bytes: {
                var tar = TarFile()
                tar.add("metadata.yaml", text: Self.metadata)
                tar.add("rootfs", .directory)
                tar.add("rootfs/f", .file(Array(repeating: 7, count: 4096)))
                return Array(tar.bytes.dropLast(3000))
            }()),
    ]

    /// Entries that lead out, or claim what is not so.
    private static let entries: [HostileImage] = [
        .init("a way out", says: "\"..\"") { $0.add("rootfs/../../../x", text: "x") },
        .init("an absolute path", says: "absolute") { $0.add("/etc/cron.d/lexd-hostile", text: "x") },
        .init("a root that becomes a link", says: "must be a directory") { $0.add("rootfs", .link(to: "/")) },
        .init("templates that are a link", says: "must be a directory") { $0.add("templates", .link(to: "/etc")) },
        .init("a template that is a link", says: "templates") {
            $0.add("templates", .directory)
            $0.add("templates/a.tpl", .link(to: "/etc/shadow"))
        },
        .init("a way through a link", says: "which is no directory") {
            $0.add("rootfs/l", .link(to: "/etc"))
            $0.add("rootfs/l/cron.d/lexd-hostile", text: "x")
        },
        .init("a hard link out", says: "has an absolute path") { $0.add("rootfs/h", .hardLink(to: "/etc/shadow")) },
        .init("an id beyond", says: "ids 0 to 65535") { $0.add("rootfs/f", .file([1]), user: 65536) },
        .init("a size beyond", says: "Truncated") { $0.addClaims("rootfs/f", ["size": "99999999999999"]) },
        .init("a size below nothing", says: "size attribute is negative") { $0.addClaims("rootfs/f", ["size": "-1"]) },
        .init("a size without end", says: "size attribute overflow") {
            $0.addClaims("rootfs/f", ["size": "9223372036854775807"])
        },
        .init("a user below nothing", says: "belongs to user -1") { $0.addClaims("rootfs/f", ["uid": "-1"]) },
        .init("a group below nothing", says: "group -5") { $0.addClaims("rootfs/f", ["gid": "-5"]) },
        .init("a longer name that leads out", says: "\"..\"") { $0.addClaims("rootfs/f", ["path": "rootfs/../../x"]) },
    ]

    /// Metadata that is no file, no YAML, or says what cannot be.
    private static let metadataFiles: [HostileImage] = [
        .init("metadata that is a pipe", says: "must be a regular file", metadataAs: .fifo),
        .init("metadata that is a directory", says: "must be a regular file", metadataAs: .directory),
        .init("metadata that is a link", says: "must be a regular file", metadataAs: .link(to: "/etc/shadow")),
        .init("metadata that is a device", says: "must be a regular file", metadataAs: .character(major: 1, minor: 5)),
        .init("metadata twice", says: "twice") { $0.add("metadata.yaml", text: "architecture: x\n") },
        .init("metadata that blows up", says: "anchors", metadata: "a: &a [x]\nb: &b [*a,*a]\narchitecture: *b\n"),
        .init(
            "metadata too deep", says: "nested too deeply",
            metadata: "a: " + String(repeating: "[", count: 5000) + "\n"),
        .init("metadata of no map", says: "not a list of names and values", metadata: "- a\n"),
        .init("metadata of no YAML", says: "not valid YAML", metadata: "architecture: [\n"),
        .init("metadata of nothing", says: "metadata.yaml is empty", metadata: ""),
        .init(
            "an architecture by a way out", says: "architecture", metadata: "architecture: ../../x\ncreation_date: 1\n"),
        .init("a date that is none", says: "creation_date", metadata: "architecture: x86_64\ncreation_date: soon\n"),
        .init(
            "properties that are none", says: "properties that are not names and values",
            metadata: Self.metadata + "properties: 7\n"),
        .init(
            "a property with a list", says: "not a name and a text", metadata: Self.metadata + "properties: {a: [b]}\n"),
        .init(
            "metadata too long", says: "1048576 are allowed",
            metadata: Self.metadata + String(repeating: "#", count: 2 << 20)),
    ]

    /// Templates that would read or write elsewhere.
    private static let templates: [HostileImage] =
        ["/etc/../../x", "../x", "x", "\"\"", "/", "\"/a\\nb\"", "\"/a\\0b\""].map { path in
            .init(
                "a template for \(path)", says: "no absolute path without",
                metadata: Self.metadata + "templates:\n  \(path):\n    when: [start]\n    template: a.tpl\n")
        }
        + ["../x", "/etc/shadow", "a/../../b", "\"\"", "\"a\\0b\"", ".."].map { file in
            .init(
                "a template out of \(file)", says: "names no file of templates/",
                metadata: Self.metadata + "templates:\n  /x:\n    when: [start]\n    template: \(file)\n")
        }

    /// What is taken without the part that means harm: nothing of ours reads a `backup.yaml`.
    static let harmless = HostileImage("a backup that is a link", says: "") {
        $0.add("backup.yaml", .link(to: "/etc/shadow"))
    }
}
