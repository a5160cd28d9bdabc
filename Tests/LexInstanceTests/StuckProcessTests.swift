import LexHost
import LexTestKit
import Testing

@testable import LexInstance

/// Which processes are said to keep an instance from being frozen.
@Suite struct StuckProcessTests {
    private func process(_ id: Int, _ state: String, _ name: String, in place: String) throws {
        let directory = "\(place)/proc/\(id)"
        try makeDirectories("\(directory)/task/\(id)")
        // Whoever reads it may wait for ever.
        try replaceFile("\(directory)/cmdline", "command\0line".utf8)
        try replaceFile("\(directory)/task/\(id)/stat", "\(id) (\(name)) \(state) 1 2 3".utf8)
        try replaceFile("\(directory)/task/\(id)/wchan", (state == "D" ? "request_wait_answer" : "0").utf8)
    }

    @Test func whoWaitsInTheKernelIsNamed() async throws {
        try await withTemporaryDirectory { try named(in: $0) }
    }

    private func named(in place: String) throws {
        try makeDirectories("\(place)/group/inner")
        try replaceFile("\(place)/group/cgroup.procs", "1\n2\n".utf8)
        try replaceFile("\(place)/group/inner/cgroup.procs", "3\n9\n".utf8)
        try process(1, "S", "init", in: place)
        try process(2, "R", "a) D (b", in: place)
        try process(3, "S", "sleep", in: place)
        func text() -> String {
            StuckProcesses.explanation(
                of: "\(place)/group", CgroupLayout(mounts: ""), processes: "\(place)/proc")
        }
        #expect(text() == "the kernel was not done in a second; try it again")
        try process(3, "D", "cat f\u{1b}[2J", in: place)
        #expect(text().hasPrefix("process 3 \"cat f?[2J\" (request_wait_answer) waits in the kernel, for a file"))
        try process(1, "D", "a) D (b", in: place)
        #expect(text().contains("process 1 \"a) D (b\" (request_wait_answer), process 3 "))
        #expect(text().contains(" wait in the kernel"))
        try replaceFile("\(place)/group/cgroup.procs", String(repeating: "2\n", count: 1022).utf8)
        #expect(text().hasPrefix("process 3 "))
        // No more than 1024 are looked at.
        try replaceFile("\(place)/group/cgroup.procs", String(repeating: "2\n", count: 1024).utf8)
        #expect(text() == "the kernel was not done in a second; try it again")
    }
}
