import LexAPI
import LexTestKit
import Testing

extension SystemTests {
    /// What a daemon leaves on the host.
    @Suite struct TracesOnTheHost {
        @Test func aDaemonWithoutInstancesLeavesNothing() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                #expect(try await daemon.shell("c1", "echo hi") == "hi")
                try await daemon.stop("c1")
            }
        }
    }
}
