import ArgumentParser
import LexAPI
import LexClient

/// `lx query`
struct Query: Command {
    static let configuration = CommandConfiguration(
        abstract: "Send a request of your own to the server.",
        discussion: """
              lx query /1.0/instances?recursion=1
              lx query -X PUT -d '{"action": "stop"}' --wait /1.0/instances/web/state
            """)

    @Option(
        name: [.customShort("X", allowingJoined: true), .long], parsing: .unconditional, help: "The HTTP method.")
    var request: String = "GET"
    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditional,
        help: "The body; - for standard input.")
    var data: String = ""
    @Flag(help: "When the server begins an operation, wait for its end and show it.")
    var wait = false
    @Flag(help: "Show the whole answer, with its envelope.")
    var raw = false
    @Argument(help: "The path, such as /1.0/instances.")
    var path: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        guard !(raw && wait) else { throw Failure("Give either --raw or --wait, not both") }
        guard let method = Method(rawValue: request.uppercased()) else {
            throw Failure("\"\(request)\" is no HTTP method; there are GET, HEAD, PUT, PATCH, POST and DELETE")
        }
        let reference = path.hasPrefix("/") ? nil : try Reference(path)
        let path = reference?.name ?? path
        guard path.hasPrefix("/") else { throw Failure("A path begins with a slash; \"\(path)\" does not") }
        let body = data == "-" ? try StandardInput.all() ?? "" : data
        try await global.withServer(reference?.remote ?? .local) { client in
            let answer = try await client.raw(
                method, path, body: body.isEmpty ? nil : Array(body.utf8),
                headers: body.isEmpty ? [] : [("Content-Type", "application/json")])
            try await show(answer, client)
        }
    }

    private func show(_ answer: RawAnswer, _ client: Client) async throws {
        guard let envelope = try? JSONValue.parse(answer.body) else {
            // Logs and files come without an envelope.
            return try StandardOutput.write(String(decoding: answer.body, as: UTF8.self))
        }
        if envelope["type"]?.text == "error" || answer.status >= 400 {
            throw Failure(envelope["error"]?.text ?? "The server refused with status \(answer.status)")
        }
        if raw { return try StandardOutput.write(JSONText.indented(answer.body) + "\n\n") }
        var result = envelope["metadata"] ?? .null
        if wait, envelope["type"]?.text == "async" {
            let end = try await global.follow(
                client, result.decoded(as: LexAPI.Operation.self), saying: "Waiting for the operation")
            result = try await client.call(API.operations.get, as: JSONValue.self, path: ["id": end.id])
        }
        if result == .null || result == .object([:]) { return }
        try StandardOutput.write(JSONText.indented(JSONText.compact(Tree(result)).utf8) + "\n\n")
    }
}
