import LexAPI
import LexIPC
import LexTestKit
import Testing

@testable import LexHost
@testable import LexInstance

@Suite struct LiveLimitsTests {
    private let all = [
        "limits.memory": "1GiB", "limits.memory.enforce": "soft", "limits.memory.swap": "no",
        "limits.memory.swap.priority": "3", "limits.processes": "5", "limits.cpu.allowance": "10ms/50ms",
        "limits.cpu.priority": "4", "limits.cpu": "1", "limits.disk.priority": "3", "limits.hugepages.64KB": "1MiB",
        "limits.hugepages.1MB": "1MiB", "limits.hugepages.2MB": "4MiB", "limits.hugepages.1GB": "0",
    ]

    /// The rule of the house: each live key of `limits.*` has one applier, and no other key has.
    @Test func everyLiveLimitIsApplied() throws {
        let live = Set(
            Config<InstanceKeys>.keys.filter { $0.name.hasPrefix("limits.") && $0.effect == .live }.map(\.name)
        )
        // The first says between which CPUs limits.cpu chooses; the second is the interfaces' to apply: the control groups
        // know nothing of packets in every kernel.
        .subtracting(["limits.cpu.nodes", "limits.network.priority"])
        #expect(LiveLimits.keys == live)
        let applied = try LiveLimits.wanted(plan()).map(\.key)
        #expect(Set(applied) == live && applied.count == live.count)
        // Not set, each is still known: to take an earlier one back.
        #expect(try LiveLimits.wanted(plan()).allSatisfy { !$0.isSet })
        #expect(Set(all.keys) == live)
        #expect(try LiveLimits.wanted(plan(all, cpus: [0])).allSatisfy(\.isSet))
    }

    @Test func eachLimitTakesItsOwnBack() throws {
        // What is written for a limit and for its absence are the same files, so that nothing of it stays.
        for unified in [true, false] {
            let set = try LiveLimits.wanted(plan(all, cpus: [0]))
            let unset = try LiveLimits.wanted(plan())
            for (one, other) in zip(set, unset) {
                #expect(one.key == other.key)
                #expect(one.writes(unified: unified).map(\.file) == other.writes(unified: unified).map(\.file))
                // A soft limit is one without a hard one; and swap has one file on each kind.
                let isSame = one.writes(unified: unified) == other.writes(unified: unified)
                #expect(isSame == (one.key == "limits.memory" || one.writes(unified: unified).isEmpty), "\(one)")
            }
        }
    }

