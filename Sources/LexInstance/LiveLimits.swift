import Glibc
import LexAPI
package import LexHost
import LexIPC

/// One limit of a running instance and how it is written to its control groups.
package struct LiveLimit: Sendable, Equatable {
    /// One file and what goes into it; the name without the directory, with its controller before the first dot.
    package struct Write: Sendable, Equatable {
        package let file: String
        package let value: String
    }

    /// The key it comes from.
    package let key: String
    /// Whether it limits anything; a limit that does not is only written to take an earlier one back.
    package let isSet: Bool
    /// The writes for v1, in order.
    let v1: [Write]
    /// The writes for v2, in order.
    let v2: [Write]

    package func writes(unified: Bool) -> [Write] { unified ? v2 : v1 }
}

/// From the keys `limits.*` to control groups (Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
package enum LiveLimits {
    /// The keys that have a limit here: exactly the live keys of `limits.*`.
    package static let keys: Set<String> = [
        "limits.cpu", "limits.cpu.allowance", "limits.memory", "limits.processes",
    ]

    /// Every limit of a plan, also those that are not set.
    package static func wanted(_ plan: InstancePlan) throws -> [LiveLimit] {
        let memory = try plan.config[\.limits.memory]?.bytes(ofHost: plan.hostMemory)
        return [
            limitMemory(memory),
            limitProcesses(try plan.config[\.limits.processes]),
            allow(try plan.config[\.limits.cpuAllowance]),
            pin(plan.cpus),
        ]
    }

    static func limitMemory(_ bytes: Int64?) -> LiveLimit {
        LiveLimit(
            key: "limits.memory", isSet: bytes != nil,
            v1: [.init(file: "memory.limit_in_bytes", value: bytes.map { String($0) } ?? "-1")],
            v2: [.init(file: "memory.max", value: bytes.map { String($0) } ?? "max")])
    }

    static func limitProcesses(_ count: Int64?) -> LiveLimit {
        let write = LiveLimit.Write(file: "pids.max", value: count.map { String($0) } ?? "max")
        return LiveLimit(key: "limits.processes", isSet: count != nil, v1: [write], v2: [write])
    }

    static func allow(_ allowance: CPUAllowance?) -> LiveLimit {
        var share: Int64 = 100
        var quota: (microseconds: Int64, period: Int64)?
        switch allowance {
        case .percent(let percent): share = percent
        case .quota(let microseconds, let period): quota = (microseconds, period)
        case nil: break
        }
        return LiveLimit(
            key: "limits.cpu.allowance", isSet: allowance != nil,
            v1: [
                // 1024 is the share of a group without a limit.
                .init(file: "cpu.shares", value: String(max(2, 1024 * share / 100))),
                .init(file: "cpu.cfs_period_us", value: String(quota?.period ?? 100_000)),
                .init(file: "cpu.cfs_quota_us", value: quota.map { String($0.microseconds) } ?? "-1"),
            ],
            v2: [
                .init(file: "cpu.weight", value: String(share)),
                .init(
                    file: "cpu.max",
                    value: quota.map { "\($0.microseconds) \($0.period)" } ?? "max 100000"),
            ])
    }

    /// `cpus` nil takes a pinning back; what stands for "all" is the caller's to know, since v1 has no word for it.
    static func pin(_ cpus: [Int]?) -> LiveLimit {
        let write = LiveLimit.Write(file: "cpuset.cpus", value: cpus.map(CPUList.text) ?? "")
        return LiveLimit(key: "limits.cpu", isSet: cpus != nil, v1: [write], v2: [write])
    }

    /// Writes limits to the groups of a running instance; throws the first refusal, naming key and file.
    ///
    /// - Parameter allCPUs: What "not pinned" is written as on v1.
    package static func apply(
        _ limits: [LiveLimit], group: String, layout: CgroupLayout, allCPUs: [Int]
    ) throws {
        for limit in limits {
            for write in limit.writes(unified: layout.isUnified) {
                let controller = String(write.file.prefix { $0 != "." })
                guard let directory = layout.directory(controller, group) else {
                    if limit.isSet {
                        throw APIError.failed(
                            "cannot set \(limit.key): this kernel has no control group controller \"\(controller)\"")
                    }
                    continue
                }
                var value = write.value
                if value.isEmpty && !layout.isUnified { value = CPUList.text(allCPUs) }
                do {
                    try writeKernelFile("\(directory)/\(write.file)", value.isEmpty ? "\n" : value)
                } catch let error {
                    if error.code == EBUSY, limit.key == "limits.memory" {
                        throw APIError.badRequest(
                            "cannot lower limits.memory to \(value) bytes: the instance uses more at this moment. Stop "
                                + "some of its processes, or choose a higher limit")
                    }
                    throw error
                }
            }
        }
    }
}

/// Lists of CPUs as the kernel writes them: `0-1,3` (cpuset(7)).
package enum CPUList {
    package static func text(_ cpus: [Int]) -> String {
        var parts: [String] = []
        var rest = cpus.sorted()[...]
        while let first = rest.popFirst() {
            var last = first
            while rest.first == last + 1 {
                last += 1
                rest = rest.dropFirst()
            }
            parts.append(first == last ? "\(first)" : "\(first)-\(last)")
        }
        return parts.joined(separator: ",")
    }

    /// The CPUs that are on (/sys/devices/system/cpu/online).
    package static func online() -> [Int] {
        let text = (try? readFile("/sys/devices/system/cpu/online")) ?? "0"
        return CPULimit.parseSet(text.filter { !$0.isWhitespace }) ?? [0]
    }
}
