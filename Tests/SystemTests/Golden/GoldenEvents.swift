import FoundationEssentials
import LexAPI

/// The events of a websocket.
enum GoldenEvents {
    /// The texts among the frames that follow the answer to the upgrade. A server's frames are not masked.
    static func parse(_ bytes: [UInt8]) throws -> [JSONValue] {
        var rest = GoldenAnswer.split(bytes).rest[...]
        var events: [JSONValue] = []
        while let first = rest.popFirst(), let size = rest.popFirst() {
            let wide = [126: 2, 127: 8][Int(size)] ?? 0
            let count = wide == 0 ? Int(size) : rest.prefix(wide).reduce(0) { $0 << 8 | Int($1) }
            let payload = rest.dropFirst(wide).prefix(count)
            rest = rest.dropFirst(wide + count)
            // The last one may have come in part.
            if first & 0x0f == 1, payload.count == count {
                events.append(try JSONDecoder().decode(JSONValue.self, from: Data(payload)))
            }
        }
        return events
    }

    /// The first event of each kind: those of operations by description and status, those of a life by action. How often
    /// an operation tells of its progress is a matter of time.
    static func sorted(_ events: [JSONValue]) -> JSONValue {
        var kinds: [String: JSONValue] = [:]
        for event in events {
            let facts = event["metadata"]
            let names = [facts?["action"], facts?["description"], facts?["status"]].compactMap { $0?.text }
            let kind = "\(event["type"]?.text ?? "") \(names.joined(separator: " "))"
            if kinds[kind] == nil { kinds[kind] = event }
        }
        return .object(kinds)
    }
}