    @Test func shares() {
        func value(_ allowance: CPUAllowance?, _ file: String, unified: Bool) -> String? {
            let limits = [LiveLimits.allow(allowance), LiveLimits.weigh(allowance, priority: 10)]
            return limits.flatMap { $0.writes(unified: unified) }.first { $0.file == file }?.value
        }
        // A step of priority is a little beside any share, and never all of it.
        let (half, least) = (CPUAllowance.percent(50), CPUAllowance.percent(1))
        #expect(LiveLimits.weigh(half, priority: 7).writes(unified: true).map(\.value) == ["47"])
        #expect(LiveLimits.weigh(least, priority: 0).writes(unified: true).map(\.value) == ["1"])
        #expect(LiveLimits.weigh(least, priority: 0).writes(unified: false).map(\.value) == ["2"])
        #expect(LiveLimits.weigh(nil, priority: 0).writes(unified: false).map(\.value) == ["1014"])
        #expect(value(.percent(50), "cpu.weight", unified: true) == "50")
        #expect(value(.percent(50), "cpu.max", unified: true) == "max 100000")
        #expect(value(.percent(1), "cpu.shares", unified: false) == "10")
        #expect(value(.percent(100), "cpu.shares", unified: false) == "1024")
        #expect(value(nil, "cpu.cfs_quota_us", unified: false) == "-1")
        #expect(value(.quota(microseconds: 1000, period: 2000), "cpu.max", unified: true) == "1000 2000")
        #expect(
            LiveLimits.limitMemory(nil).v1.first?.value == "-1" && LiveLimits.limitMemory(nil).v2.first?.value == "max")
    }

    @Test func memoryAndSwap() throws {
        func written(_ values: [String: String], unified: Bool) throws -> [String] {
            try LiveLimits.wanted(plan(values)).filter(\.isSet).flatMap { $0.writes(unified: unified) }
                .map { "\($0.file)=\($0.value)" }
        }
        let soft = ["limits.memory": "1000", "limits.memory.enforce": "soft"]
        #expect(try written(soft, unified: true) == ["memory.max=max", "memory.high=1000"])
        #expect(
            try written(soft, unified: false) == ["memory.limit_in_bytes=-1", "memory.soft_limit_in_bytes=1000"])
        #expect(try written(["limits.memory.swap": "false"], unified: true) == ["memory.swap.max=0"])
        #expect(try written(["limits.memory.swap": "false"], unified: false) == ["memory.swappiness=0"])
        #expect(try written(["limits.memory.swap.priority": "0"], unified: false) == ["memory.swappiness=50"])
        #expect(try written(["limits.memory.swap.priority": "10"], unified: false) == [])
    }

    @Test func limitsAreWrittenToTheirTrees() async throws {
        try await withTemporaryDirectory { directory in
            let layout = CgroupLayout(
                mounts: ["memory", "pids", "cpu", "cpuset"].map { "cgroup \(directory)/\($0) cgroup \($0) 0 0\n" }
                    .joined())
            let files = [
                "memory/g/memory.limit_in_bytes", "pids/g/pids.max", "cpu/g/cpu.shares", "cpu/g/cpu.cfs_period_us",
                "cpu/g/cpu.cfs_quota_us", "cpuset/g/cpuset.cpus", "memory/g/memory.soft_limit_in_bytes",
                "memory/g/memory.swappiness",
            ]
            for file in files {
                try makeDirectories(directory + "/" + file.split(separator: "/").dropLast().joined(separator: "/"))
                try replaceFile("\(directory)/\(file)", "".utf8)
            }
            func content(_ file: String) throws -> String { try cgroupText("\(directory)/\(file)") }
            let limits = try LiveLimits.wanted(plan(["limits.memory": "1000", "limits.processes": "7"], cpus: [1, 2]))
            try LiveLimits.apply(limits, group: "g", layout: layout, allCPUs: [0, 1, 2, 3])
            #expect(try content(files[0]) == "1000")
            #expect(try content(files[1]) == "7")
            #expect(try content(files[5]) == "1-2")
            for file in files { try replaceFile("\(directory)/\(file)", "".utf8) }
            try LiveLimits.apply(try LiveLimits.wanted(plan()), group: "g", layout: layout, allCPUs: [0, 1, 2, 3])
            // v1 has no word for "all".
            #expect(try content(files[5]) == "0-3")
            #expect(try content(files[0]) == "-1")
        }
    }

    @Test func aMissingControllerIsSaidOnlyWhereItIsNeeded() throws {
        let layout = CgroupLayout(mounts: "cgroup /nonexistent/freezer cgroup freezer 0 0")
        try LiveLimits.apply(try LiveLimits.wanted(plan()), group: "g", layout: layout, allCPUs: [0])
        let limits = try LiveLimits.wanted(plan(["limits.memory": "1GiB"]))
        let error = #expect(throws: APIError.self) {
            try LiveLimits.apply(limits, group: "g", layout: layout, allCPUs: [0])
        }
        #expect(error?.message.contains("limits.memory") == true && error?.message.contains("\"memory\"") == true)
    }

    /// A freeze that cannot be followed is taken back.
    @Test func aFreezeThatFails() async throws {
        try await withTemporaryDirectory { directory in
            let layout = CgroupLayout(mounts: "cgroup2 \(directory) cgroup2 rw 0 0")
            try makeDirectories("\(directory)/g")
            try replaceFile("\(directory)/g/cgroup.freeze", "0".utf8)
            #expect(throws: SystemError.self) { try InstanceStats.setFrozen(true, "g", layout) }
            #expect(try cgroupText("\(directory)/g/cgroup.freeze") == "0")
            #expect(throws: SystemError.self) { try InstanceStats.setFrozen(false, "g", layout) }
            #expect(try cgroupText("\(directory)/g/cgroup.freeze") == "1")
        }
    }

    private func cgroupText(_ path: String) throws -> String {
        let file = try OwnedDescriptor.open(path, 0)
        return String(decoding: try file.readAll(limit: 1000, of: path), as: UTF8.self)
    }
}

