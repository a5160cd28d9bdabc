import LexAPI

/// The metadata.yaml of an image: refused as a fault of who sent it, or taken within its bounds.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let text = String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) else {
        return 0
    }
    do throws(APIError) {
        let metadata = try ImageMetadata(yaml: text)
        precondition(!metadata.architecture.isEmpty && !metadata.architecture.contains("/"))
        precondition(metadata.properties.allSatisfy { !$0.key.contains("\n") && $0.value.utf8.count <= 65536 })
    } catch {
        precondition(error.status == 400 && !error.message.isEmpty)
    }
    return 0
}
