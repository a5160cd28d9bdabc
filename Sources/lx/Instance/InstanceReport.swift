import LexAPI

/// What `lx info` says of an instance.
enum InstanceReport {
    static func text(_ full: Instance.Full) -> String {
        let instance = full.instance
        var lines = ["Name: \(instance.name)"]
        lines.append("Status: \(instance.status.uppercased())")
        lines.append("Type: \(instance.typeText)")
        lines.append("Architecture: \(instance.architecture)")
        if !["", "none"].contains(instance.location) { lines.append("Location: \(instance.location)") }
        if let pid = full.state?.pid, pid > 0 { lines.append("PID: \(pid)") }
        if instance.createdAt.isSet { lines.append("Created: \(Quantities.local(instance.createdAt))") }
        if instance.lastUsedAt.isSet { lines.append("Last Used: \(Quantities.local(instance.lastUsedAt))") }
        if let state = full.state, state.pid > 0 {
            lines += ["", "Resources:", "  Processes: \(state.processes)"]
            lines += disks(state) + cpu(state) + memory(state) + networks(state)
        }
        return lines.joined(separator: "\n") + "\n" + snapshots(full.snapshots ?? [])
    }

    private static func snapshots(_ snapshots: [Instance.Snapshot]) -> String {
        if snapshots.isEmpty { return "" }
        func time(_ moment: Timestamp) -> String { moment.isSet ? Quantities.local(moment) : "" }
        let table = Table(
            headers: ["NAME", "TAKEN AT", "EXPIRES AT", "STATEFUL"],
            rows: snapshots.map { [$0.name, time($0.createdAt), time($0.expiresAt), $0.stateful ? "YES" : "NO"] })
        return "\nSnapshots:\n" + table.framed()
    }

    private static func disks(_ state: Instance.State) -> [String] {
        let used = state.disk.filter { $0.value.usage > 0 }.sorted { $0.key < $1.key }
        return titled("Disk usage", used.map { "\($0.key): \(Quantities.binarySize($0.value.usage))" })
    }

    private static func cpu(_ state: Instance.State) -> [String] {
        titled(
            "CPU usage",
            state.cpu.usage > 0 ? ["CPU usage (in seconds): \(state.cpu.usage / 1_000_000_000)"] : [])
    }

    private static func memory(_ state: Instance.State) -> [String] {
        let memory = state.memory
        let amounts = [
            ("Memory (current)", memory.usage), ("Memory (peak)", memory.usagePeak),
            ("Swap (current)", memory.swapUsage), ("Swap (peak)", memory.swapUsagePeak),
        ]
        return titled(
            "Memory usage", amounts.filter { $0.1 > 0 }.map { "\($0.0): \(Quantities.binarySize($0.1))" })
    }

    private static func networks(_ state: Instance.State) -> [String] {
        let networks = (state.network ?? [:]).sorted { $0.key < $1.key }
        return titled(
            "Network usage",
            networks.flatMap { name, network in ["\(name):"] + self.network(network).map { "  \($0)" } })
    }

    private static func network(_ network: Instance.Network) -> [String] {
        var lines = ["Type: \(network.type)", "State: \(network.state.uppercased())"]
        if !network.hostName.isEmpty { lines.append("Host interface: \(network.hostName)") }
        if !network.hwaddr.isEmpty { lines.append("MAC address: \(network.hwaddr)") }
        if network.mtu > 0 { lines.append("MTU: \(network.mtu)") }
        lines += [
            "Bytes received: \(Quantities.decimalSize(network.counters.bytesReceived))",
            "Bytes sent: \(Quantities.decimalSize(network.counters.bytesSent))",
            "Packets received: \(network.counters.packetsReceived)",
            "Packets sent: \(network.counters.packetsSent)",
            "IP addresses:",
        ]
        return lines
            + network.addresses.map { address in
                let family = address.family == "inet" ? "inet: " : "\(address.family):"
                return "  \(family) \(address.address)/\(address.netmask) (\(address.scope))"
            }
    }

    private static func titled(_ title: String, _ lines: [String]) -> [String] {
        lines.isEmpty ? [] : ["  \(title):"] + lines.map { "    \($0)" }
    }
}
