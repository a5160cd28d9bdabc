import Glibc
package import LexHost
import LexIPC

/// What an instance has used since its start, from its control groups: the numbers behind the metrics.
package struct InstanceMeasurements: Sendable, Equatable {
    /// Time on one CPU, in seconds.
    package struct CPUTime: Sendable, Equatable {
        /// The kernel's number of the CPU; 0 for all where the kernel does not tell them apart.
        package var cpu: Int
        /// In the system's own code.
        package var system: Double
        /// In programs.
        package var user: Double
    }

    /// What went to and from one disk.
    package struct DiskTraffic: Sendable, Equatable {
        /// Bytes read.
        package var readBytes: UInt64 = 0
        /// Bytes written.
        package var writtenBytes: UInt64 = 0
        /// Reads.
        package var reads: UInt64 = 0
        /// Writes.
        package var writes: UInt64 = 0
    }

    /// By CPU.
    package var cpus: [CPUTime] = []
    /// By number of the disk, `8:0`.
    package var disks: [String: DiskTraffic] = [:]
    /// The lines of `memory.stat` in the words of cgroup v2, in bytes.
    package var memory: [String: UInt64] = [:]
    /// Memory in use, in bytes.
    package var memoryUsage: UInt64 = 0
    /// The most memory it may use; nil for no limit.
    package var memoryLimit: UInt64?
    /// Swap in use, in bytes.
    package var swapUsage: UInt64 = 0
    /// How often the kernel has killed something for lack of memory.
    package var outOfMemoryKills: UInt64 = 0
    /// Processes and threads; nil when they are not counted.
    package var processes: UInt64?

    /// Reads them. What the kernel does not count is left out.
    package static func read(_ group: String, _ layout: CgroupLayout) -> InstanceMeasurements {
        var measured = InstanceMeasurements()
        if let directory = layout.directory("cpuacct", group) {
            measured.cpus = layout.isUnified ? unifiedCPUs(directory) : separateCPUs(directory)
        }
        if let directory = layout.directory("memory", group) { measured.readMemory(directory, layout.isUnified) }
        if layout.isUnified, let directory = layout.directory("memory", group) {
            measured.disks = disks(unified: text("\(directory)/io.stat"))
        } else if let directory = layout.directory("blkio", group) {
            measured.disks = disks(
                bytes: text("\(directory)/blkio.throttle.io_service_bytes_recursive"),
                operations: text("\(directory)/blkio.throttle.io_serviced_recursive"))
        }
        measured.processes = layout.directory("pids", group).flatMap { cgroupNumber("\($0)/pids.current") }.flatMap {
            UInt64(exactly: $0)
        }
        return measured
    }

    private static func text(_ path: String) -> String { (try? readFile(path, limit: 1 << 20)) ?? "" }

    private static func unifiedCPUs(_ directory: String) -> [CPUTime] {
        let stat = fields(text("\(directory)/cpu.stat"))
        guard let system = stat["system_usec"], let user = stat["user_usec"] else { return [] }
        return [CPUTime(cpu: 0, system: Double(system) / 1e6, user: Double(user) / 1e6)]
    }

    private static func separateCPUs(_ directory: String) -> [CPUTime] {
        func times(_ file: String) -> [Double] {
            text("\(directory)/\(file)").split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
                .map { Double($0) / 1e9 }
        }
        return zip(times("cpuacct.usage_percpu_sys"), times("cpuacct.usage_percpu_user")).enumerated().map {
            cpu, time in
            CPUTime(cpu: cpu, system: time.0, user: time.1)
        }
    }

    private mutating func readMemory(_ directory: String, _ isUnified: Bool) {
        func number(_ file: String) -> UInt64 {
            cgroupNumber("\(directory)/\(file)").flatMap { UInt64(exactly: $0) } ?? 0
        }
        let stat = Self.fields(Self.text("\(directory)/memory.stat"))
        memory = isUnified ? stat : Self.inUnifiedWords(stat)
        let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
        memoryLimit = cgroupNumber("\(directory)/\(file)").flatMap { UInt64(exactly: $0) }
        if isUnified {
            memoryUsage = number("memory.current")
            swapUsage = number("memory.swap.current")
            outOfMemoryKills = Self.fields(Self.text("\(directory)/memory.events"))["oom_kill"] ?? 0
        } else {
            memoryUsage = number("memory.usage_in_bytes")
            swapUsage = stat["total_swap"] ?? 0
            outOfMemoryKills = Self.fields(Self.text("\(directory)/memory.oom_control"))["oom_kill"] ?? 0
        }
    }

    /// The words of v1, of a group with those below it, in those of v2 (cgroup-v1/memory.rst).
    static func inUnifiedWords(_ stat: [String: UInt64]) -> [String: UInt64] {
        let words = [
            "anon": "total_rss", "file": "total_cache", "shmem": "total_shmem", "file_mapped": "total_mapped_file",
            "file_dirty": "total_dirty", "file_writeback": "total_writeback", "inactive_anon": "total_inactive_anon",
            "active_anon": "total_active_anon", "inactive_file": "total_inactive_file",
            "active_file": "total_active_file", "unevictable": "total_unevictable",
        ]
        return words.compactMapValues { stat[$0] }
    }

    /// Lines of a word and a number.
    static func fields(_ text: String) -> [String: UInt64] {
        var fields: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let number = UInt64(words[1]) { fields[String(words[0])] = number }
        }
        return fields
    }

    /// Reads `io.stat`: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
    static func disks(unified text: String) -> [String: DiskTraffic] {
        var disks: [String: DiskTraffic] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let number = words.first else { continue }
            var traffic = DiskTraffic()
            for word in words.dropFirst() {
                let sides = word.split(separator: "=")
                guard sides.count == 2, let value = UInt64(sides[1]) else { continue }
                switch sides[0] {
                case "rbytes": traffic.readBytes = value
                case "wbytes": traffic.writtenBytes = value
                case "rios": traffic.reads = value
                case "wios": traffic.writes = value
                default: break
                }
            }
            disks[String(number)] = traffic
        }
        return disks
    }

    /// Reads v1's two files: `8:0 Read 1`.
    static func disks(bytes: String, operations: String) -> [String: DiskTraffic] {
        var disks: [String: DiskTraffic] = [:]
        func each(_ text: String, _ note: (inout DiskTraffic, Substring, UInt64) -> Void) {
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 3, let value = UInt64(words[2]) else { continue }
                note(&disks[String(words[0]), default: DiskTraffic()], words[1], value)
            }
        }
        each(bytes) { traffic, kind, value in
            if kind == "Read" { traffic.readBytes = value }
            if kind == "Write" { traffic.writtenBytes = value }
        }
        each(operations) { traffic, kind, value in
            if kind == "Read" { traffic.reads = value }
            if kind == "Write" { traffic.writes = value }
        }
        return disks
    }
}
