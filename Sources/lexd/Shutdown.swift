import ArgumentParser
import LexAPI
import LexClient

/// `lexd shutdown`: the clean end of everything.
struct Shutdown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shutdown",
        abstract: "Stop all instances cleanly, then end the daemon.",
        discussion: "Instances that ran are started again with the daemon.")

    @Option(help: "Seconds to wait for the end; 0 for as long as it takes.")
    var timeout: Int64 = 0

    func run() async throws {
        let client = Client(DaemonSettings().address)
        defer { Task { try? await client.close() } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await client.call(API.server.shutdown, body: Empty()) }
            if timeout > 0 {
                group.addTask { [timeout] in
                    try await Task.sleep(for: .seconds(timeout))
                    throw ValidationError(
                        "lexd has not ended within \(timeout) s. It goes on ending; its log says what it waits for")
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }
}
