import Glibc
import LexHost
import LexIPC
import Testing

extension DaemonFixture {
    /// Does something that is quick; when it takes more than a minute, that is an issue which says what the daemon is at.
    /// It goes on then: whatever ends it belongs to the picture.
    package func expectingSoon<Result>(
        _ what: String, _ work: () async throws -> Result
    ) async rethrows -> Result {
        let watch = Task {
            try await Task.sleep(for: .seconds(60))
            Issue.record("\(what) takes more than a minute\n\(await picture())")
        }
        defer { watch.cancel() }
        return try await work()
    }

    /// The ends of the daemon's connections with the bytes that wait there, where its threads are, and the end of its log.
    private func picture() async -> String {
        var lines = ["--- connections"]
        let sockets = try? await Program("ss").run("--unix", "--processes", "--no-header")
        lines += (sockets?.text ?? "").split(separator: "\n").map(String.init).filter { $0.contains(directory) }
        lines.append("--- threads")
        if let process = daemonProcess?.id {
            for thread in (try? directoryNames("/proc/\(process)/task").sorted()) ?? [] {
                func read(_ name: String) -> String {
                    let text = (try? readFile("/proc/\(process)/task/\(thread)/\(name)")) ?? ""
                    return String(text.prefix { !$0.isNewline })
                }
                lines.append("\(thread) \(read("comm")) \(read("wchan")) \(read("syscall"))")
            }
        }
        return (lines + ["--- log", logTail]).joined(separator: "\n")
    }
}
