import LexIPC

/// What the processes a helper forks are found again by, when the helper itself was killed: a variable in its
/// environment, which they all inherit. The programs inside an instance do not have it, liblxc's monitor does.
package struct HelperMark: Sendable {
    static let variable = "LEXD_START"
    /// Unlike that of any other helper on this machine: a path of the daemon's own.
    let value: String

    package init(_ value: String) { self.value = value }

    /// Ends all processes that carry it: each by itself within `patience`, else by force.
    package func endAll(within patience: Duration) async throws {
        let line = "\(Self.variable)=\(value)"
        // Again until there is none: one may have forked while we looked.
        while true {
            let found = try await blocking {
                try RunningProcess.all().compactMap { id -> RunningProcess? in
                    // First the hold, then the question: an answer is about the one held.
                    guard let process = try? RunningProcess(id),
                        let environment = try? readFile("/proc/\(id)/environ", limit: 1 << 20),
                        environment.split(separator: "\0").contains(Substring(line))
                    else { return nil }
                    return process
                }
            }
            if found.isEmpty { return }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for process in found {
                    group.addTask { try await process.end(within: patience, asking: nil) }
                }
                try await group.waitForAll()
            }
        }
    }
}
