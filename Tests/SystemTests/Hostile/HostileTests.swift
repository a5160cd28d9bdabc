import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What strangers and enemies send: refused with a sentence, nothing written where it does not belong, nothing
    /// left, and the daemon as it was.
    @Suite struct Hostile {
        @Test func requestsAreRefused() async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1")
                let before = try await Condition(daemon)
                for request in HostileRequest.paths + HostileRequest.injections + HostileRequest.bodies {
                    let answer = try await daemon.answer(to: request.text)
                    let status = request.status
                    #expect(status == nil || answer.status == status, "\(request): \(answer)")
                    #expect((400..<500).contains(answer.status) || answer.status == 501, "\(request): \(answer)")
                    #expect(!answer.sentence.isEmpty, "\(request): \(answer)")
                    #expect(answer.sentence.contains(request.says), "\(request): \(answer)")
                }
                for (description, text) in HostileRequest.wire {
                    // One that promises more than it sends may be waited for, as by any server.
                    let answer = try await daemon.answer(to: text, within: .seconds(2), orNothing: true)
                    #expect((400..<500).contains(answer.status) || answer.isSilent, "\(description): \(answer)")
                }
                try await before.expect(daemon)
            }
        }

        @Test func imagesAreRefused() async throws {
            try await withDaemon { daemon in
                let before = try await Condition(daemon)
                for image in HostileImage.all { try await daemon.expectRefusal(of: image) }
                try await before.expect(daemon)
                // What is left out is not there, under whatever name.
                let fingerprint = try await daemon.importImage(HostileImage.harmless.bytes)
                let kept = try await Program("find")(daemon.directory, "-name", "backup.yaml")
                #expect(kept.isEmpty)
                try await daemon.client.run(API.images.delete, path: ["fingerprint": fingerprint])
                try await before.expect(daemon)
            }
        }

        /// The name a file had is told to whoever downloads the image, who may write to it: it leads nowhere.
        @Test func namesOfFilesLeadNowhere() async throws {
            try await withDaemon(.withoutImage) { daemon in
                var tar = TarFile()
                tar.add("metadata.yaml", text: BusyboxImage.Contents().metadata)
                tar.add("rootfs", .directory)
                let file = try daemon.file("plain.tar", tar.bytes)
                for (name, kept) in [
                    ("../../x", "x"), ("/etc/passwd", "passwd"), ("..", ""), (".", ""), ("a/..", ""), ("a/", ""),
                    ("image.tar.xz", "image.tar.xz"),
                    (String(repeating: "n", count: 4000), String(repeating: "n", count: 255)),
                ] {
                    let input = try OwnedDescriptor.open(file, O_RDONLY)
                    let operation = try await daemon.client.runUpload(
                        API.images.create, headers: [("X-LXD-filename", name)], Upload.file(input.number))
                    withExtendedLifetime(input) {}
                    let fingerprint = try #require(operation?.metadata?["fingerprint"]?.text)
                    let image = try await daemon.client.call(API.images.get, path: ["fingerprint": fingerprint])
                    #expect(image.filename == kept)
                    try await daemon.client.run(API.images.delete, path: ["fingerprint": fingerprint])
                }
            }
        }
    }
}

/// What the daemon said.
struct RawAnswerText: CustomStringConvertible {
    let text: String

    /// Whether it cut the connection without a word.
    var isSilent: Bool { text.isEmpty }
    var status: Int { text.hasPrefix("HTTP/1.1 ") ? Int(text.dropFirst(9).prefix(3)) ?? 0 : 0 }
    /// What stands behind the head.
    var body: Substring { text.firstRange(of: "\r\n\r\n").map { text[$0.upperBound...] } ?? "" }
    /// The reason, of an error.
    var sentence: String { (try? JSONValue.parse(Array(body.utf8)))?["error"]?.text ?? "" }
    var description: String { isSilent ? "(nothing)" : String(text.prefix(600)) }
}

extension DaemonFixture {
    /// Sends what may be no request at all, on a connection of its own.
    ///
    /// - Parameter orNothing: Whether no answer in time is one as well.
    func answer(
        to text: String, within patience: Duration = .seconds(30), orNothing: Bool = false
    ) async throws -> RawAnswerText {
        let connection = try RawConnection(self)
        defer { connection.close() }
        // One that is refused half-way need not be read to its end.
        try? connection.send(text)
        do {
            return RawAnswerText(text: try await connection.receive(within: patience))
        } catch is NotInTime where orNothing {
            return RawAnswerText(text: "")
        }
    }

