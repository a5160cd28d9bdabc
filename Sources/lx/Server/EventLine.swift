import ArgumentParser
import LexAPI

/// How important a log line is, the most important first.
enum LogLevel: String, ExpressibleByArgument, CaseIterable, Comparable {
    case panic, fatal, error, warning, info, debug, trace

    init?(argument: String) {
        self.init(rawValue: argument == "warn" ? "warning" : argument.lowercased())
    }

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) > (allCases.firstIndex(of: right) ?? 0)
    }
}

/// An event in one line, in the manner of a log: `time="…" level=info msg="…" key=value …`.
enum EventLine {
    /// Nil for a log line below the lowest level wanted.
    static func text(_ event: JSONValue, lowest: LogLevel) -> String? {
        let metadata = event["metadata"] ?? .null
        var level = "info"
        let message: String
        var facts: [String: String] = [:]
        switch event["type"]?.text {
        case "logging":
            level = metadata["level"]?.text ?? "info"
            if level == "warn" { level = "warning" }
            if let known = LogLevel(rawValue: level), known < lowest { return nil }
            message = metadata["message"]?.text ?? ""
            facts = (metadata["context"]?.members ?? [:]).mapValues { $0.text ?? GoText.of($0) }
        case "lifecycle":
            message = lifecycle(metadata)
            facts = (metadata["context"]?.members ?? [:]).mapValues { $0.text ?? GoText.of($0) }
        default:
            message =
                "ID: \(metadata["id"]?.text ?? ""), Class: \(metadata["class"]?.text ?? ""),"
                + " Description: \(metadata["description"]?.text ?? "")"
            facts = operation(metadata)
        }
        if level != "info" && event["type"]?.text != "logging" { return nil }
        if LogLevel.info < lowest && event["type"]?.text != "logging" { return nil }
        let seconds = event["timestamp"]?.text.flatMap { Timestamp($0) }.map { Timestamp(seconds: $0.seconds).text }
        let pairs = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted($0.value))" }.joined()
        return "time=\"\(seconds ?? "")\" level=\(level) msg=\(quoted(message))\(pairs)"
    }

    private static func lifecycle(_ metadata: JSONValue) -> String {
        var text = "Action: \(metadata["action"]?.text ?? ""), Source: \(metadata["source"]?.text ?? "")"
        if let requestor = metadata["requestor"], requestor != .null {
            text +=
                ", Requestor: \(requestor["protocol"]?.text ?? "")/\(requestor["username"]?.text ?? "")"
                + " (\(requestor["address"]?.text ?? ""))"
        }
        return text
    }

    private static func operation(_ metadata: JSONValue) -> [String: String] {
        func moment(_ name: String) -> String {
            let text = metadata[name]?.text ?? ""
            return text.hasSuffix("Z")
                ? text.dropLast().map { $0 == "T" ? " " : String($0) }.joined() + " +0000 UTC" : text
        }
        return [
            "CreatedAt": moment("created_at"), "UpdatedAt": moment("updated_at"), "Err": metadata["err"]?.text ?? "",
            "Location": metadata["location"]?.text ?? "", "MayCancel": GoText.of(metadata["may_cancel"] ?? false),
            "Metadata": GoText.of(metadata["metadata"] ?? .object([:])),
            "Resources": GoText.of(metadata["resources"] ?? .object([:])), "Status": metadata["status"]?.text ?? "",
            "StatusCode": metadata["status"]?.text ?? "",
        ]
    }

    /// In quotes unless nothing in it could be misread.
    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-._/@^+".utf8.contains(byte)
            }
        }
        return plain ? text : JSONText.compact(.text(text))
    }
}

/// Values as Go's `%v` writes them, which scripts that read such lines expect.
enum GoText {
    static func of(_ value: JSONValue) -> String {
        switch value {
        case .null: "map[]"
        case .bool(let value): String(value)
        case .int(let value): String(value)
        case .double(let value): JSONText.number(value)
        case .string(let value): value
        case .array(let elements): "[" + elements.map(of).joined(separator: " ") + "]"
        case .object(let members):
            "map[" + members.sorted { $0.key < $1.key }.map { "\($0.key):\(of($0.value))" }.joined(separator: " ") + "]"
        }
    }
}
