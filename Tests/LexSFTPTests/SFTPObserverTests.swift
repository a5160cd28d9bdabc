import Testing

@testable import LexSFTP

@Suite struct SFTPObserverTests {
    private func path(_ text: String) -> SFTPPath { Array(text.utf8) }

    private var requests: [SFTPRequest] {
        [
            .initialize(version: 3),
            .put(path: path("/a"), attributes: SFTPAttributes(permissions: 0o644), data: [1, 2, 3]),
            .open(path: path("/big"), flags: [.write, .create], attributes: SFTPAttributes()),
            .write(handle: [1], offset: 0, data: [UInt8](repeating: 7, count: 100_000)[...]),
            .open(path: path("/read"), flags: .read, attributes: SFTPAttributes()), .lstat(path: path("/x")),
            .remove(path: path("/gone")), .mkdir(path: path("/there"), attributes: SFTPAttributes()),
            .symlink(target: path("/t"), path: path("/link")),
        ]
    }

    private func told(inPiecesOf size: Int) -> [String] {
        var asked = SFTPWriter()
        var answers = SFTPWriter()
        for (id, request) in requests.enumerated() {
            asked.put(request, id: UInt32(id))
            switch request {
            case .initialize: answers.put(.version(3, extensions: []), id: 0)
            case .open: answers.put(.handle([1]), id: UInt32(id))
            case .mkdir: answers.put(.status(.failure, message: "there"), id: UInt32(id))
            case .lstat: answers.put(.attributes(SFTPAttributes(permissions: 1)), id: UInt32(id))
            default: answers.put(.status(.ok, message: ""), id: UInt32(id))
            }
        }
        var observer = SFTPObserver()
        var deeds: [String] = []
        func pieces(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) {
            for start in stride(from: 0, to: bytes.count, by: size) {
                bytes[start..<min(start + size, bytes.count)].withUnsafeBytes(body)
            }
        }
        pieces(asked.bytes) { observer.asked($0) }
        pieces(answers.bytes) { piece in
            deeds += observer.answered(piece).map { "\($0.deed) \(String(decoding: $0.path, as: UTF8.self))" }
        }
        return deeds
    }

    @Test(arguments: [1, 3, 4096, 1 << 20])
    func tellsWhatWasDone(_ size: Int) {
        #expect(
            told(inPiecesOf: size) == ["pushed /a", "pushed /big", "retrieved /read", "deleted /gone", "pushed /link"])
    }

    @Test func whatIsNoPacketIsPassedOver() {
        var observer = SFTPObserver()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bytes.withUnsafeBytes { observer.asked($0) }
            _ = bytes.withUnsafeBytes { observer.answered($0) }
        }
    }
}