    fileprivate func expectRefusal(of image: HostileImage) async throws {
        let file = try file("hostile.tar", image.bytes)
        defer { unlink(file) }
        do {
            let fingerprint = try await importImage(file: file)
            Issue.record("\(image): taken as \(fingerprint)")
        } catch let error as OperationFailure {
            #expect(error.operation.statusCode == StatusCode.failure.rawValue, "\(image): \(error)")
            expectReason("\(error)", image)
        } catch let error as APIError {
            #expect((400..<500).contains(error.status), "\(image): \(error)")
            expectReason("\(error)", image)
        }
    }

    /// A sentence about the image, and nothing about how the daemon is made inside.
    private func expectReason(_ sentence: String, _ image: HostileImage) {
        #expect(sentence.hasPrefix("The image"), "\(image): \(sentence)")
        #expect(!image.says.isEmpty && sentence.contains(image.says), "\(image): \(sentence)")
        for word in ["lexd-archive", "lexd-runtime", directory, "signal", "errno", "rror(", "nil", "Fatal"] {
            #expect(!sentence.contains(word), "\(image): \(sentence)")
        }
    }
}

/// What must not be changed by anything that was refused.
struct Condition {
    private let process: Int32?
    private let memory: Int
    private let lists: [String: String]
    private let files: [String]

    init(_ daemon: DaemonFixture) async throws {
        process = daemon.daemonProcess?.id
        memory = try Self.memory(of: process)
        lists = try await Self.lists(daemon)
        files = try Self.files(daemon)
    }

    /// The same daemon, alive, with the same things, the same files, and not much more memory.
    func expect(_ daemon: DaemonFixture, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        #expect(daemon.daemonProcess?.hasEnded == false, sourceLocation: sourceLocation)
        #expect(daemon.daemonProcess?.id == process, sourceLocation: sourceLocation)
        let (lists, files) = (try await Self.lists(daemon), try Self.files(daemon))
        for (path, before) in self.lists { #expect(lists[path] == before, "\(path)", sourceLocation: sourceLocation) }
        #expect(files == self.files, sourceLocation: sourceLocation)
        #expect(try Self.memory(of: process) < memory + (48 << 10), "in KiB", sourceLocation: sourceLocation)
        for path in ["/etc/cron.d/lexd-hostile", "/nonexistent-lexd"] {
            #expect(access(path, F_OK) != 0, "\(path)", sourceLocation: sourceLocation)
        }
    }

    private static func lists(_ daemon: DaemonFixture) async throws -> [String: String] {
        let network = try await daemon.network()
        var lists: [String: String] = [:]
        for path in ["instances", "images", "images/aliases", "profiles", "networks", "storage-pools", "projects"] {
            let answer = try await daemon.client.raw(.get, "/1.0/\(path)")
            let names = try JSONValue.parse(answer.body)["metadata"]?.elements?.compactMap(\.text) ?? []
            // Links of others on this machine come and go.
            let ours = path == "networks" ? names.filter { $0.hasSuffix("/\(network)") } : names
            lists[path] = ours.sorted().joined(separator: "\n")
        }
        return lists
    }

    /// The names of all files of the daemon but of its store and its logs, which grow.
    private static func files(_ daemon: DaemonFixture) throws -> [String] {
        var found: [String] = []
        func walk(_ path: String, _ depth: Int) throws {
            for name in try directoryNames(path) {
                let file = "\(path)/\(name)"
                if name.hasPrefix("state") || name.hasPrefix("lexd.db") || name == "logs" { continue }
                found.append(file)
                var status = stat()
                let isDirectory = lstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
                // Not into the images and instances themselves.
                if isDirectory && depth < 4 { try walk(file, depth + 1) }
            }
        }
        try walk(daemon.directory, 0)
        return found.sorted()
    }

    /// KiB of memory that are the process's own.
    private static func memory(of process: Int32?) throws -> Int {
        let status = try readFile("/proc/\(process ?? 0)/status")
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
