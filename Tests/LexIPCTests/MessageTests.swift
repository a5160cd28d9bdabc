import LexIPC
import LexTestKit
import Testing

/// One value of every message, with every optional field there and not, texts of every kind, and numbers at their ends.
enum Samples {
    static let texts = ["", "a", "a=b\nc\u{0}d", "ü漢🚀", String(repeating: "x", count: 300)]
    static let failure = RuntimeFailure(call: "mount", subject: "/dev\nx", code: 2, detail: "because")
    static let overlay = RootMount(lowerDirectories: ["/a", "/b"], dataDirectory: "/d", mountDirectory: "/m")
    static let intercept = InterceptJob(
        name: "web", directory: "/run/x", calls: [.mknod, .sysinfo],
        groups: MeasuredGroups(memory: "/m", processes: "", isUnified: true, devices: "/d", unified: "/u"),
        lxcPath: "/p", deniesForeignCalls: true)
    static let start = StartJob(
        name: "web", lxcPath: "/run/lexd/lxc", root: overlay, disks: [disk], nodes: [node],
        ids: IDMap(
            users: [IDRange(inside: 0, host: 1_000_000, count: 65536), IDRange(inside: .max, host: .max, count: .max)],
            groups: [IDRange(inside: 7, host: 8, count: 9)]),
        deniesForeignCalls: true, interception: intercept,
        items: texts.map { LXCItem("lxc.environment", $0) } + [LXCItem("", "")],
        lockFile: "/l", runFile: "/r",
        logFile: "/log")
    static let disk = DiskMount(
        source: "/d", kind: .device, fileSystem: "ext4", options: texts,
        ids: IDMap(first: 100_000, count: 65536), flags: [.readOnly, .noDirectoryAccessTime],
        propagation: .unbindable)
    static let node = NodeMount(isBlock: true, major: 4095, minor: 1_048_575, mode: 0o660, user: 1, group: .max)
    static let rule = DeviceRule(name: "web", lxcPath: "/p", rule: "c 1:3 rwm")
    static let plugs = [
        PlugJob(thing: .disk(disk), path: "/srv", isUnprivileged: true, workDirectory: "/w"),
        PlugJob(thing: .node(node), path: "/dev/x", isUnprivileged: false, workDirectory: "", allowed: rule),
    ]
    static let unplugs = [
        UnplugJob(
            mark: .file(FileIdentity(device: .max, inode: 7)), path: "/srv", removesFile: false, isUnprivileged: true),
        UnplugJob(
            mark: .node(isBlock: true, major: 1, minor: 2), path: "/dev/x", removesFile: true, isUnprivileged: false,
            denied: rule),
    ]
    static let resize = ResizeJob(identity: FileIdentity(device: 1, inode: .max), path: "/m", size: "1048576")
    static let attach = AttachJob(
        name: "web", lxcPath: "/p", arguments: texts, environment: ["A=1"], user: 0, group: .max, directory: "/root",
        terminal: true, columns: 80, rows: 24, terminalOwner: 1_000_000, deniesForeignCalls: true,
        interceptDirectory: "/run/x")
    static func confine(target: String?) -> ConfineJob {
        ConfineJob(
            program: "/p", libraries: texts, target: target, mountPoint: "/m", firstID: 1, memoryLimit: .max,
            cpuLimit: 0, filtersCalls: target == nil)
    }
    static let composition = ImageComposition(
        metadata: "architecture: x86_64\n", omitted: ["etc/hostname", "var/cache/*"],
        additions: [
            AddedEntry(path: "a", content: "x", mode: 0o755), AddedEntry(path: "b", content: nil, target: "../c"),
            AddedEntry(path: "c", content: ""),
        ], templates: [AddedEntry(path: "t.tpl", content: "{{ x }}")], time: -5, compressed: false)
    static let result = ArchiveResult(metadata: "m", entries: .max, bytes: 1, warnings: texts)

