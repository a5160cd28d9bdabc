import NIOCore
import Testing

@testable import LexClient

@Suite struct HandshakeAnswerTests {
    private func outcome(_ text: String, chunk: Int) throws -> HandshakeAnswer.Outcome? {
        var answer = HandshakeAnswer()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            if let outcome = try answer.take(ByteBuffer(bytes: rest.prefix(chunk))) { return outcome }
            rest = rest.dropFirst(chunk)
        }
        return answer.end()
    }

    @Test(arguments: [1, 5, 1000]) func refusalsComeInThreeForms(_ chunk: Int) throws {
        let refused = HandshakeAnswer.Outcome.refused(status: 403, body: #"{"error":"no"}"#)
        for (head, body) in [
            ("Content-Length: 14", #"{"error":"no"}"#), ("X: y", #"{"error":"no"}"#),
            ("transfer-encoding: Chunked", "9\r\n{\"error\":\r\n5;x=y\r\n\"no\"}\r\n0\r\n\r\n"),
        ] {
            #expect(try outcome("HTTP/1.1 403 Forbidden\r\n\(head)\r\n\r\n\(body)", chunk: chunk) == refused)
        }
    }

    @Test func whatFollowsTheAgreementIsKept() throws {
        #expect(
            try outcome("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes", chunk: 1000)
                == .agreed(rest: ByteBuffer(string: "frames")))
    }

    @Test func anEndBeforeTheHeadIsNoAnswer() throws {
        #expect(try outcome("HTTP/1.1 101 Swit", chunk: 1000) == nil)
        #expect(try outcome("", chunk: 1) == nil)
    }

    @Test(arguments: ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\r\n\r\n"]) func nonsenseIsRefused(_ text: String) {
        #expect(throws: ClientError.self) { try outcome(text, chunk: 1000) }
    }

    @Test func anEndlessHeadIsRefused() {
        #expect(throws: ClientError.self) {
            var answer = HandshakeAnswer()
            for _ in 0..<3 { _ = try answer.take(ByteBuffer(repeating: 65, count: 1 << 19)) }
        }
    }
}
