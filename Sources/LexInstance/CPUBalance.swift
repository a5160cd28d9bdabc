package import LexAPI
import LexHost

/// What an instance says of the CPUs it may use.
package struct CPUWish: Sendable, Equatable {
    /// How many, or which; nil for all.
    package let limit: CPULimit?
    /// Those it may use at all; nil for all.
    package let among: [Int]?

    package init(limit: CPULimit?, among: [Int]? = nil) {
        self.limit = limit
        self.among = among
    }

    /// What a configuration says; nil when nothing.
    package init?(_ config: Config<InstanceKeys>) throws(APIError) {
        let nodes = try config[\.limits.cpuNodes]?.nodes
        limit = try config[\.limits.cpu]
        among = nodes.map { $0.flatMap(CPUList.ofNode) }
        if limit == nil && nodes == nil { return nil }
    }
}

/// Which CPUs each instance with a limit is pinned to.
package enum CPUBalance {
    /// Pinned sets are given as they are; counts get the CPUs with the fewest instances, in the order of the names, so
    /// that the same instances always get the same answer.
    ///
    /// - Returns: The CPUs of every instance that says something of them. A set none of whose CPUs is on stands for all.
    package static func assign(_ wishes: [String: CPUWish], online: [Int]) -> [String: [Int]] {
        var load = Dictionary(uniqueKeysWithValues: online.map { ($0, 0) })
        var result: [String: [Int]] = [:]
        func on(_ cpus: [Int]?, else others: [Int]) -> [Int] {
            let cpus = (cpus ?? others).filter { load[$0] != nil }
            return cpus.isEmpty ? others : cpus
        }
        for (name, wish) in wishes {
            let among = on(wish.among, else: online)
            switch wish.limit {
            case .count: continue
            case .set(let wanted): result[name] = on(wanted.filter(among.contains), else: among)
            case nil: result[name] = among
            }
        }
        for (name, wish) in wishes where wish.limit != nil {
            for cpu in result[name] ?? [] { load[cpu, default: 0] += 1 }
        }
        for (name, wish) in wishes.sorted(by: { $0.key < $1.key }) {
            guard case .count(let count) = wish.limit else { continue }
            let cpus = on(wish.among, else: online).sorted { (load[$0] ?? 0, $0) < (load[$1] ?? 0, $1) }.prefix(count)
            result[name] = cpus.sorted()
            for cpu in cpus { load[cpu, default: 0] += 1 }
        }
        return result
    }
}
