import LexAPI

/// What `lx explain` says of an instance.
enum ExplanationReport {
    static func text(_ name: String, _ explanation: Instance.Explanation) -> String {
        var lines = ["Name: \(printable(name))", "Status: \(explanation.status.uppercased())"]
        lines += moment("Last start", explanation.lastStart) + moment("Last stop", explanation.lastStop)
        lines += moment("Last start that failed", explanation.lastFailure)
        lines += titled("Configuration", config(explanation.config, isVolatile: false))
        lines += titled("Devices", devices(explanation.devices))
        lines += titled("Kept by lexd", config(explanation.config, isVolatile: true))
        if let run = explanation.run { lines += self.run(run) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func moment(_ title: String, _ moment: Instance.Explanation.Moment?) -> [String] {
        moment.map { ["\(title): \(Quantities.local($0.at)), \(printable($0.cause))"] } ?? []
    }

    private static func config(
        _ settings: [String: Instance.Explanation.Setting], isVolatile: Bool
    ) -> [String] {
        settings.filter { $0.key.hasPrefix("volatile.") == isVolatile }.sorted { $0.key < $1.key }.map { key, setting in
            var line = "\(key) = \(short(setting.value))"
            if !isVolatile { line += "  (\(printable(setting.source)))" }
            for other in setting.overridden { line += ", not \(short(other.value)) of \(printable(other.source))" }
            return setting.pending ? line + "; waits for a restart" : line
        }
    }

    private static func devices(_ devices: [String: Instance.Explanation.DeviceOrigin]) -> [String] {
        devices.sorted { $0.key < $1.key }.flatMap { name, device in
            let others = device.overridden.map { ", not that of \(printable($0))" }.joined()
            // One that was taken off waits as well.
            let options = device.options.merging(device.pending.map { ($0, "") }) { own, _ in own }
            return ["\(printable(name)): \(printable(device.type))  (\(printable(device.source)))\(others)"]
                + options.sorted { $0.key < $1.key }.map { key, value in
                    let waits = device.pending.contains(key) ? "; waits for a restart" : ""
                    return "  \(printable(key)) = \(short(value))\(waits)"
                }
        }
    }

    private static func run(_ run: Instance.Explanation.Run) -> [String] {
        var lines = titled("Ids (inside, on the host, how many)", ids(run))
        lines += titled("Limits in force", run.limits.map { "\($0.file) = \(printable($0.value))  (\($0.key))" })
        lines += titled(
            "Addresses",
            run.addresses.sorted { $0.key < $1.key }.map { "\(printable($0.key)): \($0.value.joined(separator: " "))" })
        let mounts = Table(
            headers: ["PATH", "TYPE", "SOURCE", "OPTIONS"],
            rows: run.mounts.map { [$0.path, $0.type, source($0), $0.options].map(printable) })
        return lines + titled("Mounts (pid \(run.pid))", mounts.compact().split(separator: "\n").map(String.init))
    }

    private static func source(_ mount: Instance.Explanation.Mount) -> String {
        mount.root == "/" ? mount.source : "\(mount.source)[\(mount.root)]"
    }

    private static func ids(_ run: Instance.Explanation.Run) -> [String] {
        if run.users.isEmpty { return ["the host's own: it is privileged"] }
        if run.users == run.groups { return run.users.map { "users and groups \($0)" } }
        return run.users.map { "users \($0)" } + run.groups.map { "groups \($0)" }
    }

    /// One line, not too long.
    private static func short(_ value: String) -> String {
        let line = value.split(whereSeparator: \.isNewline).joined(separator: " | ")
        let text = printable(line.count > 100 ? line.prefix(97) + "…" : line)
        return text.isEmpty ? "nothing" : text
    }

    /// A guest chooses what it mounts and where: no control character of its may reach the terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }

    private static func titled(_ title: String, _ lines: [String]) -> [String] {
        lines.isEmpty ? [] : ["", "\(title):"] + lines.map { "  \($0)" }
    }
}
