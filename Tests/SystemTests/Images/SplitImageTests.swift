import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Images in two files, and images that are a squashfs.
    @Suite struct SplitImages {
        @Test(arguments: ClientProgram.allCases)
        func inTwoFiles(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let parts = try await daemon.imageParts()
                for root in [parts.tar, parts.squashfs] { try await daemon.travel(name, parts.metadata, root) }
                #expect(try directoryNames("\(daemon.directory)/images") == [])
                #expect(try directoryNames("\(daemon.directory)/storage-pools/default/images") == [])
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func asOneSquashfs(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let client = daemon.program(name)
                let parts = try await daemon.imageParts()
                try await Program("cp")(parts.metadataFile, "\(parts.directory)/metadata.yaml")
                let whole = daemon.path("whole.squashfs")
                try await Program("mksquashfs")(parts.directory, whole, "-quiet", "-no-progress", "-comp", "zstd")
                try await client("image", "import", whole, "--alias", "whole")
                try await client("launch", "whole", "c1")
                #expect(try await daemon.shell("c1", "cat /etc/passwd | head -n 1").hasPrefix("root:"))
                let directory = daemon.path("exported")
                try makeDirectories(directory)
                try await client("image", "export", "whole", directory)
                let sum = try await Program("sha256sum")(whole).split(separator: " ").first.map(String.init) ?? ""
                #expect(try directoryNames(directory) == ["\(sum).squashfs"])
                #expect(try await Program("cmp").run(whole, "\(directory)/\(sum).squashfs").status == 0)
                try await client("delete", "-f", "c1")
            }
        }

        /// A directory is an image for both clients.
        @Test(arguments: ClientProgram.allCases)
        func asADirectory(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let client = daemon.program(name)
                let parts = try await daemon.imageParts()
                try await Program("cp")(parts.metadataFile, "\(parts.directory)/metadata.yaml")
                // The stock client packs no directory without this one.
                try makeDirectories("\(parts.directory)/templates")
                let said = try await client("image", "import", parts.directory, "--alias", "box")
                #expect(said.contains("Image imported with fingerprint: "), "\(said)")
                try await client("launch", "box", "c1")
                #expect(try await daemon.shell("c1", "echo here") == "here")
                try await client("delete", "-f", "c1")
            }
        }

        /// Uploads in parts that are none: a clear 4xx, and nothing is left.
        @Test func formsThatAreRefused() async throws {
            try await withDaemon(.withoutImage) { daemon in try await daemon.refuseForms() }
        }

        /// What lies in a second file obeys the rules of the first, and its failure leaves neither.
        @Test func contentsThatAreRefused() async throws {
            try await withDaemon(.withoutImage) { daemon in try await daemon.refuseContents() }
        }
    }
}

/// The pieces of a busybox image.
private struct ImageParts: Sendable {
    let metadata: String
    let metadataFile: String
    let tar: String
    let squashfs: String
    /// Has `rootfs/`.
    let directory: String
}

private struct Form {
    let what: String
    let status: Int
    let words: String
    var type = "multipart/form-data; boundary=XX"
    let body: [UInt8]

    static func part(_ name: String, _ bytes: [UInt8], headers: String = "") -> [UInt8] {
        Array(
            ("--XX\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"x\"\r\n" + headers + "\r\n").utf8)
            + bytes + Array("\r\n".utf8)
    }
    static let end = Array("--XX--\r\n".utf8)
}

extension DaemonFixture {
    fileprivate func imageParts() async throws -> ImageParts {
        let whole = try file("whole.tar", await BusyboxImage.standard())
        let directory = path("parts")
        try makeDirectories(directory, mode: 0o755)
        try await Program("tar")("-C", directory, "-xf", whole, "rootfs")
        let outside = path("outside")
        try makeDirectories(outside, mode: 0o755)
        try await Program("tar")("-C", outside, "-xf", whole, "metadata.yaml")
        let parts = ImageParts(
            metadata: path("meta.tar.xz"), metadataFile: outside + "/metadata.yaml", tar: path("root.tar.gz"),
            squashfs: path("root.squashfs"), directory: directory)
        try await Program("tar")("-C", outside, "-cJf", parts.metadata, "metadata.yaml")
        try await Program("tar")("-C", directory + "/rootfs", "-czf", parts.tar, ".")
        try await Program("mksquashfs")(directory + "/rootfs", parts.squashfs, "-quiet", "-no-progress")
        return parts
    }

