import Glibc
package import LexAPI
package import LexHost
import LexIPC

/// What an instance uses at this moment, from its control groups.
package enum InstanceStats {
    /// Memory of the group, in bytes. What the kernel does not count is 0.
    package static func memory(_ group: String, _ layout: CgroupLayout) -> Instance.Memory {
        guard let directory = layout.directory("memory", group) else { return Instance.Memory() }
        func number(_ file: String) -> Int64 { cgroupNumber("\(directory)/\(file)") ?? 0 }
        if layout.isUnified {
            return Instance.Memory(
                usage: number("memory.current"), usagePeak: number("memory.peak"),
                swapUsage: number("memory.swap.current"), swapUsagePeak: number("memory.swap.peak"))
        }
        let usage = number("memory.usage_in_bytes")
        let peak = number("memory.max_usage_in_bytes")
        // v1 counts memory and swap together, where swap is counted at all.
        let both = cgroupNumber("\(directory)/memory.memsw.usage_in_bytes").map { max(0, $0 - usage) }
        let bothPeak = cgroupNumber("\(directory)/memory.memsw.max_usage_in_bytes").map { max(0, $0 - peak) }
        return Instance.Memory(usage: usage, usagePeak: peak, swapUsage: both ?? 0, swapUsagePeak: bothPeak ?? 0)
    }

    /// CPU time since the start, in nanoseconds.
    package static func cpu(_ group: String, _ layout: CgroupLayout) -> Instance.CPU {
        guard let directory = layout.directory("cpuacct", group) else { return Instance.CPU() }
        guard layout.isUnified else { return Instance.CPU(usage: cgroupNumber("\(directory)/cpuacct.usage") ?? 0) }
        let stat = (try? readFile("\(directory)/cpu.stat", limit: 65536)) ?? ""
        for line in stat.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[0] == "usage_usec", let usage = Int64(parts[1]) {
                return Instance.CPU(usage: usage.multipliedReportingOverflow(by: 1000).partialValue)
            }
        }
        return Instance.CPU()
    }

    /// Processes and threads; -1 when they are not counted.
    package static func processes(_ group: String, _ layout: CgroupLayout) -> Int64 {
        layout.directory("pids", group).flatMap { cgroupNumber("\($0)/pids.current") } ?? -1
    }

    /// Freezes or thaws all processes of the group, and waits until they are. When it throws they are, or will be, as
    /// they were.
    package static func setFrozen(_ frozen: Bool, _ group: String, _ layout: CgroupLayout) throws {
        guard let directory = layout.directory("freezer", group) else {
            throw APIError.failed("cannot freeze the instance: this kernel has no control group controller \"freezer\"")
        }
        try writeFrozen(frozen, directory, layout)
        do {
            // Reading until it is so: the kernel goes on freezing by itself, most often at once.
            for _ in 0..<1000 {
                if try readsFrozen(directory, layout) == frozen { return }
                usleep(1000)
            }
        } catch {
            try? writeFrozen(!frozen, directory, layout)
            throw error
        }
        // Else the kernel goes on with it, and some later moment finds the instance as nobody knows it.
        try? writeFrozen(!frozen, directory, layout)
        // With control groups v1 all that is frozen looks like what waits in the kernel: only when it is thawed again is it
        // seen which of them does.
        usleep(50_000)
        throw APIError.failed(
            "cannot \(frozen ? "freeze" : "thaw") the instance: " + StuckProcesses.explanation(of: directory, layout))
    }

    private static func writeFrozen(_ frozen: Bool, _ directory: String, _ layout: CgroupLayout) throws(SystemError) {
        if layout.isUnified {
            try writeKernelFile("\(directory)/cgroup.freeze", frozen ? "1" : "0")
        } else {
            try writeKernelFile("\(directory)/freezer.state", frozen ? "FROZEN" : "THAWED")
        }
    }

    private static func readsFrozen(_ directory: String, _ layout: CgroupLayout) throws -> Bool {
        if layout.isUnified {
            return try readFile("\(directory)/cgroup.events").contains("frozen 1")
        }
        return try readFile("\(directory)/freezer.state").hasPrefix("FROZEN")
    }

    /// Whether the processes of a group stand still.
    package static func isFrozen(_ group: String, _ layout: CgroupLayout) -> Bool {
        guard let directory = layout.directory("freezer", group) else { return false }
        return (try? readsFrozen(directory, layout)) ?? false
    }
}
