import LexAPI

extension HostResources {
    /// Processors, by what /sys says of each of the kernel's CPUs, and /proc/cpuinfo of its model.
    func cpu() -> Resources.CPU {
        let base = "/sys/devices/system/cpu"
        let isolated = Set(tree.text("\(base)/isolated").flatMap { CPULimit.parseSet($0) } ?? [])
        let nodes = nodesOfCPUs()
        let models = models()
        var sockets: [UInt64: Resources.CPU.Socket] = [:]
        var total: UInt64 = 0
        for name in tree.names(base) where name.hasPrefix("cpu") {
            guard let number = Int64(name.dropFirst(3)) else { continue }
            let directory = "\(base)/\(name)"
            let isOnline = tree.text("\(directory)/online").map { $0 == "1" } ?? true
            // One that is off has no place.
            guard tree.isThere("\(directory)/topology") || isOnline else { continue }
            let place = tree.count("\(directory)/topology/physical_package_id")
            var socket = sockets[place] ?? describe(place, directory, models[number] ?? models[-1] ?? [:])
            let core = tree.count("\(directory)/topology/core_id")
            let die = tree.count("\(directory)/topology/die_id")
            let frequency = tree.number("\(directory)/cpufreq/scaling_cur_freq").map { $0 / 1000 }
            let index: Int
            if let known = socket.cores.firstIndex(where: { $0.core == core && $0.die == die }) {
                index = known
            } else {
                index = socket.cores.count
                socket.cores.append(Resources.CPU.Core(core: core, die: die, threads: [], frequency: frequency))
            }
            socket.cores[index].threads.append(
                Resources.CPU.Thread(
                    id: number, numaNode: nodes[number] ?? 0, thread: UInt64(socket.cores[index].threads.count),
                    online: isOnline, isolated: isolated.contains(Int(number))))
            sockets[place] = socket
            total += 1
        }
        return Resources.CPU(
            architecture: architecture,
            sockets: sockets.values.sorted { $0.socket < $1.socket }.map(Self.withFrequency),
            total: total)
    }

    private static func withFrequency(_ socket: Resources.CPU.Socket) -> Resources.CPU.Socket {
        let frequencies = socket.cores.compactMap(\.frequency)
        guard !frequencies.isEmpty else { return socket }
        var socket = socket
        socket.frequency = frequencies.reduce(0) { $0 &+ $1 } / UInt64(frequencies.count)
        return socket
    }

    private func describe(_ place: UInt64, _ directory: String, _ model: [String: String]) -> Resources.CPU.Socket {
        var socket = Resources.CPU.Socket(socket: place)
        socket.name = model["model name"] ?? model["cpu"]
        socket.vendor = model["vendor_id"]
        socket.frequencyMinimum = tree.number("\(directory)/cpufreq/cpuinfo_min_freq").map { $0 / 1000 }
        socket.frequencyTurbo = tree.number("\(directory)/cpufreq/cpuinfo_max_freq").map { $0 / 1000 }
        let caches = tree.names("\(directory)/cache").filter { $0.hasPrefix("index") }.compactMap { name in
            cache("\(directory)/cache/\(name)")
        }
        socket.cache = caches.isEmpty ? nil : caches
        return socket
    }

    private func cache(_ directory: String) -> Resources.CPU.Cache? {
        guard let level = tree.number("\(directory)/level"), let type = tree.text("\(directory)/type"),
            let size = tree.text("\(directory)/size")
        else { return nil }
        // `32K`, where K is 1024.
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let factor = size.last.flatMap { units[$0] } ?? 1
        let digits = size.prefix { $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        return Resources.CPU.Cache(
            level: level, type: type, size: number.multipliedReportingOverflow(by: factor).partialValue)
    }

    private func nodesOfCPUs() -> [Int64: UInt64] {
        let base = "/sys/devices/system/node"
        var nodes: [Int64: UInt64] = [:]
        for name in tree.names(base) where name.hasPrefix("node") {
            guard let node = UInt64(name.dropFirst(4)), let list = tree.text("\(base)/\(name)/cpulist"),
                let cpus = CPULimit.parseSet(list)
            else { continue }
            for cpu in cpus { nodes[Int64(cpu)] = node }
        }
        return nodes
    }

    /// The fields of /proc/cpuinfo for each CPU; those that stand by none, as on ARM and POWER, are at -1.
    private func models() -> [Int64: [String: String]] {
        var models: [Int64: [String: String]] = [:]
        var current: Int64 = -1
        for line in (tree.text("/proc/cpuinfo", limit: 8 << 20) ?? "").split(separator: "\n") {
            let sides = line.split(separator: ":", maxSplits: 1)
            guard sides.count == 2 else { continue }
            let name = sides[0].filter { $0 != "\t" }
            let value = String(sides[1].drop { $0 == " " })
            let bare = String(name.reversed().drop { $0 == " " }.reversed())
            if bare == "processor", let number = Int64(value) { current = number }
            models[current, default: [:]][bare] = value
        }
        return models
    }
}
