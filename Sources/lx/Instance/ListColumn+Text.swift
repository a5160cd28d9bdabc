import LexAPI

extension ListColumn {
    /// What the column shows of an instance.
    func text(_ full: Instance.Full) -> String {
        let instance = full.instance
        // What a stopped instance last used says nothing about now.
        let state = instance.isActive ? full.state : nil
        return switch self {
        case .ipv4: full.addresses("inet").joined(separator: "\n")
        case .ipv6: full.addresses("inet6").joined(separator: "\n")
        case .architecture: instance.architecture
        case .pool: instance.rootPool
        case .created: instance.createdAt.isSet ? Quantities.utc(instance.createdAt) : ""
        case .description: instance.description
        case .disk: full.state?.disk["root"].map { $0.usage > 0 ? Quantities.binarySize($0.usage) : "" } ?? ""
        case .project: instance.project
        case .lastUsed: instance.lastUsedAt.isSet ? Quantities.utc(instance.lastUsedAt) : ""
        case .memory: state.map { $0.memory.usage > 0 ? Quantities.binarySize($0.memory.usage) : "" } ?? ""
        case .memoryPercent: state.flatMap { Self.share($0.memory.usage, of: instance) } ?? ""
        case .name: instance.name
        case .processes: state.map { String($0.processes) } ?? ""
        case .pid: state.map { $0.pid > 0 ? String($0.pid) : "" } ?? ""
        case .profiles: instance.profiles.joined(separator: "\n")
        case .status: instance.status.uppercased()
        case .snapshots: String(full.snapshots?.count ?? 0)
        case .type: instance.typeText.uppercased()
        case .cpu: state.map { "\($0.cpu.usage / 1_000_000_000)s" } ?? ""
        case .location: instance.location
        case .image: String((instance.config["volatile.base_image"] ?? "").prefix(12))
        case .wholeImage: instance.config["volatile.base_image"] ?? ""
        case .config(let key, _, let width):
            Self.cut(instance.config[key] ?? instance.expandedConfig[key] ?? "", width)
        case .device(let name, let key, _, let width): Self.cut(instance.expandedDevices[name]?[key] ?? "", width)
        }
    }

    private static func share(_ usage: Int64, of instance: Instance) -> String? {
        guard let limit = ByteSize(configText: instance.expandedConfig["limits.memory"] ?? ""), limit.bytes > 0 else {
            return nil
        }
        return Quantities.fixed(Double(usage) / Double(limit.bytes) * 100, 1) + "%"
    }

    private static func cut(_ text: String, _ width: Int?) -> String { width.map { String(text.prefix($0)) } ?? text }
}

extension Instance {
    /// Whether it has processes, standing still or not.
    var isActive: Bool { statusCode != StatusCode.stopped.rawValue && statusCode != StatusCode.error.rawValue }

    /// `container`, or `container (ephemeral)`.
    var typeText: String { (type.isEmpty ? "container" : type) + (ephemeral ? " (ephemeral)" : "") }

    /// The pool its root lies in.
    var rootPool: String {
        expandedDevices.values.first { $0["type"] == "disk" && $0["path"] == "/" }?["pool"] ?? ""
    }
}

extension Instance.Full {
    /// The addresses by which others reach it, with their interfaces: `10.0.3.17 (eth0)`.
    func addresses(_ family: String) -> [String] {
        guard instance.isActive else { return [] }
        return (state?.network ?? [:]).filter { $0.value.type != "loopback" }.flatMap { name, network in
            network.addresses.filter { $0.family == family && !["link", "local"].contains($0.scope) }
                .map { "\($0.address) (\(name))" }
        }.sorted(by: >)
    }
}