@Suite struct CPUTests {
    @Test(
        arguments: [
            ([], ""), ([0], "0"), ([0, 1, 2], "0-2"), ([3, 1, 0], "0-1,3"), ([0, 2, 4], "0,2,4"),
            ([5, 6, 9, 10, 11], "5-6,9-11"),
        ] as [([Int], String)])
    func lists(cpus: [Int], text: String) {
        #expect(CPUList.text(cpus) == text)
        if !cpus.isEmpty { #expect(CPULimit.parseSet(text) == cpus.sorted()) }
    }

    @Test func thereIsOneOn() { #expect(!CPUList.online().isEmpty) }

    private func count(_ count: Int) -> CPUWish { CPUWish(limit: .count(count)) }
    private func set(_ cpus: [Int]) -> CPUWish { CPUWish(limit: .set(cpus)) }

    @Test func assignments() {
        let online = [0, 1, 2, 3]
        #expect(CPUBalance.assign([:], online: online).isEmpty)
        #expect(CPUBalance.assign(["a": count(2)], online: online) == ["a": [0, 1]])
        #expect(CPUBalance.assign(["a": count(2), "b": count(2)], online: online) == ["a": [0, 1], "b": [2, 3]])
        #expect(CPUBalance.assign(["a": count(9)], online: online) == ["a": online])
        #expect(CPUBalance.assign(["a": set([3, 9])], online: online) == ["a": [3]])
        // Counts keep away from what is pinned.
        #expect(CPUBalance.assign(["a": set([0]), "b": count(1)], online: online) == ["a": [0], "b": [1]])
        // A set of which nothing is on stands for all.
        #expect(CPUBalance.assign(["a": set([8])], online: online) == ["a": online])
        // Nodes bound all of that; nodes that are not there bound nothing.
        #expect(CPUBalance.assign(["a": CPUWish(limit: nil, among: [1, 2])], online: online) == ["a": [1, 2]])
        #expect(CPUBalance.assign(["a": CPUWish(limit: .count(1), among: [2, 3])], online: online) == ["a": [2]])
        #expect(CPUBalance.assign(["a": CPUWish(limit: .set([0, 3]), among: [2, 3])], online: online) == ["a": [3]])
        #expect(CPUBalance.assign(["a": CPUWish(limit: .set([0]), among: [2, 3])], online: online) == ["a": [2, 3]])
        #expect(CPUBalance.assign(["a": CPUWish(limit: .count(3), among: [])], online: online) == ["a": [0, 1, 2]])
    }

    @Test func everyAssignmentIsFairAndStable() {
        var random = SeededGenerator("CPU balance")
        for _ in 0..<500 {
            let online = Array(0..<Int.random(in: 1...16, using: &random)).filter { _ in
                Int.random(in: 0...4, using: &random) > 0
            }
            guard !online.isEmpty else { continue }
            var limits: [String: CPUWish] = [:]
            for number in 0..<Int.random(in: 0...12, using: &random) {
                limits["i\(number)"] =
                    Bool.random(using: &random)
                    ? count(.random(in: 1...20, using: &random)) : set([.random(in: 0..<16, using: &random)])
            }
            let assigned = CPUBalance.assign(limits, online: online)
            #expect(Set(assigned.keys) == Set(limits.keys), "seed \(random.seed)")
            for (name, cpus) in assigned {
                #expect(!cpus.isEmpty && cpus == cpus.sorted() && Set(cpus).count == cpus.count)
                #expect(Set(cpus).isSubset(of: online))
                if case .count(let count)? = limits[name]?.limit { #expect(cpus.count == min(count, online.count)) }
            }
            #expect(CPUBalance.assign(limits, online: online) == assigned)
            // Counts alone are spread so that no CPU has two more than another.
            let counts = limits.filter { if case .count = $0.value.limit { true } else { false } }
            var load = Dictionary(uniqueKeysWithValues: online.map { ($0, 0) })
            for cpus in CPUBalance.assign(counts, online: online).values {
                for cpu in cpus { load[cpu, default: 0] += 1 }
            }
            #expect((load.values.max() ?? 0) - (load.values.min() ?? 0) <= 1, "seed \(random.seed)")
        }
    }
}
