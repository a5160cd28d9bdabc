/// An SFTP stream as a client or a guest's server may send it, in one piece and byte by byte: both are cut into the same
/// packets, every packet is read as a request and as a reply or refused, and what was read comes back the same.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let whole = packets(of: [bytes])
    if count <= 4096 { precondition(whole == packets(of: bytes.map { [$0] })) }
    for packet in whole {
        if let (id, request) = try? SFTPRequest.read(packet[...]) {
            var writer = SFTPWriter()
            writer.put(request, id: id)
            let again = try? SFTPRequest.read(writer.bytes.dropFirst(4))
            precondition(again?.request == request)
        }
        if let (id, reply) = try? SFTPReply.read(packet[...]) {
            var writer = SFTPWriter()
            writer.put(reply, id: id)
            let again = try? SFTPReply.read(writer.bytes.dropFirst(4))
            precondition(again?.reply == reply)
        }
    }
    return 0
}

private func packets(of pieces: [[UInt8]]) -> [[UInt8]] {
    var frames = SFTPFrames()
    var packets: [[UInt8]] = []
    for piece in pieces {
        frames.append(piece)
        do {
            while let packet = try frames.next() { packets.append(Array(packet)) }
        } catch {
            break
        }
    }
    return packets
}
