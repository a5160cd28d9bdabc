import NIOCore

/// A multipart body, in one piece and in small ones: both must give the same parts and bytes.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    guard let splitter = FormSplitter(contentType: "multipart/form-data; boundary=xyz") else { return 0 }
    let whole = Form(splitter, [ByteBuffer(bytes: bytes)])
    let single = Form(splitter, bytes.map { ByteBuffer(bytes: [$0]) })
    if whole.isGood && single.isGood { precondition(whole == single) }
    return 0
}

/// What a form comes to.
private struct Form: Equatable {
    var isGood = true
    var isComplete = false
    var headers: [[String: String]] = []
    var bytes: [[UInt8]] = []

    init(_ splitter: FormSplitter, _ chunks: [ByteBuffer]) {
        var splitter = splitter
        do {
            for chunk in chunks {
                for piece in try splitter.take(chunk) {
                    switch piece {
                    case .part(let named):
                        headers.append(named)
                        bytes.append([])
                        _ = FormSplitter.value("filename", of: named["content-disposition"])
                    case .bytes(let more):
                        precondition(!bytes.isEmpty)
                        bytes[bytes.count - 1] += Array(buffer: more)
                    }
                }
            }
        } catch {
            isGood = false
        }
        isComplete = splitter.isComplete
    }
}