    /// Imported, launched, exported byte for byte, deleted.
    fileprivate func travel(_ name: ClientProgram, _ metadata: String, _ root: String) async throws {
        let client = program(name)
        let sum =
            try await Program("sh")("-c", "cat '\(metadata)' '\(root)' | sha256sum").split(separator: " ").first
            .map(String.init) ?? ""
        let said = try await client("image", "import", metadata, root, "--alias", "box", "color=blue")
        #expect(said.contains("Image imported with fingerprint: \(sum)"), "\(said)")
        let image = try await self.client.call(API.images.get, path: ["fingerprint": String(sum.prefix(12))])
        #expect(image.fingerprint == sum)
        #expect(image.properties["color"] == "blue")
        #expect(image.filename == root.split(separator: "/").last.map(String.init))
        #expect(try image.size == fileLength(metadata) + fileLength(root))
        try await client("launch", "box", "c1")
        #expect(try await shell("c1", "hostname") == "c1")
        try await client("delete", "-f", "c1")

        let directory = path("exported")
        try makeDirectories(directory)
        try await client("image", "export", "box", directory)
        let ending = root.hasSuffix("squashfs") ? "squashfs" : "tar.gz"
        #expect(try directoryNames(directory).sorted() == ["\(sum).\(ending)", "meta-\(sum).tar.xz"].sorted())
        #expect(try await Program("cmp").run(metadata, "\(directory)/meta-\(sum).tar.xz").status == 0)
        #expect(try await Program("cmp").run(root, "\(directory)/\(sum).\(ending)").status == 0)
        try removeTree(directory)
        #expect(try directoryNames("\(self.directory)/images").sorted() == [sum, sum + ".rootfs"])

        // Files that are there survive a restart; what belongs to no image does not.
        let stray = "\(self.directory)/images/" + String(repeating: "a", count: 64) + ".rootfs"
        try OwnedDescriptor.open(stray, O_WRONLY | O_CREAT).writeAll([1], to: stray)
        _ = try await stop()
        try await start()
        #expect(try directoryNames("\(self.directory)/images").sorted() == [sum, sum + ".rootfs"])
        try await client("image", "delete", "box")
    }

    private func fileLength(_ path: String) throws -> Int64 {
        var status = stat()
        try checked("look at", path) { stat(path, &status) }
        return Int64(status.st_size)
    }

    fileprivate func refuseForms() async throws {
        var tar = TarFile()
        tar.add("metadata.yaml", text: BusyboxImage.Contents().metadata)
        let metadata = Form.part("metadata", tar.bytes)
        let root = Form.part("rootfs", TarFile().bytes)
        let huge = [UInt8](repeating: 97, count: 200_000)
        let forms = [
            Form(what: "nothing", status: 400, words: "was cut off", body: []),
            Form(what: "no parts", status: 400, words: "no part \"rootfs\"", body: Form.end),
            Form(what: "one part", status: 400, words: "no part \"rootfs\"", body: metadata + Form.end),
            Form(what: "the wrong order", status: 400, words: "part 1 is \"rootfs\"", body: root + metadata + Form.end),
            Form(
                what: "twice the same", status: 400, words: "part 2 is \"metadata\"",
                body: metadata + metadata + Form.end),
            Form(
                what: "three", status: 400, words: "part 3 is \"rootfs\"", body: metadata + root + root + Form.end),
            Form(
                what: "a virtual machine", status: 400, words: "virtual machine",
                body: metadata + Form.part("rootfs.img", [1]) + Form.end),
            Form(what: "cut off", status: 400, words: "was cut off", body: metadata + root),
            Form(
                what: "no boundary", status: 400, words: "boundary", type: "multipart/form-data",
                body: metadata + root + Form.end),
            Form(
                what: "a long boundary", status: 400, words: "boundary",
                type: "multipart/form-data; boundary=" + String(repeating: "x", count: 500), body: metadata),
            Form(
                what: "another kind", status: 400, words: "multipart/form-data", type: "multipart/mixed; boundary=XX",
                body: metadata),
            Form(what: "another boundary", status: 400, words: "boundary", body: huge),
            Form(
                what: "a huge header", status: 400, words: "headers of more than",
                body: Array("--XX\r\nContent-Disposition: form-data; name=\"".utf8) + huge),
            Form(
                what: "many parts", status: 400, words: "part 1 is \"\"",
                body: Array(String(repeating: "--XX\r\n\r\n\r\n", count: 50_000).utf8) + Form.end),
            Form(
                what: "metadata without end", status: 413, words: "larger than",
                body: Form.part("metadata", [UInt8](repeating: 0, count: 65 << 20)) + root + Form.end),
        ]
        for form in forms {
            let answer = try await client.raw(
                .post, "/1.0/images", body: form.body, headers: [("Content-Type", form.type)])
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(answer.status == form.status, "\(form.what): \(text)")
            #expect(text.contains(form.words.replacing("\"", with: "\\\"")), "\(form.what): \(text)")
            #expect(try directoryNames("\(directory)/images") == [], "\(form.what)")
        }
        let wrong = try await client.raw(
            .post, "/1.0/images", body: metadata + root + Form.end,
            headers: [
                ("Content-Type", "multipart/form-data; boundary=XX"),
                ("X-LXD-fingerprint", String(repeating: "a", count: 64)),
            ])
        #expect(wrong.status == 400)
        for (header, value) in [
            ("X-LXD-profiles", "profile=nobody"), ("X-LXD-aliases", "alias=a%20b"), ("X-LXD-properties", "%zz=1"),
        ] {
            let answer = try await client.raw(
                .post, "/1.0/images", body: metadata + root + Form.end,
                headers: [("Content-Type", "multipart/form-data; boundary=XX"), (header, value)])
            #expect(answer.status == 400, "\(header): \(answer)")
        }
        #expect(try directoryNames("\(directory)/images") == [])
    }

