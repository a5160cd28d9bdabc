import LexAPI

/// What `lx info --resources` says of the machine.
enum ResourcesReport {
    static func text(_ resources: Resources) -> String {
        var sections = [cpus(resources.cpu), memory(resources.memory)]
        sections += [
            section("GPU", resources.gpu.cards.map(gpu), numbered: "Card"),
            section("NIC", resources.network.cards.map(nic), numbered: "Card"),
            section("Disk", resources.storage.disks.map(disk), numbered: "Disk"),
        ]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func indented(_ lines: [String], _ depth: Int = 2) -> [String] {
        lines.map { String(repeating: " ", count: depth) + $0 }
    }

    /// One thing stands below its kind; several are numbered.
    private static func section(_ title: String, _ things: [[String]], numbered: String) -> [String] {
        guard things.count != 1 else { return ["\(title):"] + indented(things[0]) }
        if things.isEmpty { return [] }
        return ["\(title)s:"]
            + things.enumerated().flatMap { ["  \(numbered) \($0.offset):"] + indented($0.element, 4) }
    }

    private static func size(_ bytes: UInt64, digits: Int = 2) -> String {
        Quantities.binarySize(Int64(clamping: bytes), digits: digits)
    }

    private static func cpus(_ cpu: Resources.CPU) -> [String] {
        if cpu.sockets.count == 1 { return ["CPU (\(cpu.architecture)):"] + indented(socket(cpu.sockets[0])) }
        return ["CPUs (\(cpu.architecture)):"]
            + cpu.sockets.flatMap { ["  Socket \($0.socket):"] + indented(socket($0), 4) }
    }

    private static func socket(_ socket: Resources.CPU.Socket) -> [String] {
        var lines: [String] = []
        if let vendor = socket.vendor { lines.append("Vendor: \(vendor)") }
        if let name = socket.name { lines.append("Name: \(name)") }
        if let caches = socket.cache {
            lines.append("Caches:")
            lines += caches.map { "  - Level \($0.level) (type: \($0.type)): \(size($0.size, digits: 0))" }
        }
        lines.append("Cores:")
        for core in socket.cores {
            lines += ["  - Core \(core.core)", "    Frequency: \(core.frequency ?? 0)Mhz", "    Threads:"]
            lines += core.threads.map {
                "      - \($0.thread) (id: \($0.id), online: \($0.online), NUMA node: \($0.numaNode))"
            }
        }
        if let frequency = socket.frequency {
            var line = "Frequency: \(frequency)Mhz"
            if let least = socket.frequencyMinimum, let most = socket.frequencyTurbo {
                line += " (min: \(least)Mhz, max: \(most)Mhz)"
            }
            lines.append(line)
        }
        return lines
    }

    private static func memory(_ memory: Resources.Memory) -> [String] {
        func amounts(_ used: UInt64, _ total: UInt64) -> [String] {
            ["Free: \(size(total - min(total, used)))", "Used: \(size(used))", "Total: \(size(total))"]
        }
        var lines: [String] = []
        if memory.hugepagesTotal > 0 {
            lines += ["Hugepages:"] + indented(amounts(memory.hugepagesUsed, memory.hugepagesTotal))
        }
        if let nodes = memory.nodes, nodes.count > 1 {
            lines.append("NUMA nodes:")
            for node in nodes {
                lines.append("  Node \(node.numaNode):")
                if node.hugepagesTotal > 0 {
                    lines += ["    Hugepages:"] + indented(amounts(node.hugepagesUsed, node.hugepagesTotal), 6)
                }
                lines += indented(amounts(node.used, node.total), 4)
            }
        }
        return ["Memory:"] + indented(lines + amounts(memory.used, memory.total))
    }

    private static func maker(_ name: String?, _ number: String?) -> String? {
        guard let number else { return nil }
        return name.map { "\($0) (\(number))" } ?? number
    }

    private static func gpu(_ card: Resources.GPU.Card) -> [String] {
        var lines = ["NUMA node: \(card.numaNode)"]
        if let vendor = maker(card.vendor, card.vendorID) { lines.append("Vendor: \(vendor)") }
        if let product = maker(card.product, card.productID) { lines.append("Product: \(product)") }
        if let address = card.pciAddress { lines.append("PCI address: \(address)") }
        if let driver = card.driver { lines.append("Driver: \(driver) (\(card.driverVersion ?? ""))") }
        if let drm = card.drm {
            lines += ["DRM:", "  ID: \(drm.id)", "  Card: \(drm.cardName) (\(drm.cardDevice))"]
            if let name = drm.controlName { lines.append("  Control: \(name) (\(drm.controlDevice ?? ""))") }
            if let name = drm.renderName { lines.append("  Render: \(name) (\(drm.renderDevice ?? ""))") }
        }
        if let sriov = card.sriov {
            lines += functions(sriov.currentVFs, sriov.maximumVFs, sriov.vfs.map(gpu))
        }
        return lines
    }

    private static func functions(_ current: UInt64, _ most: UInt64, _ parts: [[String]]) -> [String] {
        var lines = [
            "SR-IOV information:", "  Current number of VFs: \(current)", "  Maximum number of VFs: \(most)",
        ]
        if !parts.isEmpty {
            lines.append("  VFs: \(parts.count)")
            for part in parts { lines += ["  - \(part[0])"] + indented(Array(part.dropFirst()), 4) }
        }
        return lines
    }

    private static func nic(_ card: Resources.Network.Card) -> [String] {
        var lines = ["NUMA node: \(card.numaNode)"]
        if let vendor = card.vendor { lines.append("Vendor: \(vendor) (\(card.vendorID ?? ""))") }
        if let product = card.product { lines.append("Product: \(product) (\(card.productID ?? ""))") }
        if let address = card.pciAddress { lines.append("PCI address: \(address)") }
        if let driver = card.driver { lines.append("Driver: \(driver) (\(card.driverVersion ?? ""))") }
        if let ports = card.ports {
            lines.append("Ports:")
            for port in ports { lines += ["  - Port \(port.port) (\(port.protocol))"] + indented(self.port(port), 4) }
        }
        if let sriov = card.sriov {
            lines += functions(sriov.currentVFs, sriov.maximumVFs, sriov.vfs.map(nic))
        }
        return lines
    }

    private static func port(_ port: Resources.Network.Port) -> [String] {
        var lines = ["ID: \(port.id)"]
        if let address = port.address { lines.append("Address: \(address)") }
        if let modes = port.supportedModes { lines.append("Supported modes: \(modes.joined(separator: ", "))") }
        if let ports = port.supportedPorts { lines.append("Supported ports: \(ports.joined(separator: ", "))") }
        if let type = port.portType { lines.append("Port type: \(type)") }
        if let type = port.transceiverType { lines.append("Transceiver type: \(type)") }
        lines += ["Auto negotiation: \(port.autoNegotiation)", "Link detected: \(port.linkDetected)"]
        if let speed = port.linkSpeed {
            lines.append("Link speed: \(speed)Mbit/s (\(port.linkDuplex ?? "unknown") duplex)")
        }
        return lines
    }

    private static func disk(_ disk: Resources.Storage.Disk) -> [String] {
        var lines = ["NUMA node: \(disk.numaNode)", "ID: \(disk.id)", "Device: \(disk.device)"]
        if let model = disk.model { lines.append("Model: \(model)") }
        if let type = disk.type { lines.append("Type: \(type)") }
        lines.append("Size: \(size(disk.size))")
        if let wwn = disk.wwn { lines.append("WWN: \(wwn)") }
        lines += ["Read-Only: \(disk.readOnly)", "Removable: \(disk.removable)"]
        if !disk.partitions.isEmpty {
            lines.append("Partitions:")
            for partition in disk.partitions {
                lines += [
                    "  - Partition \(partition.partition)", "    ID: \(partition.id)",
                    "    Device: \(partition.device)",
                    "    Read-Only: \(partition.readOnly)", "    Size: \(size(partition.size))",
                ]
            }
        }
        return lines
    }
}