    static let jobs: [RuntimeJob] = [
        .start(start), .attach(attach), .netlink(NetlinkJob(process: .min)), .netlink(NetlinkJob(process: .max)),
        .console(ConsoleJob(socketPath: "/s")), .confine(confine(target: "/t")), .confine(confine(target: nil)),
        .plug(plugs[0]), .plug(plugs[1]), .unplug(unplugs[0]), .unplug(unplugs[1]), .resize(resize),
        .intercept(intercept),
    ]
    static let replies: [RuntimeReply] = [
        .done, .started(StartedReply(monitor: 5, initProcess: 6)),
        .started(StartedReply(monitor: 5, initProcess: 6, disks: [.unknown, FileIdentity(device: 3, inode: 4)])),
        .plugged(FileIdentity(device: 1, inode: 2)), .attached, .exited(0), .exited(255), .exited(-1),
        .failed(failure), .failed(RuntimeFailure(call: "", subject: "")),
    ]
    static let archiveJobs: [ArchiveJob] = [
        .unpackImage(ArchiveLimits(bytes: 1 << 40)), .composeImage(composition),
    ]
    static let archiveReplies: [ArchiveReply] = [
        .progress(.max), .progress(0), .done(result), .refused("no"), .failed(failure),
    ]
    static let consoleRequests: [ConsoleRequest] = [
        .open(instance: "web", owner: .max), .close(instance: ""), .log(instance: "web"), .end,
        .attach(instance: "web", alone: true), .resize(instance: "web", columns: .max, rows: 0),
        .clear(instance: "web"),
    ]
    static let consoleReplies: [ConsoleReply] = [
        .done, .opened(path: "/dev/pts/7"), .log([0, 255, 10]), .log([]), .failed(failure),
    ]

    /// Every message as its bytes, and what reads such bytes and writes them again.
    static var all: [(name: String, bytes: [UInt8], again: ([UInt8]) throws -> [UInt8])] {
        func entries<Value: Message>(_ values: [Value]) -> [(String, [UInt8], ([UInt8]) throws -> [UInt8])] {
            values.enumerated().map { index, value in
                (
                    "\(Value.self) \(index)", bytes(of: value),
                    {
                        var reader = MessageReader($0)
                        return bytes(of: try Value(from: &reader))
                    }
                )
            }
        }
        return entries(jobs) + entries(replies) + entries(archiveJobs) + entries(archiveReplies)
            + entries(consoleRequests) + entries(consoleReplies)
    }

    static func bytes(of message: some Message) -> [UInt8] {
        var writer = MessageWriter()
        message.write(to: &writer)
        return writer.bytes
    }
}

@Suite struct MessageTests {
    @Test func everyMessageRoundTrips() throws {
        for (name, bytes, again) in Samples.all { #expect(try again(bytes) == bytes, "\(name)") }
    }

    /// That bytes are the same again does not say that the fields are where they belong.
    @Test func fieldsStayInTheirPlaces() throws {
        func again<Value: Message>(_ value: Value) throws -> Value {
            var reader = MessageReader(Samples.bytes(of: value))
            return try Value(from: &reader)
        }
        #expect(try again(Samples.overlay) == Samples.overlay)
        for plug in Samples.plugs { #expect(try again(plug) == plug) }
        for unplug in Samples.unplugs { #expect(try again(unplug) == unplug) }
        #expect(try again(Samples.resize) == Samples.resize)
        #expect(try again(Samples.confine(target: "/t")) == Samples.confine(target: "/t"))
        #expect(try again(Samples.confine(target: nil)) == Samples.confine(target: nil))
        #expect(try again(Samples.composition) == Samples.composition)
        #expect(try again(Samples.result) == Samples.result)
        #expect(try again(ArchiveLimits(bytes: 7)) == ArchiveLimits(bytes: 7))
        let start = try again(Samples.start)
        #expect(start.name == "web" && start.lxcPath == "/run/lexd/lxc" && start.ids == Samples.start.ids)
        #expect(start.deniesForeignCalls && start.interception == Samples.intercept)
        #expect(start.items == Samples.start.items && start.root == Samples.overlay)
        #expect(start.lockFile == "/l" && start.runFile == "/r" && start.logFile == "/log")
        let attach = try again(Samples.attach)
        #expect(attach.arguments == Samples.texts && attach.environment == ["A=1"] && attach.terminal)
        #expect(
            attach.user == 0 && attach.group == .max && attach.directory == "/root" && attach.columns == 80
                && attach.deniesForeignCalls && attach.interceptDirectory == "/run/x")
        #expect(
            attach.rows == 24 && attach.terminalOwner == 1_000_000 && attach.name == "web" && attach.lxcPath == "/p")
        let failure = try again(Samples.failure)
        #expect(failure.call == "mount" && failure.subject == "/dev\nx" && failure.code == 2)
        #expect(failure.detail == "because")
    }

    @Test func whatIsCutOffIsRefused() {
        for (name, bytes, again) in Samples.all {
            for count in 0..<bytes.count {
                #expect(throws: MessageError.self, "\(name) cut to \(count)") { try again(Array(bytes[..<count])) }
            }
        }
    }

    @Test func unknownKindsAreRefused() {
        for kind in [0, 99, UInt64.max] {
            var writer = MessageWriter()
            writer.put(kind)
            let bytes = writer.bytes + [UInt8](repeating: 0, count: 64)
            func read<Value: Message>(_: Value.Type) throws -> Value {
                var reader = MessageReader(bytes)
                return try Value(from: &reader)
            }
            #expect(throws: MessageError.self) { try read(RuntimeJob.self) }
            #expect(throws: MessageError.self) { try read(RuntimeReply.self) }
            #expect(throws: MessageError.self) { try read(ArchiveJob.self) }
            #expect(throws: MessageError.self) { try read(ArchiveReply.self) }
            #expect(throws: MessageError.self) { try read(ConsoleRequest.self) }
            #expect(throws: MessageError.self) { try read(ConsoleReply.self) }
        }
    }

    @Test func countsThatLieAreRefused() {
        for lie in [UInt64(17), 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max] {
            var writer = MessageWriter()
            writer.put(lie)
            let bytes = writer.bytes + [UInt8](repeating: 0, count: 16)
            var reader = MessageReader(bytes)
            #expect(throws: MessageError.self) { try reader.string() }
            reader = MessageReader(bytes)
            #expect(throws: MessageError.self) { try reader.blob() }
            reader = MessageReader(bytes)
            #expect(throws: MessageError.self) { try reader.strings() }
            reader = MessageReader(bytes)
            #expect(throws: MessageError.self) { try reader.list(LXCItem.self) }
        }
    }

    @Test func numbersOutOfRangeAreRefused() {
        func reader(_ value: UInt64) -> MessageReader {
            var writer = MessageWriter()
            writer.put(value)
            return MessageReader(writer.bytes)
        }
        for value in [UInt64(1) << 32, 1 << 63, .max] {
            var one = reader(value)
            #expect(throws: MessageError.self) { try one.uint32() }
        }
        for value in [UInt64(1) << 31, 1 << 32, 1 << 63] {
            var one = reader(value)
            #expect(throws: MessageError.self) { try one.int32() }
        }
        var low = reader(UInt64(bitPattern: Int64(Int32.min)))
        #expect((try? low.int32()) == Int32.min)
    }

    /// Bytes from an attacker's helper: whatever they are, lexd lives on.
    @Test func randomChangesNeverTrap() {
        var random = SeededGenerator("messages")
        let samples = Samples.all
        for round in 0..<20_000 {
            let (name, original, again) = samples[round % samples.count]
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...3, using: &random) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &random)
                case 1: bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            do {
                // What can be read can be written; a text that was no UTF-8 may come out longer.
                #expect(try again(bytes).isEmpty == false)
            } catch {
                #expect(error is MessageError, "\(name): \(error), seed \(random.seed)")
            }
        }
    }
}

