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

    private init(_ description: String, says: String, bytes: [UInt8]) {
        self.description = description
        self.says = says
        self.bytes = bytes
    }

    static let all: [HostileImage] = [
        .init("nothing", says: "", bytes: []),
        .init("noise", says: "", bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }),
        .init("the mark of gzip and no more", says: "", bytes: [0x1f, 0x8b, 8, 0]),
        .init("the mark of xz and no more", says: "", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
        .init(
            "the mark of squashfs and no more", says: "",
            bytes: Array("hsqs".utf8) + Array(repeating: 0xff, count: 8192)),
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
        .init("a hard link out", says: "") { $0.add("rootfs/h", .hardLink(to: "/etc/shadow")) },
        .init("an id beyond", says: "ids 0 to 65535") { $0.add("rootfs/f", .file([1]), user: 65536) },
        .init("metadata twice", says: "twice") { $0.add("metadata.yaml", text: "architecture: x\n") },
        .init("metadata that blows up", says: "anchors", metadata: "a: &a [x]\nb: &b [*a,*a]\narchitecture: *b\n"),
        .init("metadata too deep", says: "", metadata: "a: " + String(repeating: "[", count: 5000) + "\n"),
        .init("metadata of no map", says: "", metadata: "- a\n"),
        .init("metadata of no YAML", says: "", metadata: "architecture: [\n"),
        .init(
            "an architecture by a way out", says: "architecture", metadata: "architecture: ../../x\ncreation_date: 1\n"),
        .init("a date that is none", says: "creation_date", metadata: "architecture: x86_64\ncreation_date: soon\n"),
        .init("properties that are none", says: "", metadata: Self.metadata + "properties: 7\n"),
        .init("a property with a list", says: "", metadata: Self.metadata + "properties: {a: [b]}\n"),
        .init("metadata too long", says: "", metadata: Self.metadata + String(repeating: "#", count: 2 << 20)),
        .init(
            "a cut", says: "",
            bytes: {
                var tar = TarFile()
                tar.add("metadata.yaml", text: Self.metadata)
                tar.add("rootfs", .directory)
                tar.add("rootfs/f", .file(Array(repeating: 7, count: 4096)))
                return Array(tar.bytes.dropLast(3000))
            }()),
    ]
}
