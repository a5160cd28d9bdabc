import Glibc
package import LexAPI
package import LexHost
import LexIPC

/// One limit of a running instance and how it is written to its control groups.
package struct LiveLimit: Sendable, Equatable {
    /// One file and what goes into it; the name without the directory, with its controller before the first dot.
    package struct Write: Sendable, Equatable {
        package let file: String
        package let value: String
        /// What is written where the kernel has no such file.
        package var otherwise: [Write] = []
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

    /// The block device it limits, `MAJOR:MINOR`; nil for a limit that every instance has, set or not.
    var device: String?

    /// What brings a group from some limits to others: those that are new, and for those that are no more what takes them
    /// back.
    package static func changes(from old: [LiveLimit], to new: [LiveLimit]) -> [LiveLimit] {
        let present = Set(new.map(\.key))
        let gone = old.compactMap { limit in
            present.contains(limit.key) ? nil : limit.device.map { LiveLimits.throttle($0, DiskRates()) }
        }
        return gone + new.filter { !old.contains($0) }
    }
}

/// What may be read from and written to a block device in a second; nil for no limit.
package struct DiskRates: Sendable, Equatable {
    package var readBytes: Int64?
    package var readOperations: Int64?
    package var writeBytes: Int64?
    package var writeOperations: Int64?

    package init(
        readBytes: Int64? = nil, readOperations: Int64? = nil, writeBytes: Int64? = nil, writeOperations: Int64? = nil
    ) {
        self.readBytes = readBytes
        self.readOperations = readOperations
        self.writeBytes = writeBytes
        self.writeOperations = writeOperations
    }

    /// What the options of a disk say; 0 is no limit.
    package init(read: DiskRate?, write: DiskRate?, max: DiskRate?) {
        switch max ?? read {
        case .bytes(let count) where count > 0: readBytes = count
        case .operations(let count) where count > 0: readOperations = count
        default: break
        }
        switch max ?? write {
        case .bytes(let count) where count > 0: writeBytes = count
        case .operations(let count) where count > 0: writeOperations = count
        default: break
        }
    }

    /// Whether nothing is limited.
    package var isEmpty: Bool { self == DiskRates() }

    /// One limit for several disks on one block device, which has no more than one: the mean of those that are set.
    package static func mean(_ rates: [DiskRates]) -> DiskRates {
        func mean(_ path: KeyPath<DiskRates, Int64?>) -> Int64? {
            let set = rates.compactMap { $0[keyPath: path] }
            return set.isEmpty ? nil : set.map { $0 / Int64(set.count) }.reduce(0, +)
        }
        return DiskRates(
            readBytes: mean(\.readBytes), readOperations: mean(\.readOperations), writeBytes: mean(\.writeBytes),
            writeOperations: mean(\.writeOperations))
    }
}

/// From the keys `limits.*` to control groups (Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
package enum LiveLimits {
    /// The keys that have a limit here: the live keys of `limits.*`; limits.cpu.nodes is a part of limits.cpu.
    package static let keys: Set<String> = [
        "limits.cpu", "limits.cpu.allowance", "limits.cpu.priority", diskPriority, "limits.hugepages.1GB",
        "limits.hugepages.1MB", "limits.hugepages.2MB", "limits.hugepages.64KB", "limits.memory",
        "limits.memory.enforce",
        "limits.memory.swap", "limits.memory.swap.priority", "limits.processes",
    ]

    /// The key of the weight of disks, whose file has not the same name with every kernel.
    package static let diskPriority = "limits.disk.priority"

    /// Every limit of a plan, also those that are not set.
    package static func wanted(_ plan: InstancePlan) throws -> [LiveLimit] {
        try wanted(plan.config, cpus: plan.cpus, hostMemory: plan.hostMemory)
    }

    /// Every limit of a configuration, also those that are not set.
    ///
    /// - Parameter cpus: The CPUs it is pinned to; nil for none.
    package static func wanted(
        _ config: Config<InstanceKeys>, cpus: [Int]?, hostMemory: Int64
    ) throws -> [LiveLimit] {
        let memory = try config[\.limits.memory]?.bytes(ofHost: hostMemory)
        let isSoft = try config[\.limits.memoryEnforce] == .soft
        let allowance = try config[\.limits.cpuAllowance]
        let swaps = try config[\.limits.memorySwap] != false
        return [
            limitMemory(memory, isSoft: isSoft),
            reclaimMemory(above: isSoft ? memory : nil),
            swap(swaps),
            swap(priority: swaps ? try config[\.limits.memorySwapPriority] ?? 10 : nil),
            limitProcesses(try config[\.limits.processes]),
            allow(allowance),
            weigh(allowance, priority: try config[\.limits.cpuPriority] ?? 10),
            pin(cpus),
            weighDisks(try config[\.limits.diskPriority]),
        ] + (try InstanceKeys.HugePages.limits(config).map(limitHugePages))
    }

    static func limitHugePages(_ size: String, _ bytes: Int64?) -> LiveLimit {
        LiveLimit(
            key: "limits.hugepages.\(size)", isSet: bytes != nil,
            v1: [.init(file: "hugetlb.\(size).limit_in_bytes", value: bytes.map { String($0) } ?? "-1")],
            v2: [.init(file: "hugetlb.\(size).max", value: bytes.map { String($0) } ?? "max")])
    }

    /// Throws for a limit that is set and that this kernel cannot keep.
    package static func check(_ limits: [LiveLimit], _ layout: CgroupLayout) throws(APIError) {
        for limit in limits where limit.isSet {
            for write in limit.writes(unified: layout.isUnified) {
                let controller = String(write.file.prefix { $0 != "." })
                if layout.directory(controller, "") == nil {
                    throw .badRequest(
                        "cannot set \(limit.key): this kernel has no control group controller \"\(controller)\", or not "
                            + "where the others are (/proc/cgroups)")
                }
            }
        }
    }

    /// The weight beside others when a disk is busy. Which file there is depends on the kernel's scheduler of disks.
    static func weighDisks(_ priority: Int64?) -> LiveLimit {
        let weight = priority.map { String(max(10, $0 * 100)) }
        return LiveLimit(
            key: diskPriority, isSet: priority != nil,
            v1: [
                .init(
                    file: "blkio.weight", value: weight ?? "500",
                    otherwise: [.init(file: "blkio.bfq.weight", value: weight ?? "100")])
            ],
            v2: [
                .init(
                    file: "io.weight", value: weight ?? "100",
                    otherwise: [.init(file: "io.bfq.weight", value: weight ?? "100")])
            ])
    }

    /// What may be read from and written to one block device, `MAJOR:MINOR`.
    package static func throttle(_ device: String, _ rates: DiskRates) -> LiveLimit {
        func v1(_ file: String, _ value: Int64?) -> LiveLimit.Write {
            .init(file: "blkio.throttle.\(file)_device", value: "\(device) \(value ?? 0)")
        }
        func text(_ value: Int64?) -> String { value.map { String($0) } ?? "max" }
        let all =
            "rbps=\(text(rates.readBytes)) wbps=\(text(rates.writeBytes)) riops=\(text(rates.readOperations)) "
            + "wiops=\(text(rates.writeOperations))"
        return LiveLimit(
            key: "the limits of the block device \(device)", isSet: !rates.isEmpty,
            v1: [
                v1("read_bps", rates.readBytes), v1("read_iops", rates.readOperations),
                v1("write_bps", rates.writeBytes), v1("write_iops", rates.writeOperations),
            ],
            v2: [.init(file: "io.max", value: "\(device) \(all)")], device: device)
    }

    static func limitMemory(_ bytes: Int64?, isSoft: Bool = false) -> LiveLimit {
        let hard = isSoft ? nil : bytes.map { String($0) }
        return LiveLimit(
            key: "limits.memory", isSet: bytes != nil, v1: [.init(file: "memory.limit_in_bytes", value: hard ?? "-1")],
            v2: [.init(file: "memory.max", value: hard ?? "max")])
    }

    static func limitProcesses(_ count: Int64?) -> LiveLimit {
        let write = LiveLimit.Write(file: "pids.max", value: count.map { String($0) } ?? "max")
        return LiveLimit(key: "limits.processes", isSet: count != nil, v1: [write], v2: [write])
    }

    /// The memory above which the kernel takes back first when the host needs some.
    static func reclaimMemory(above bytes: Int64?) -> LiveLimit {
        LiveLimit(
            key: "limits.memory.enforce", isSet: bytes != nil,
            v1: [.init(file: "memory.soft_limit_in_bytes", value: bytes.map { String($0) } ?? "-1")],
            v2: [.init(file: "memory.high", value: bytes.map { String($0) } ?? "max")])
    }

    /// v1 has only an inclination to swap, see ``swap(priority:)``.
    static func swap(_ isAllowed: Bool) -> LiveLimit {
        LiveLimit(
            key: "limits.memory.swap", isSet: !isAllowed, v1: [],
            v2: [.init(file: "memory.swap.max", value: isAllowed ? "max" : "0")])
    }

    /// The inclination to swap, from 50 to 60, which is the kernel's own; `priority` nil is none at all. v2 has none.
    static func swap(priority: Int64?) -> LiveLimit {
        LiveLimit(
            key: "limits.memory.swap.priority", isSet: priority != 10,
            v1: [.init(file: "memory.swappiness", value: priority.map { String(50 + $0) } ?? "0")], v2: [])
    }

    static func allow(_ allowance: CPUAllowance?) -> LiveLimit {
        var quota: (microseconds: Int64, period: Int64)?
        if case .quota(let microseconds, let period) = allowance { quota = (microseconds, period) }
        return LiveLimit(
            key: "limits.cpu.allowance", isSet: quota != nil,
            v1: [
                .init(file: "cpu.cfs_period_us", value: String(quota?.period ?? 100_000)),
                .init(file: "cpu.cfs_quota_us", value: quota.map { String($0.microseconds) } ?? "-1"),
            ],
            v2: [
                .init(
                    file: "cpu.max",
                    value: quota.map { "\($0.microseconds) \($0.period)" } ?? "max 100000")
            ])
    }

    /// The weight beside others: the share of an allowance, and a little less for each step of priority below 10.
    static func weigh(_ allowance: CPUAllowance?, priority: Int64) -> LiveLimit {
        var share: Int64 = 100
        if case .percent(let percent) = allowance { share = percent }
        let less = 10 - priority
        return LiveLimit(
            key: "limits.cpu.priority", isSet: share != 100 || less != 0,
            // 1024 is the weight of a group without a limit on v1, 100 on v2.
            v1: [.init(file: "cpu.shares", value: String(max(2, 1024 * share / 100 - less)))],
            v2: [.init(file: "cpu.weight", value: String(max(1, share - less)))])
    }

    /// `cpus` nil takes a pinning back; what stands for "all" is the caller's to know, since v1 has no word for it.
    static func pin(_ cpus: [Int]?) -> LiveLimit {
        let write = LiveLimit.Write(file: "cpuset.cpus", value: cpus.map(CPUList.text) ?? "")
        return LiveLimit(key: "limits.cpu", isSet: cpus != nil, v1: [write], v2: [write])
    }

    /// What the kernel has for each of them at this moment; what it has not is left out.
    package static func inForce(
        _ limits: [LiveLimit], group: String, layout: CgroupLayout
    ) -> [Instance.Explanation.Limit] {
        limits.flatMap { limit in
            limit.writes(unified: layout.isUnified).compactMap { write in
                for write in [write] + write.otherwise {
                    guard let directory = layout.directory(String(write.file.prefix { $0 != "." }), group),
                        let text = try? readFile("\(directory)/\(write.file)", limit: 4096)
                    else { continue }
                    let value = text.split(whereSeparator: \.isNewline).joined(separator: ", ")
                    // A file for several block devices: only what is said of this one.
                    if let device = limit.device {
                        let own = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("\(device) ") }
                        if own.isEmpty { return nil }
                        return Instance.Explanation.Limit(
                            key: limit.key, file: write.file, value: own.joined(separator: ", "))
                    }
                    return Instance.Explanation.Limit(key: limit.key, file: write.file, value: value)
                }
                return nil
            }
        }
    }

    /// Writes limits to the groups of a running instance; throws the first refusal, naming key and file.
    ///
    /// - Parameter allCPUs: What "not pinned" is written as on v1.
    package static func apply(
        _ limits: [LiveLimit], group: String, layout: CgroupLayout, allCPUs: [Int]
    ) throws {
        try check(limits, layout)
        for limit in limits {
            for write in limit.writes(unified: layout.isUnified) {
                let controller = String(write.file.prefix { $0 != "." })
                guard let directory = layout.directory(controller, group) else { continue }
                guard
                    let write = ([write] + write.otherwise).first(where: {
                        access("\(directory)/\($0.file)", F_OK) == 0
                    })
                else {
                    if !limit.isSet { continue }
                    throw APIError.badRequest(
                        "cannot set \(limit.key): this kernel has no file \(write.file) in its control groups")
                }
                var value = write.value
                if value.isEmpty && !layout.isUnified { value = CPUList.text(allCPUs) }
                if write.file == "cpuset.cpus", let cpus = CPULimit.parseSet(value) {
                    try CPUSet.bring(directory, to: cpus, layout: layout)
                    continue
                }
                do {
                    try writeKernelFile("\(directory)/\(write.file)", value.isEmpty ? "\n" : value)
                } catch let error {
                    // A kernel has huge pages of some sizes, and a limit only for these.
                    if error.code == ENOENT, controller == "hugetlb" {
                        if !limit.isSet { continue }
                        throw APIError.badRequest("cannot set \(limit.key): this kernel has no huge pages of that size")
                    }
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

    /// The CPUs of a NUMA node; none when there is no such node (Documentation/admin-guide/mm/numaperf.rst).
    package static func ofNode(_ number: Int) -> [Int] {
        let text = (try? readFile("/sys/devices/system/node/node\(number)/cpulist")) ?? ""
        return CPULimit.parseSet(text.filter { !$0.isWhitespace }) ?? []
    }

    /// The CPUs that are on (/sys/devices/system/cpu/online).
    package static func online() -> [Int] {
        let text = (try? readFile("/sys/devices/system/cpu/online")) ?? "0"
        return CPULimit.parseSet(text.filter { !$0.isWhitespace }) ?? [0]
    }
}
