package import LexAPI

/// Which CPUs each instance with a limit is pinned to.
package enum CPUBalance {
    /// Pinned sets are given as they are; counts get the CPUs with the fewest instances, in the order of the names, so
    /// that the same instances always get the same answer.
    ///
    /// - Returns: The CPUs of every instance that has a limit. A set none of whose CPUs is on stands for all.
    package static func assign(_ limits: [String: CPULimit], online: [Int]) -> [String: [Int]] {
        var load = Dictionary(uniqueKeysWithValues: online.map { ($0, 0) })
        var result: [String: [Int]] = [:]
        for (name, limit) in limits {
            guard case .set(let wanted) = limit else { continue }
            let cpus = wanted.filter { load[$0] != nil }
            result[name] = cpus.isEmpty ? online : cpus
            for cpu in cpus { load[cpu, default: 0] += 1 }
        }
        for (name, limit) in limits.sorted(by: { $0.key < $1.key }) {
            guard case .count(let count) = limit else { continue }
            let cpus = online.sorted { (load[$0] ?? 0, $0) < (load[$1] ?? 0, $1) }.prefix(count)
            result[name] = cpus.sorted()
            for cpu in cpus { load[cpu, default: 0] += 1 }
        }
        return result
    }
}
