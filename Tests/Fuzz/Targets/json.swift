import FoundationEssentials
import LexAPI

/// An endpoint that can read its own body.
protocol BodyReader: Sendable {
    func read(_ data: Data) throws(APIError)
}

extension Endpoint: BodyReader {
    /// What is refused must be refused as the caller's fault, with a reason; what was taken must be writable again.
    func read(_ data: Data) throws(APIError) {
        do {
            let body = try JSONCoding.decode(Body.self, from: data)
            _ = try JSONCoding.encode(body)
        } catch let error as APIError {
            precondition(error.status == 400 && !error.message.isEmpty)
        } catch {
            // A number that JSON cannot hold is the one thing that can be read and not be written.
            precondition("\(error)".contains("Unable to encode"), "\(error)")
        }
    }
}

private let readers = API.all.compactMap { $0 as? any BodyReader }

/// The body of any endpoint: the first byte chooses which, the rest is the body.
@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: start, count: count)
    guard let first = bytes.first else { return 0 }
    try? readers[Int(first) % readers.count].read(Data(bytes.dropFirst()))
    return 0
}
