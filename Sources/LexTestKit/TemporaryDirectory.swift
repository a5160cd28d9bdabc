import Glibc
import LexHost
import LexIPC

/// A directory for one test, removed with everything in it.
package func withTemporaryDirectory<Result>(
    _ body: (_ path: String) async throws -> Result
) async throws -> Result {
    var template = Array("/tmp/lexd-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("make a directory below", "/tmp") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    do {
        let result = try await body(path)
        try removeTree(path)
        return result
    } catch {
        try? removeTree(path)
        throw error
    }
}
