import NIOCore
import NIOEmbedded
import NIOWebSocket

/// Frames as they come from the other side, in one piece and byte by byte: both must make the same messages, no text
/// longer than its bound, and nothing out of frames that go on with what has not begun. Daemon and client read by it.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    let whole = messages(of: [ByteBuffer(bytes: bytes)])
    let single = messages(of: bytes.prefix(4096).map { ByteBuffer(bytes: [$0]) })
    if count <= 4096 { precondition(whole == single) }
    return 0
}

private let longestText = 1 << 10

private func messages(of pieces: [ByteBuffer]) -> [WebSocketAssembly.Step] {
    let channel = EmbeddedChannel(
        handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 16)), loop: EmbeddedEventLoop())
    var assembly = WebSocketAssembly(longestText: longestText)
    var steps: [WebSocketAssembly.Step] = []
    var isOpen = false
    do {
        for piece in pieces {
            // What came before a broken frame counts.
            let broken = Result { try channel.writeInbound(piece) }
            while let frame = try channel.readInbound(as: WebSocketFrame.self) {
                let step = try assembly.take(frame.opcode, final: frame.fin, frame.unmaskedData)
                if case .deliver(.text(let text)) = step { precondition(text.readableBytes <= longestText) }
                switch frame.opcode {
                case .text, .binary:
                    precondition(!isOpen)
                    isOpen = !frame.fin
                case .continuation:
                    precondition(isOpen)
                    isOpen = !frame.fin
                default: break
                }
                steps.append(step)
                // Nothing comes after a close.
                if case .close = step { throw CancellationError() }
            }
            _ = try broken.get()
        }
    } catch {}
    _ = try? channel.finish(acceptAlreadyClosed: true)
    return steps
}
