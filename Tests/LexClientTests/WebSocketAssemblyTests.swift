import NIOCore
import NIOWebSocket
import Testing

@testable import LexClient

@Suite struct WebSocketAssemblyTests {
    private func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test func textIsGivenWholeAndBytesAsTheyCome() throws {
        var assembly = WebSocketAssembly()
        #expect(try assembly.take(.text, final: false, bytes("a")) == .wait)
        #expect(try assembly.take(.continuation, final: false, bytes("b")) == .wait)
        #expect(try assembly.take(.continuation, final: true, bytes("c")) == .deliver(.text("abc")))
        #expect(try assembly.take(.binary, final: false, bytes("x")) == .deliver(.bytes(bytes("x"))))
        #expect(try assembly.take(.continuation, final: true, bytes("y")) == .deliver(.bytes(bytes("y"))))
    }

    @Test func anEmptyTextIsATextAndAnEmptyBinaryIsNothing() throws {
        var assembly = WebSocketAssembly()
        #expect(try assembly.take(.text, final: true, bytes("")) == .deliver(.text("")))
        #expect(try assembly.take(.binary, final: true, bytes("")) == .wait)
    }

    @Test func controlFramesMayStandInsideAMessage() throws {
        var assembly = WebSocketAssembly()
        #expect(try assembly.take(.text, final: false, bytes("a")) == .wait)
        #expect(try assembly.take(.ping, final: true, bytes("p")) == .answerPing(bytes("p")))
        #expect(try assembly.take(.pong, final: true, bytes("p")) == .wait)
        #expect(try assembly.take(.connectionClose, final: true, bytes("")) == .close(bytes("")))
        #expect(try assembly.take(.continuation, final: true, bytes("b")) == .deliver(.text("ab")))
    }

    @Test func breachesAreRefused() {
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly()
            _ = try assembly.take(.continuation, final: true, bytes("x"))
        }
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly()
            _ = try assembly.take(.text, final: false, bytes("x"))
            _ = try assembly.take(.binary, final: true, bytes("y"))
        }
        #expect(throws: WebSocketAssembly.Violation.self) {
            var assembly = WebSocketAssembly(longestText: 3)
            _ = try assembly.take(.text, final: false, bytes("ab"))
            _ = try assembly.take(.continuation, final: true, bytes("cd"))
        }
    }
}
