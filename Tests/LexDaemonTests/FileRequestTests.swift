import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexSFTP
import NIOHTTP1
import Testing

@testable import LexDaemon

/// What of a file is asked for, what is wished of one, and how much a directory may have.
struct FileRequestTests {
    private static let modified: time_t = 1_795_000_000
    private static func day(_ offset: time_t) -> String { HTTPDate.text(of: modified + offset * 86400) }

    private func asked(_ headers: KeyValuePairs<String, String>, size: Int64 = 10) -> ContentRequest {
        ContentRequest(HTTPHeaders(headers.map { ($0.key, $0.value) }), size: size, modified: Self.modified)
    }

    /// As Go's `http.ServeContent` has it in LXD 5.0.2, but for several ranges, which are answered with the whole.
    @Test(arguments: [
        ("bytes=0-0", ContentRequest.part(0..<1)), ("bytes=2-", .part(2..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=-30", .part(0..<10)), ("bytes=5-100", .part(5..<10)), ("bytes= 1 - 2 ", .part(1..<3)),
        ("bytes=10-", .outside), ("bytes=12-2", .outside), ("bytes=3-2", .outside), ("bytes=x-2", .outside),
        ("bytes=1", .outside), ("bytes=--1", .outside), ("bytes=-0", .outside), ("lines=1-2", .outside),
        ("bytes=99999999999999999999-", .outside), ("bytes=", .whole), ("bytes=,", .whole),
        ("bytes=0-1,3-4", .whole), ("bytes=1-2,20-30", .part(1..<3)), ("bytes=20-30,40-", .outside),
    ])
    func ranges(_ header: String, _ expected: ContentRequest) {
        #expect(asked(["Range": header]) == expected)
    }

    @Test func nothingOfAnEmptyFileIsInARange() {
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] { #expect(asked(["Range": range], size: 0) == .outside) }
        #expect(asked([:], size: 0) == .whole)
    }

    @Test func conditions() {
        #expect(asked(["If-Modified-Since": Self.day(0)]) == .notModified)
        #expect(asked(["If-Modified-Since": Self.day(1)]) == .notModified)
        #expect(asked(["If-Modified-Since": Self.day(-1)]) == .whole)
        #expect(asked(["If-Modified-Since": "yesterday"]) == .whole)
        #expect(asked(["If-Unmodified-Since": Self.day(-1)]) == .conditionFailed)
        #expect(asked(["If-Unmodified-Since": Self.day(0)]) == .whole)
        // There is no ETag that could match.
        #expect(asked(["If-Match": "\"x\""]) == .conditionFailed)
        #expect(asked(["If-Match": "*"]) == .whole)
        #expect(asked(["If-None-Match": "\"x\"", "If-Modified-Since": Self.day(1)]) == .whole)
        #expect(asked(["If-None-Match": "*"]) == .notModified)
        // The part only of what the client has the rest of.
        #expect(asked(["Range": "bytes=1-2", "If-Range": Self.day(0)]) == .part(1..<3))
        for other in [Self.day(1), Self.day(-1), "\"x\"", ""] {
            #expect(asked(["Range": "bytes=1-2", "If-Range": other]) == .whole)
        }
    }

    @Test func datesAreReadAsTheyAreWritten() {
        for moment in [0, 1, 951_782_400, 1_795_000_000, 4_102_444_799] {
            #expect(HTTPDate.seconds(of: HTTPDate.text(of: moment)) == moment)
        }
        for text in ["", "GMT", "Mon, 30 Nov 2026 21:37:45", "Mon, 40 Nov 2026 21:37:45 GMT", "a b c d e f"] {
            #expect(HTTPDate.seconds(of: text) == nil, "\(text)")
        }
    }

    /// As Go's `ParseInt` with base 0.
    @Test(
        arguments: [
            ("0644", 0o644), ("0", 0), ("00", 0), ("0o751", 0o751), ("0O751", 0o751), ("0x1ff", 0o777),
            ("0X1FF", 0o777),
            ("0b111101001", 0o751), ("420", 0o644), ("04755", 0o4755), ("0999", nil), ("0x", nil), ("0x-1", nil),
            ("x", nil),
            ("-1", nil), ("", nil), ("0o", nil), ("0+1", nil),
        ] as [(String, UInt32?)])
    func modes(_ text: String, _ mode: UInt32?) throws {
        #expect(try InstanceRoutes.wish(["X-LXD-mode": text]).mode == mode)
    }

    @Test(arguments: ["010000", "0x1000", "4096"]) func aModeThatIsNone(_ text: String) {
        #expect(throws: APIError.self) { try InstanceRoutes.wish(["X-LXD-mode": text]) }
    }

    /// A directory that a guest's file system makes up as it is read.
    @Test func aDirectoryWithoutEndIsRefused() async throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let far = ends[1]
        let server = Task.detached {
            defer { close(far) }
            var frames = SFTPFrames()
            var chunk = [UInt8](repeating: 0, count: 65536)
            var number = 0
            while true {
                let got = read(far, &chunk, chunk.count)
                guard got > 0 else { return number }
                frames.append(chunk[..<got])
                while let packet = try frames.next() {
                    let (id, request) = try SFTPRequest.read(packet)
                    var answers = SFTPWriter()
                    if case .readdir = request {
                        number += 1
                        let names = (0..<100).map { index -> SFTPName in
                            let name = Array("n\(number)-\(index)".utf8)
                            return SFTPName(name, line: name)
                        }
                        answers.put(.names(names), id: id)
                    } else {
                        answers.put(.handle([1]), id: id)
                    }
                    guard write(far, answers.bytes, answers.bytes.count) == answers.bytes.count else { return number }
                }
            }
        }
        let connection = FileConnection(FileServer(helper: nil, connection: OwnedDescriptor(taking: ends[0])))
        let refusal = await #expect(throws: APIError.self) {
            try await connection.names(in: Array("/endless".utf8), most: 1000)
        }
        #expect(refusal?.status == 400)
        #expect(refusal?.message.contains("more than 1000 entries") == true)
        let bytes = await #expect(throws: APIError.self) {
            try await connection.names(in: Array("/endless".utf8), mostBytes: 5000)
        }
        #expect(bytes?.message.contains("5000 bytes of names") == true)
        connection.server.abort()
        #expect(try await server.value < 30)
    }
}
