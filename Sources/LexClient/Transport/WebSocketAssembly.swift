package import NIOCore
package import NIOWebSocket

/// Makes parts of messages out of the frames of a websocket; decides only, and does nothing. Both sides read by it.
///
/// Text is given whole, since LXD sends JSON and its marker for the end of a stream in text messages. Binary messages
/// are given in the pieces they come in: LXD's streams have no use for their borders.
package struct WebSocketAssembly {
    /// Something the other side said.
    package enum Part: Equatable, Sendable {
        /// A whole text message.
        case text(ByteBuffer)
        /// The next bytes of a stream.
        case bytes(ByteBuffer)
    }

    /// What is to be done about a frame.
    package enum Step: Equatable {
        /// Give this to the reader.
        case deliver(Part)
        /// Send this back in a pong.
        case answerPing(ByteBuffer)
        /// The other side ends the connection: send the code back and end it.
        case close(ByteBuffer)
        /// Nothing; more will come.
        case wait
    }

    /// A breach of RFC 6455 by the other side.
    package struct Violation: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private enum Message {
        case text(ByteBuffer, frames: Int)
        case binary
    }
    private var message: Message?
    private let longestText: Int

    /// The most frames of one text: each is copied behind those before, and may be empty.
    package static let mostFrames = 4096

    /// An assembly that has seen nothing yet; a text may have so many bytes.
    package init(longestText: Int) {
        self.longestText = longestText
    }

    /// Takes the next frame, whose data is unmasked, and says what is to be done.
    package mutating func take(_ opcode: WebSocketOpcode, final: Bool, _ data: ByteBuffer) throws(Violation) -> Step {
        switch opcode {
        case .ping: return .answerPing(data)
        case .pong: return .wait
        case .connectionClose: return .close(data)
        case .text:
            guard message == nil else { throw Violation(description: "a message began inside another") }
            message = .text(ByteBuffer(), frames: 0)
            return try more(data, final: final)
        case .binary:
            guard message == nil else { throw Violation(description: "a message began inside another") }
            message = .binary
            return try more(data, final: final)
        case .continuation: return try more(data, final: final)
        default: throw Violation(description: "a frame of the unknown kind \(Int(webSocketOpcode: opcode))")
        }
    }

    private mutating func more(_ data: ByteBuffer, final: Bool) throws(Violation) -> Step {
        switch message {
        case nil: throw Violation(description: "a message went on that had not begun")
        case .binary:
            if final { message = nil }
            return data.readableBytes > 0 ? .deliver(.bytes(data)) : .wait
        case .text(var text, let frames):
            guard data.readableBytes <= longestText - text.readableBytes else {
                throw Violation(description: "a text message of more than \(longestText) bytes")
            }
            guard frames < Self.mostFrames else {
                throw Violation(description: "a text message of more than \(Self.mostFrames) frames")
            }
            text.writeImmutableBuffer(data)
            message = final ? nil : .text(text, frames: frames + 1)
            return final ? .deliver(.text(text)) : .wait
        }
    }
}