    fileprivate func refuseContents() async throws {
        func tar(_ build: (inout TarFile) -> Void) -> [UInt8] {
            var tar = TarFile()
            build(&tar)
            return tar.bytes
        }
        let good = tar { $0.add("metadata.yaml", text: BusyboxImage.Contents().metadata) }
        let root = tar { $0.add("etc/hello", text: "x") }
        let garbage = Array("hsqs".utf8) + (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let cases: [(what: String, metadata: [UInt8], root: [UInt8], words: String)] = [
            ("no metadata", tar { $0.add("x", text: "x") }, root, "no metadata.yaml"),
            ("squashfs garbage", good, garbage, "squashfs"),
            ("a squashfs header alone", good, Array("hsqs".utf8), "squashfs"),
            ("a virtual machine's disk", good, Array("QFI".utf8) + [0xfb, 0, 0, 0, 3], "virtual machine"),
            ("no archive", good, Array("hello\n".utf8), "cannot be read"),
            ("a way out", good, tar { $0.add("../../escaped", text: "x") }, "\"..\""),
            ("an absolute way out", good, tar { $0.add("/tmp/escaped", text: "x") }, "absolute"),
            (
                "a way out by a link", good,
                tar {
                    $0.add("a", .link(to: "/tmp"))
                    $0.add("a/escaped", text: "x")
                }, "no directory"
            ),
            (
                "a mistake in a template",
                tar {
                    $0.add(
                        "metadata.yaml",
                        text: BusyboxImage.Contents().metadata + "templates:\n  /etc/x: {template: ../x}\n")
                }, root, "names no file"
            ),
            (
                "endless YAML",
                tar {
                    $0.add(
                        "metadata.yaml",
                        text: "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\narchitecture: x86_64\ncreation_date: 1\n")
                }, root, "anchors"
            ),
        ]
        for item in cases {
            let error = await #expect(throws: (any Error).self, "\(item.what)") {
                _ = try await importParts(item.metadata, item.root)
            }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains(item.words), "\(item.what): \(text)")
        }
        try await eventually("nothing is left") {
            try directoryNames("\(directory)/images") == []
                && directoryNames("\(directory)/storage-pools/default/images") == []
        }
        #expect(access("/tmp/escaped", F_OK) != 0)
        // And a whole one after all of that.
        #expect(try await importParts(good, root).count == 64)
    }

    private func importParts(_ metadata: [UInt8], _ root: [UInt8]) async throws -> String {
        let files = try [("metadata", metadata), ("rootfs", root)].map { name, bytes in
            (name, try OwnedDescriptor.open(file("part-\(name)", bytes), O_RDONLY).release())
        }
        defer { for (_, descriptor) in files { close(descriptor) } }
        let parts = files.map { Upload.Part(name: $0.0, filename: $0.0, descriptor: $0.1) }
        let operation = try await client.runUpload(API.images.create, Upload.form(parts))
        return operation?.metadata?["fingerprint"]?.text ?? ""
    }
}
