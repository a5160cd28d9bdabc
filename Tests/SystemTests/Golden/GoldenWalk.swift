import FoundationEssentials
import LexAPI
import LexTestKit

/// Makes the requests of Requests.json to a daemon, ours or a stock LXD, and collects what it answers, masked.
struct GoldenWalk {
    let directory: String
    let image: [UInt8]
    /// What `${name}` stands for.
    private var values: [String: String]

    /// - Parameters:
    ///   - directory: The daemon's; its socket lies in it.
    ///   - driver: The driver of a new pool.
    init(directory: String, driver: String, image: [UInt8]) async throws {
        self.directory = directory
        self.image = image
        values = ["driver": driver, "bridge": "zt\(UInt16.random(in: 0...UInt16.max))"]
        let networks = try await ask("GET", "/1.0/networks?recursion=1")
        let first = networks.at("body.metadata")?.elements?.first { $0["managed"] == true }
        values["network"] = first?["name"]?.text
    }

    /// The answers to a group, by the names of the requests; and the events, when it listens.
    mutating func answers(_ group: GoldenGroup) async throws -> JSONValue {
        guard let path = group.listen, let last = group.until else { return .object(try await steps(group.steps)) }
        let connection = try RawConnection(path: "\(directory)/unix.socket")
        try connection.send(
            "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        let switching = try await connection.receiveBytes { String(decoding: $0, as: UTF8.self).contains("\r\n\r\n") }
        // Read while the requests are made: a daemon does not wait for a listener.
        async let rest = connection.receiveBytes(within: .seconds(120)) {
            String(decoding: $0, as: UTF8.self).contains(last)
        }
        var answers = try await steps(group.steps)
        let events = try GoldenEvents.parse(switching + (try await rest)).map(masked)
        answers["events"] = GoldenEvents.sorted(events)
        return .object(answers)
    }

    private mutating func steps(_ steps: [GoldenStep]) async throws -> [String: JSONValue] {
        var answers: [String: JSONValue] = [:]
        for step in steps { answers[step.name] = try await answer(step) }
        return answers
    }

    private mutating func answer(_ step: GoldenStep) async throws -> JSONValue {
        var answer = try await ask(step)
        if let until = step.until {
            let (walk, first) = (self, answer)
            answer = try await eventually("\(step.name): \(until.count) of \(until.at); first \(first)") {
                let value = try await walk.ask(step)
                let at = value.at(until.at)
                return (at?.elements?.count ?? at?.members?.count) == until.count ? value : nil
            }
        }
        if let operation = answer.at("body.operation")?.text, !operation.isEmpty {
            values["operation"] = operation
            if step.wait == true, case .object(var members) = GoldenMask.early(answer) {
                members["end"] = try await ask("GET", "\(operation)/wait?timeout=30")
                answer = .object(members)
            }
        }
        for (name, path) in step.keep ?? [:] { values[name] = answer.at(path)?.text }
        if let only = step.only { answer = GoldenMask.only(filled(only), answer) }
        return masked(answer)
    }

    private func masked(_ value: JSONValue) -> JSONValue {
        GoldenMask(names: [
            directory: "DIRECTORY", values["network"] ?? "": "NETWORK", values["bridge"] ?? "": "BRIDGE",
            values["driver"] ?? "": "DRIVER",
        ]).masked(value)
    }

    // MARK: asking

    private func ask(_ step: GoldenStep) async throws -> JSONValue {
        let words = filled(step.request).split(separator: " ").map(String.init)
        var body = Array(filled(step.text ?? "").utf8)
        if let json = step.body {
            let text = String(decoding: try JSONEncoder().encode(json), as: UTF8.self)
            body = Array(filled(text).utf8)
        }
        if step.upload != nil { body = image }
        return try await ask(words[0], words[1], body, step.headers ?? [:])
    }

    private func ask(
        _ method: String, _ path: String, _ body: [UInt8] = [], _ headers: [String: String] = [:]
    ) async throws -> JSONValue {
        let connection = try RawConnection(path: "\(directory)/unix.socket")
        defer { connection.close() }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try connection.send(Array("\(head)\r\n".utf8) + body)
        let bytes = try await connection.receiveBytes(within: .seconds(60))
        return try GoldenAnswer.parse(bytes)
    }

    private func filled(_ text: String) -> String {
        values.reduce(text) { $0.replacing("${\($1.key)}", with: $1.value) }
    }
}

/// What a daemon sends back, as JSON.
enum GoldenAnswer {
    /// The headers that say something about the API; the others are the library's.
    private static let headers: Set = [
        "content-type", "etag", "location", "content-disposition", "allow", "content-range", "x-lxd-uid", "x-lxd-gid",
        "x-lxd-mode", "x-lxd-type",
    ]

    static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        let (head, rest) = split(bytes)
        let lines = head.split(separator: "\r\n")
        let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int64($0) }
        var kept: [String: JSONValue] = [:]
        var isChunked = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            if name == "transfer-encoding", value == "chunked" { isChunked = true }
            if headers.contains(name) { kept[name] = .string(String(value)) }
        }
        let body = isChunked ? joined(rest[...]) : rest
        let json = try? JSONDecoder().decode(JSONValue.self, from: Data(body))
        let isBinary = kept["content-type"] == "application/octet-stream" && body.count > 4096
        let text = isBinary ? "BYTES" : String(decoding: body, as: UTF8.self)
        return ["status": .int(status ?? 0), "headers": .object(kept), "body": json ?? .string(text)]
    }

    /// The head of an HTTP answer and what follows it.
    static func split(_ bytes: [UInt8]) -> (head: String, rest: [UInt8]) {
        let end = Array("\r\n\r\n".utf8)
        guard let place = bytes.firstRange(of: end) else { return (String(decoding: bytes, as: UTF8.self), []) }
        return (String(decoding: bytes[..<place.lowerBound], as: UTF8.self), Array(bytes[place.upperBound...]))
    }

    /// A body that came in chunks.
    private static func joined(_ chunked: ArraySlice<UInt8>) -> [UInt8] {
        var rest = chunked
        var body: [UInt8] = []
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) ?? 0
            guard size > 0 else { break }
            body += rest[line.upperBound...].prefix(size)
            rest = rest[line.upperBound...].dropFirst(size + 2)
        }
        return body
    }
}
