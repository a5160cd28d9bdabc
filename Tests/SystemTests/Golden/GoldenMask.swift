import LexAPI

/// Puts names in place of what differs from one run, host or daemon to the next.
struct GoldenMask {
    /// What is called differently on every daemon, and what to write instead.
    let names: [String: String]

    /// Numbers that are measured. Those that say by being 0 that there is nothing stay 0.
    private static let measures: Set = [
        "usage", "usage_peak", "pid", "processes", "size", "used", "total", "server_pid",
    ]
    /// Numbers that are measured and may be 0 by chance.
    private static let counters: Set = [
        "swap_usage", "swap_usage_peak", "bytes_received", "bytes_sent", "packets_received", "packets_sent",
        "errors_received", "errors_sent", "packets_dropped_outbound", "packets_dropped_inbound",
    ]
    /// What an operation tells of its progress, which is a matter of time, and of what there is to do.
    private static let progress: Set = [
        "progress", "container_progress", "download_progress", "create_instance_from_image_unpack_progress",
        "create_image_from_container_pack_progress",
    ]
    /// Texts about the host.
    private static let facts: Set = [
        "kernel", "kernel_architecture", "kernel_version", "os_name", "os_version", "server_name", "certificate",
        "certificate_fingerprint", "driver_version", "fingerprint", "firewall",
    ]

    func masked(_ value: JSONValue) -> JSONValue { masked(value, name: "") }

    private func masked(_ value: JSONValue, name: String) -> JSONValue {
        switch value {
        case .int(let number):
            if Self.counters.contains(name) { return 1 }
            return Self.measures.contains(name) && number != 0 ? 1 : value
        case .string(let text):
            return .string(Self.facts.contains(name) && !text.isEmpty ? "FACT" : masked(text))
        case .array(let elements):
            let all = elements.filter { !isForeignNetwork($0) }.map { masked($0, name: name) }
            // What a thing is used by comes in no order.
            return .array(all.allSatisfy { $0.text?.hasPrefix("/1.0/") == true } ? all.sorted(by: isBefore) : all)
        case .object(let all):
            let members = all.filter { !Self.progress.contains($0.key) }
            if members.isEmpty, !all.isEmpty { return .null }
            // What the kernel and liblxc can do.
            if name.hasSuffix("_features") { return .object(members.mapValues { _ in "FACT" }) }
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { (masked($0.key), masked($0.value, name: $0.key)) }))
        case .null, .bool, .double:
            return value
        }
    }

    private func masked(_ text: String) -> String {
        var text = text
        for (name, mask) in names where !name.isEmpty {
            // The short ones are parts of other words.
            if text == name || name.utf8.count > 4 { text = text.replacing(name, with: mask) }
        }
        return
            text
            .replacing(#/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/#, with: "UUID")
            .replacing(#/[0-9a-f]{64}/#, with: "FINGERPRINT")
            .replacing(#/\b[0-9a-f]{12}\b/#, with: "FINGERPRINT")
            .replacing(#/\b(veth|lexd)[0-9a-f]{8}\b/#, with: "VETH")
            .replacing(#/8000\.[0-9a-f]{12}/#, with: "BRIDGE-ID")
            .replacing(#/(00:16:3e|10:66:6a)(:[0-9a-f]{2}){3}/#, with: "MAC")
            .replacing(#/20[0-9]{2}-[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+)/#, with: "TIME")
            .replacing(#/(Hostid|Maprange)":[0-9]+/#) { "\($0.output.1)\":1" }
            .replacing(#/\b10(\.[0-9]{1,3}){3}\b/#, with: "ADDRESS")
            .replacing(#/\bf[de][0-9a-f]{2}(:[0-9a-f]{0,4}){2,7}/#, with: "ADDRESS6")
    }

    private func isBefore(_ one: JSONValue, _ other: JSONValue) -> Bool { (one.text ?? "") < (other.text ?? "") }

    /// Whether this is a link of the host that is neither the daemon's nor everywhere.
    private func isForeignNetwork(_ value: JSONValue) -> Bool {
        let prefix = "/1.0/networks/"
        if let path = value.text, path.hasPrefix(prefix) {
            let name = String(path.dropFirst(prefix.count))
            return name != "lo" && !names.keys.contains(name)
        }
        return value["managed"] == false && value["name"] != "lo"
    }

    /// The first answer about an operation whose end is awaited too. It may have ended before the answer was written.
    static func early(_ value: JSONValue) -> JSONValue {
        guard case .object(var answer) = value, case .object(var body)? = answer["body"],
            case .object(var operation)? = body["metadata"]
        else { return value }
        for name in ["status", "status_code", "err", "metadata"] { operation[name] = "EARLY" }
        body["metadata"] = .object(operation)
        answer["body"] = .object(body)
        return .object(answer)
    }

    /// Drops what is not about one thing from all lists, and lists of which nothing is left.
    static func only(_ text: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        var kept: [String: JSONValue] = [:]
        for (name, member) in members {
            guard let elements = member.elements else {
                kept[name] = only(text, member)
                continue
            }
            let wanted = elements.filter { "\($0)".contains(text.split(separator: "/").last ?? "") }
            if !wanted.isEmpty { kept[name] = .array(wanted) }
        }
        return .object(kept)
    }
}