@Suite struct MessageBufferTests {
    @Test func putsMessagesTogetherFromAnyPieces() throws {
        let stream =
            framed(ArchiveReply.progress(1)) + framed(ArchiveReply.refused("no")) + framed(ArchiveReply.progress(2))
        for size in 1...stream.count {
            var buffer = MessageBuffer(limit: 100)
            var got: [String] = []
            var rest = stream[...]
            while !rest.isEmpty {
                buffer.append(rest.prefix(size))
                rest = rest.dropFirst(size)
                while let reply = try buffer.next(ArchiveReply.self) { got.append("\(reply)") }
            }
            #expect(got == ["progress(1)", "refused(\"no\")", "progress(2)"])
            #expect(buffer.isEmpty)
        }
    }

    @Test func takesSeveralFromOnePart() throws {
        var buffer = MessageBuffer(limit: 1000)
        buffer.append(framed(ArchiveReply.progress(1)) + framed(ArchiveReply.refused("x")) + [7])
        guard case .progress(1) = try buffer.next(ArchiveReply.self),
            case .refused("x") = try buffer.next(ArchiveReply.self)
        else {
            Issue.record("not what was put in")
            return
        }
        #expect(try buffer.next(ArchiveReply.self) == nil && !buffer.isEmpty)
    }

    @Test func refusesWhatIsTooLongBeforeItIsThere() throws {
        var buffer = MessageBuffer(limit: 100)
        buffer.append([101, 0, 0, 0])
        #expect(throws: MessageError.self) { try buffer.next(ArchiveReply.self) }
        var huge = MessageBuffer(limit: 100)
        huge.append([255, 255, 255, 255])
        #expect(throws: MessageError.self) { try huge.next(ArchiveReply.self) }
        var fits = MessageBuffer(limit: 100)
        fits.append([100, 0, 0, 0])
        #expect(try fits.next(ArchiveReply.self) == nil)
    }

    @Test func frameHasItsLengthBefore() {
        #expect(framed(RuntimeReply.done) == [8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    }
}
