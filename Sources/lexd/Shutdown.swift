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
        _ = try await client.call(API.server.shutdown, body: Empty())
        try await client.close()
    }
}
