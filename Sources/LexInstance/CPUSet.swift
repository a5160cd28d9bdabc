import Glibc
import LexAPI
package import LexHost
import LexIPC

/// The CPUs that a group's processes may use (cpuset(7)).
package enum CPUSet {
    /// How many groups below are brought along, and for how long: a guest may have any number, and others wait.
    private static let mostGroups = 4096
    private static let patience = Duration.seconds(2)

    /// Gives a group its CPUs. With control groups v1 a group must have all those of the groups below it, and guests make
    /// some: containers inside do.
    package static func bring(_ directory: String, to cpus: [Int], layout: CgroupLayout) throws {
        if layout.isUnified { return try write(directory, cpus) }
        let deadline = ContinuousClock.now + patience
        // Groups come and go while we look.
        for attempt in 1...4 {
            do throws(SystemError) {
                let below = layout.groupsBelow(directory, limit: mostGroups, until: deadline)
                return try bring(directory, [directory] + below, to: cpus, until: deadline)
            } catch {
                if error.code == ETIMEDOUT {
                    throw APIError.conflict(
                        "cannot pin to the CPUs \(CPUList.text(cpus)) in two seconds: too many control groups are "
                            + "inside (below \(directory)). Try again, or stop what runs in containers inside")
                }
                guard error.code == EBUSY else { throw error }
                if attempt < 4 { continue }
                throw APIError.conflict(
                    "cannot pin to the CPUs \(CPUList.text(cpus)): a control group inside keeps others "
                        + "(\(directory)/cpuset.cpus). Try again, or stop what runs in containers inside")
            }
        }
    }

    private static func bring(
        _ top: String, _ groups: [String], to cpus: [Int], until deadline: ContinuousClock.Instant
    ) throws(SystemError) {
        // Wherever it ends, no group has a CPU that the one above has not.
        func checkTime() throws(SystemError) {
            if ContinuousClock.now >= deadline { throw SystemError("write cpuset.cpus below", top, code: ETIMEDOUT) }
        }
        var present: [(path: String, cpus: [Int])] = []
        for group in groups {
            try checkTime()
            // One that has gone meanwhile has none.
            guard let text = try? readFile("\(group)/cpuset.cpus", limit: 65536) else { continue }
            present.append((group, CPULimit.parseSet(text.filter { !$0.isWhitespace }) ?? []))
        }
        for step in steps(present, to: cpus) {
            try checkTime()
            do throws(SystemError) { try write(step.path, step.cpus) } catch {
                if step.path == top || error.code != ENOENT { throw error }
            }
        }
    }

    private static func write(_ directory: String, _ cpus: [Int]) throws(SystemError) {
        try writeKernelFile("\(directory)/cpuset.cpus", CPUList.text(cpus))
    }

    /// What is written, in order, to bring the first of these groups to other CPUs: none ever has one that the group
    /// above has not. Those below that had all of the one above have all of it again; others keep what is left.
    ///
    /// - Parameter groups: The upper first.
    static func steps(
        _ groups: [(path: String, cpus: [Int])], to wanted: [Int]
    ) -> [(path: String, cpus: [Int])] {
        guard let top = groups.first?.path else { return [] }
        let present = Dictionary(groups.map { ($0.path, $0.cpus) }) { $1 }
        var targets = [top: wanted]
        var growing: [(path: String, cpus: [Int])] = []
        var shrinking: [(path: String, cpus: [Int])] = []
        for (path, cpus) in groups {
            if path != top {
                let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
                // One that has none yet holds no process.
                guard let above = targets[parent], let had = present[parent], !cpus.isEmpty else { continue }
                let kept = cpus.filter(above.contains)
                targets[path] = cpus == had || kept.isEmpty ? above : kept
            }
            guard let target = targets[path] else { continue }
            let both = Set(cpus).union(target).sorted()
            if both != cpus { growing.append((path, both)) }
            if target != both { shrinking.append((path, target)) }
        }
        return growing + shrinking.reversed()
    }
}
