import ArgumentParser
import LexAPI
import LexClient

/// `lexd waitready`: for scripts that start a daemon.
struct WaitReady: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waitready", abstract: "Wait until the daemon is ready to serve requests.")

    @Option(help: "Seconds to wait before giving up; 0 for as long as it takes.")
    var timeout: Int64 = 0

    func run() async throws {
        let deadline = timeout > 0 ? ContinuousClock.now + .seconds(timeout) : nil
        let client = Client(DaemonSettings().address)
        defer { Task { try? await client.close() } }
        while true {
            do {
                _ = try await client.call(API.server.ready)
                return
            } catch {
                if let deadline, ContinuousClock.now > deadline {
                    throw NotReady(seconds: timeout, reason: "\(error)")
                }
                // The daemon may not even have its socket yet: there is nothing to wait on but time.
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// Why the wait has ended.
struct NotReady: Error, CustomStringConvertible {
    let seconds: Int64
    let reason: String

    var description: String {
        "lexd is not ready after \(seconds == 1 ? "1 second" : "\(seconds) seconds"): \(reason)"
    }
}
