import NIOCore
import NIOWebSocket
import Testing

@testable import LexClient

@Suite struct WebSocketAssemblyTests {
    private func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test func textIsGivenWholeAndBytesAsTheyCome() throws {
        var assembly = WebSocketAssembly(longestText: 1024)
        #expect(try assembly.take(.text, final: false, bytes("a")) == .wait)
        #expect(try assembly.take(.continuation, final: false, bytes("b")) == .wait)
        #expect(try assembly.take(.continuation, final: true, bytes("c")) == .deliver(.text(bytes("abc"))))
        #expect(try assembly.take(.binary, final: false, bytes("x")) == .deliver(.bytes(bytes("x"))))
        #expect(try assembly.take(.continuation, final: true, bytes("y")) == .deliver(.bytes(bytes("y"))))
    }

    @Test func anEmptyTextIsATextAndAnEmptyBinaryIsNothing() throws {
        var assembly = WebSocketAssembly(longestText: 1024)
        #expect(try assembly.take(.text, final: true, bytes("")) == .deliver(.text(bytes(""))))
        #expect(try assembly.take(.binary, final: true, bytes("")) == .wait)
    }

    @Test func controlFramesMayStandInsideAMessage() throws {
        var assembly = WebSocketAssembly(longestText: 1024)
        #expect(try assembly.take(.text, final: false, bytes("a")) == .wait)
        #expect(try assembly.take(.ping, final: true, bytes("p")) == .answerPing(bytes("p")))
        #expect(try assembly.take(.pong, final: true, bytes("p")) == .wait)
        #expect(try assembly.take(.connectionClose, final: true, bytes("")) == .close(bytes("")))
        #expect(try assembly.take(.continuation, final: true, bytes("b")) == .deliver(.text(bytes("ab"))))
    }

    @Test func breachesAreRefused() {
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly(longestText: 1024)
            _ = try assembly.take(.continuation, final: true, bytes("x"))
        }
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly(longestText: 1024)
            _ = try assembly.take(.text, final: false, bytes("x"))
            _ = try assembly.take(.binary, final: true, bytes("y"))
        }
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly(longestText: 3)
            _ = try assembly.take(.text, final: false, bytes("ab"))
            _ = try assembly.take(.continuation, final: true, bytes("cd"))
        }
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly(longestText: 3)
            _ = try assembly.take(.text, final: true, bytes("abcd"))
        }
    }

    @Test func aTextHasNoMoreFramesThanItMay() throws {
        var assembly = WebSocketAssembly(longestText: 8)
        #expect(try assembly.take(.text, final: false, bytes("")) == .wait)
        for _ in 2..<WebSocketAssembly.mostFrames {
            #expect(try assembly.take(.continuation, final: false, bytes("")) == .wait)
        }
        let last = assembly
        #expect(try assembly.take(.continuation, final: true, bytes("x")) == .deliver(.text(bytes("x"))))
        assembly = last
        #expect(try assembly.take(.continuation, final: false, bytes("x")) == .wait)
        #expect(throws: WebSocketAssembly.Violation.self) {
            try assembly.take(.continuation, final: true, bytes(""))
        }
    }
}
