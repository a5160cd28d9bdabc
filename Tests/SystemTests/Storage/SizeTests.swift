import CLexLinux
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// How much disks may hold. That the kernel keeps to it is seen where it has quotas of projects: `scripts/test-vm sizes`.
    @Suite struct Sizes {
        /// Where nothing can limit it, a size is kept and refused when it is to count, and then nothing has changed.
        @Test(arguments: ClientProgram.allCases)
        func whereThereAreNoQuotas(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.noQuotas(name) }
        }
    }
}

extension DaemonFixture {
    fileprivate func noQuotas(_ name: ClientProgram) async throws {
        // In memory there are none, whatever the machine's disk has.
        let place = path("memory")
        try makeDirectories(place)
        try await Program("mount")("-t", "tmpfs", "-o", "size=64m", "lexd-test", place)
        do { try await noQuotas(program(name), in: place) } catch {
            _ = try? await Program("umount")("--lazy", place)
            throw error
        }
        try await Program("umount")(place)
    }

    private func noQuotas(_ client: Program, in place: String) async throws {
        try makeDirectories("\(place)/pool")
        try await client("storage", "create", "small", "dir", "source=\(place)/pool")
        let reason = "has no quotas of projects"
        try await client("init", "busybox", "c1", "-s", "small")
        try await client("config", "device", "set", "c1", "root", "size=20MiB")
        #expect(try await client("config", "device", "get", "c1", "root", "size") == "20MiB\n")
        for _ in 0..<2 {
            let refused = try await client.run("start", "c1")
            #expect(refused.status == 1 && refused.errors.contains(reason), "\(refused.errors)")
            #expect(refused.errors.contains("20MiB") && refused.errors.contains("prjquota"), "\(refused.errors)")
        }
        // The pool's file system is the test's own.
        try await eventually("nothing is left of the start") {
            try await inconsistencies().filter { !$0.contains(place) }.isEmpty
        }
        try await client("config", "device", "unset", "c1", "root", "size")
        try await client("start", "c1")
        // While it runs the answer comes at once.
        let refused = try await client.run("config", "device", "set", "c1", "root", "size=30MiB")
        #expect(refused.status == 1 && refused.errors.contains(reason), "\(refused.errors)")
        #expect(try await client("config", "device", "get", "c1", "root", "size") == "\n")
        for bad in ["0", "-1", "much", "9EiB"] {
            let answer = try await client.run("config", "device", "set", "c1", "root", "size=\(bad)")
            #expect(answer.status == 1 && answer.errors.contains("size"), "\(bad): \(answer.errors)")
        }
        try await client("delete", "-f", "c1")

        let volume = try await client.run("storage", "volume", "create", "small", "data", "size=1MiB")
        #expect(volume.status == 1 && volume.errors.contains(reason), "\(volume.errors)")
        #expect(try await !client("storage", "volume", "list", "small", "-f", "csv").contains("data"))
        try await client("storage", "volume", "create", "small", "data")
        #expect(try await client.run("storage", "volume", "set", "small", "data", "size=1MiB").status == 1)
        #expect(try await !client("storage", "volume", "get", "small", "data", "size").contains("MiB"))
        try await client("storage", "volume", "delete", "small", "data")

        try await client("storage", "set", "small", "volume.size", "5MiB")
        #expect(try await client.run("storage", "volume", "create", "small", "data").errors.contains(reason))
        try await client("init", "busybox", "c2", "-s", "small")
        #expect(try await client.run("start", "c2").errors.contains("5MiB"))
        try await client("storage", "unset", "small", "volume.size")
        try await client("start", "c2")
        try await client("delete", "-f", "c2")
        try await client("storage", "delete", "small")
    }
}
