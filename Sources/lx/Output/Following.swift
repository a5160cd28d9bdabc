import Glibc
import LexAPI
import LexClient

extension GlobalOptions {
    /// Sends a request and waits for what the server begins for it, with a progress line for the person who waits.
    @discardableResult
    func run<Body, Reply>(
        _ client: Client, saying title: String, _ endpoint: Endpoint<Body, Reply>, path: [String: String] = [:],
        body: Body? = nil, ifMatch: String? = nil
    ) async throws -> LexAPI.Operation? {
        let begun = try await client.start(endpoint, path: path, body: body, ifMatch: ifMatch)
        guard let begun else { return nil }
        return try await follow(client, begun, saying: title)
    }

    /// Waits for an operation. Ctrl-C asks the server to cancel it; a second Ctrl-C leaves it alone.
    func follow(
        _ client: Client, _ operation: LexAPI.Operation, saying title: String
    ) async throws -> LexAPI.Operation {
        let signals = Signals([SIGINT]) { $0 }
        defer { signals.cancel() }
        let quiet = quiet
        return try await ProgressLine.during(title, quiet: quiet) { line in
            async let _: Void = Self.cancel(operation, on: client, when: signals)
            return try await client.wait(for: operation) { now in
                if let text = now.progressText { line.set(text) }
            }
        }
    }

    private static func cancel(_ operation: LexAPI.Operation, on client: Client, when signals: Signals<Int32>) async {
        var asked = false
        for await _ in signals.stream {
            if asked {
                StandardError.line("\nStopped waiting; the server goes on with: \(operation.description)")
                exit(130)
            }
            asked = true
            do {
                try await client.cancel(operation)
            } catch {
                StandardError.line(
                    "\nCannot cancel \"\(operation.description)\": \(error). Press Ctrl-C again to stop waiting")
            }
        }
    }
}
