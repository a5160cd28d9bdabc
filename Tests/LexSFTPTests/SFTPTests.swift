import Testing

@testable import LexSFTP

/// What goes over an SFTP connection, and what must not bring either side down.
@Suite struct SFTPTests {
    private static let attributes = SFTPAttributes(
        size: 1 << 40, owner: (1000, 100), permissions: 0o100644, times: (5, 1_700_000_000))
    private static let odd: SFTPPath = [0x2f, 0xff, 0xfe, 0x0a, 0x20]

    private static let requests: [SFTPRequest] = [
        .open(path: odd, flags: [.write, .create, .truncate], attributes: attributes), .close(handle: [1, 2, 3, 4]),
        .read(handle: [0], offset: .max, length: .max), .write(handle: [9], offset: 7, data: [1, 2, 3]),
        .lstat(path: odd), .fstat(handle: []), .setstat(path: odd, attributes: SFTPAttributes()),
        .fsetstat(handle: [1], attributes: attributes), .opendir(path: odd), .readdir(handle: [2]), .remove(path: odd),
        .mkdir(path: odd, attributes: SFTPAttributes(permissions: 0o750)), .rmdir(path: odd), .realpath(path: []),
        .stat(path: odd), .rename(from: odd, to: [0x61], replacing: false),
        .rename(from: odd, to: [0x61], replacing: true), .readlink(path: odd), .symlink(target: [0x62], path: odd),
        .hardlink(from: odd, to: [0x61]), .statvfs(path: odd), .fsync(handle: [3]),
        .put(path: odd, attributes: attributes, data: [4, 5]), .unknown,
    ]

    @Test(arguments: requests) func requestsComeBack(_ request: SFTPRequest) throws {
        var writer = SFTPWriter()
        writer.put(request, id: 77)
        var frames = SFTPFrames()
        frames.append(writer.bytes)
        let packet = try #require(try frames.next())
        let read = try SFTPRequest.read(packet)
        #expect(read.id == 77)
        #expect(read.request == request)
        #expect(try frames.next() == nil)
    }

    private static let replies: [SFTPReply] = [
        .status(.noSuchFile, message: "No such file or directory"), .handle([1, 2]), .data([1, 2, 3]),
        .names([SFTPName(odd, line: [0x61], attributes: attributes), SFTPName([])]), .attributes(attributes),
        .numbers([1, .max]),
    ]

    @Test(arguments: replies) func repliesComeBack(_ reply: SFTPReply) throws {
        var writer = SFTPWriter()
        writer.put(reply, id: .max)
        var frames = SFTPFrames()
        frames.append(writer.bytes)
        let read = try SFTPReply.read(try #require(try frames.next()))
        #expect(read.id == .max)
        #expect(read.reply == reply)
    }

    @Test func theFirstSaysTheVersion() throws {
        var writer = SFTPWriter()
        writer.put(.initialize(version: 3), id: 5)
        writer.put(.version(3, extensions: [SFTP.putName]), id: 5)
        var frames = SFTPFrames()
        // As it comes from a slow peer.
        var packets: [ArraySlice<UInt8>] = []
        for byte in writer.bytes {
            frames.append([byte])
            if let packet = try frames.next() { packets.append(packet) }
        }
        try #require(packets.count == 2)
        #expect(try SFTPRequest.read(packets[0]).request == .initialize(version: 3))
        #expect(try SFTPReply.read(packets[1]).reply == .version(3, extensions: [SFTP.putName]))
    }

    @Test(arguments: [
        // No length, one of nothing, one that is too long.
        [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 4, 0, 1],
    ]) func lengthsAreBounded(_ head: [UInt8]) {
        var frames = SFTPFrames()
        frames.append(head)
        #expect(throws: SFTPError.self) { _ = try frames.next() }
    }

    @Test(
        arguments: [
            // A path longer than the packet; one with a NUL; fields missing; bytes behind the fields; too many extended
            // attributes; a flag that version 3 does not have.
            [7, 0, 0, 0, 1, 0, 0, 1, 0, 0x61], [7, 0, 0, 0, 1, 0, 0, 0, 2, 0x61, 0], [5, 0, 0, 0, 1], [7],
            [7, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0x62], [9, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0x80, 0, 0, 0, 0xff, 0, 0, 0],
            [9, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 0x10],
        ] as [[UInt8]]) func whatDoesNotFitIsRefused(_ packet: [UInt8])
    {
        #expect(throws: SFTPError.self) { _ = try SFTPRequest.read(packet[...]) }
    }

    @Test func longPathsAreRefused() {
        var writer = SFTPWriter()
        writer.put(.stat(path: [UInt8](repeating: 0x61, count: SFTP.longestPath)), id: 1)
        #expect(throws: SFTPError.self) { _ = try SFTPRequest.read(writer.bytes.dropFirst(4)) }
    }

    @Test func aNameListCannotLie() {
        // 2^32 - 1 names, and then nothing.
        #expect(throws: SFTPError.self) {
            _ = try SFTPReply.read([104, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])
        }
    }

    @Test func noBytesTrap() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<64, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? SFTPRequest.read(bytes[...])
            _ = try? SFTPReply.read(bytes[...])
            var frames = SFTPFrames()
            frames.append(bytes)
            while (try? frames.next()) ?? nil != nil {}
        }
    }
}
