import LexIPC
import Testing

@Suite struct ArchiveJobTests {
    private func bytes(_ message: some Message) -> [UInt8] {
        var writer = MessageWriter()
        message.write(to: &writer)
        return writer.bytes
    }
    private func read<Value: Message>(_ bytes: [UInt8], _: Value.Type = Value.self) throws -> Value {
        var reader = MessageReader(bytes)
        return try Value(from: &reader)
    }

    @Test func jobsComeBackAsTheyWent() throws {
        let limits = ArchiveLimits(entries: 1, depth: 2, bytes: 3, ratio: 4, ratioFrom: 5)
        guard case .unpackImage(let got) = try read(bytes(ArchiveJob.unpackImage(limits)), ArchiveJob.self) else {
            Issue.record("another job")
            return
        }
        #expect(got == limits)
        let composition = ImageComposition(
            metadata: "a: b\n", omitted: ["x", "y*"],
            additions: [
                AddedEntry(path: "a", content: "", mode: 0o755), AddedEntry(path: "b", content: nil, target: "../c"),
            ], templates: [AddedEntry(path: "t.tpl", content: "{{ x }}")], time: -5, compressed: false)
        guard case .composeImage(let same) = try read(bytes(ArchiveJob.composeImage(composition)), ArchiveJob.self)
        else {
            Issue.record("another job")
            return
        }
        #expect(same == composition)
        let confinement = ConfineJob(
            program: "/p", libraries: ["/a", "/b"], target: "/t", mountPoint: "/m", firstID: 7, memoryLimit: 8,
            cpuLimit: 9, filtersCalls: false)
        #expect(try read(bytes(confinement)) == confinement)
    }

    @Test func repliesComeBackAsTheyWent() throws {
        let result = ArchiveResult(metadata: "a: b", entries: 1, bytes: .max, warnings: ["x", ""])
        guard case .done(let got) = try read(bytes(ArchiveReply.done(result)), ArchiveReply.self) else {
            Issue.record("another reply")
            return
        }
        #expect(got == result)
        guard case .refused("no") = try read(bytes(ArchiveReply.refused("no")), ArchiveReply.self),
            case .progress(17) = try read(bytes(ArchiveReply.progress(17)), ArchiveReply.self),
            case .failed(let failure) = try read(
                bytes(ArchiveReply.failed(RuntimeFailure(call: "a", subject: "b", code: 28, detail: "c"))),
                ArchiveReply.self)
        else {
            Issue.record("another reply")
            return
        }
        #expect(failure.call == "a" && failure.subject == "b" && failure.code == 28 && failure.detail == "c")
    }

    @Test func anyCutIsAnErrorAndNoTrap() {
        let whole = bytes(
            ArchiveReply.done(ArchiveResult(metadata: "a: b", entries: 1, bytes: 2, warnings: ["x", "y"])))
        for count in 0..<whole.count {
            #expect(throws: MessageError.self) { try read(Array(whole[..<count]), ArchiveReply.self) }
        }
        for place in whole.indices {
            // Whatever a byte is changed to: a reply or an error.
            for byte: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                var changed = whole
                changed[place] = byte
                _ = try? read(changed, ArchiveReply.self)
            }
        }
    }
}
