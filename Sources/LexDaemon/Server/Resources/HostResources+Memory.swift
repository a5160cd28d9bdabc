import LexAPI

extension HostResources {
    /// Memory: what is plugged in where the kernel tells it, else what it has.
    func memory() -> Resources.Memory {
        var memory = Resources.Memory()
        let info = Self.fields(tree.text("/proc/meminfo") ?? "")
        let page = info["Hugepagesize"] ?? 0
        memory.hugepagesSize = page
        memory.hugepagesTotal = product(info["HugePages_Total"], page)
        memory.hugepagesUsed = product(difference(info["HugePages_Total"], info["HugePages_Free"]), page)
        memory.total = pluggedIn(below: "/sys/devices/system/memory") ?? info["MemTotal"] ?? 0
        let free = ["MemFree", "Buffers", "Cached", "SReclaimable"].reduce(UInt64(0)) { $0 &+ (info[$1] ?? 0) }
        memory.used = difference(memory.total, free)
        let nodes = nodes(page)
        memory.nodes = nodes.isEmpty ? nil : nodes
        return memory
    }

    private func nodes(_ page: UInt64) -> [Resources.Memory.Node] {
        let base = "/sys/devices/system/node"
        return tree.names(base).compactMap { name in
            guard name.hasPrefix("node"), let number = UInt64(name.dropFirst(4)),
                let text = tree.text("\(base)/\(name)/meminfo")
            else { return nil }
            // `Node 0 MemTotal: 1024 kB`
            let info = Self.fields(
                text.split(separator: "\n").map { line in
                    line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true).last.map(String.init)
                        ?? ""
                }.joined(separator: "\n"))
            let total = pluggedIn(below: "\(base)/\(name)") ?? info["MemTotal"] ?? 0
            return Resources.Memory.Node(
                numaNode: number,
                hugepagesUsed: product(difference(info["HugePages_Total"], info["HugePages_Free"]), page),
                hugepagesTotal: product(info["HugePages_Total"], page), used: info["MemUsed"] ?? 0, total: total)
        }
    }

    /// The bytes of the blocks of memory that are in use.
    private func pluggedIn(below directory: String) -> UInt64? {
        guard let text = tree.text("/sys/devices/system/memory/block_size_bytes"), let size = UInt64(text, radix: 16)
        else { return nil }
        let blocks = tree.names(directory).filter { name in
            name.hasPrefix("memory") && name.dropFirst(6).allSatisfy(\.isNumber) && name.count > 6
                && tree.text("\(directory)/\(name)/online") == "1"
        }
        return blocks.isEmpty ? nil : product(UInt64(blocks.count), size)
    }

    /// The numbers of a file like /proc/meminfo, in bytes where it says kB.
    static func fields(_ text: String) -> [String: UInt64] {
        var fields: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0].hasSuffix(":"), let number = UInt64(words[1]) else { continue }
            let (bytes, isTooMuch) = number.multipliedReportingOverflow(
                by: words.count > 2 && words[2] == "kB" ? 1024 : 1)
            if !isTooMuch { fields[String(words[0].dropLast())] = bytes }
        }
        return fields
    }

    private func product(_ left: UInt64?, _ right: UInt64) -> UInt64 {
        let (result, isTooMuch) = (left ?? 0).multipliedReportingOverflow(by: right)
        return isTooMuch ? 0 : result
    }
    private func difference(_ left: UInt64?, _ right: UInt64?) -> UInt64 {
        let left = left ?? 0
        return left - min(left, right ?? 0)
    }
}
