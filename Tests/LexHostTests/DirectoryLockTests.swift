import LexTestKit
import Testing

@testable import LexHost

@Suite struct DirectoryLockTests {
    @Test func aDirectoryIsOnesOnly() async throws {
        try await withTemporaryDirectory { directory in
            var first = try DirectoryLock(directory)
            #expect(first != nil)
            #expect(try DirectoryLock(directory) == nil)
            first = nil
            #expect(try DirectoryLock(directory) != nil)
            #expect(throws: (any Error).self) { try DirectoryLock(directory + "/none") }
        }
    }
}
