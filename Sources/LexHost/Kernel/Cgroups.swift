import CLexLinux
import Glibc
package import LexIPC

/// How this host arranges its control groups: the unified tree (v2), or one tree for each controller (v1), possibly
/// beside a unified tree without controllers (hybrid).
package struct CgroupLayout: Sendable {
    /// Where the tree of a controller is mounted; for v2 all controllers have the same.
    private let roots: [String: String]
    /// Whether limits are written in v2's words.
    package let isUnified: Bool
    /// Where the unified tree is mounted, whatever is limited by it; nil without one.
    package let unifiedRoot: String?
    /// Every tree, each once.
    package let allRoots: [String]

    /// Reads the mounts of this process (cgroups(7), proc(5)).
    package static func detect() throws -> CgroupLayout {
        CgroupLayout(mounts: try readFile("/proc/self/mounts"))
    }

    /// Reads a mount table.
    package init(mounts: String) {
        var roots: [String: String] = [:]
        var unified: String?
        var all: [String] = []
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            let path = String(fields[1])
            if fields[2] == "cgroup2" {
                unified = unified ?? path
                all.append(path)
            } else if fields[2] == "cgroup" {
                all.append(path)
                for option in fields[3].split(separator: ",") where roots[String(option)] == nil {
                    roots[String(option)] = path
                }
            }
        }
        if roots["memory"] == nil, let unified {
            isUnified = true
            for controller in ["cpu", "cpuacct", "cpuset", "memory", "pids", "freezer", "hugetlb", "io"] {
                roots[controller] = unified
            }
        } else {
            isUnified = false
        }
        self.roots = roots
        unifiedRoot = unified
        allRoots = all
    }

    /// The directory of a group in the tree of a controller; nil where there is no such controller.
    package func directory(_ controller: String, _ group: String) -> String? {
        roots[controller].map { "\($0)/\(group)" }
    }

    /// The directory of a group that decides which devices its processes may use: of v2 a program there. Nil where
    /// nothing does.
    package func deciderOfDevices(_ group: String) -> String? {
        isUnified ? unifiedRoot.map { "\($0)/\(group)" } : directory("devices", group)
    }

    /// Removes a group without processes from every tree, with the groups below it: liblxc makes some there, and so do
    /// guests. One that is not there, or that has processes, is left.
    ///
    /// - Parameter hasGuest: Whether a guest may live in it, whose empty groups are its own.
    package func removeEmpty(_ group: String, hasGuest: Bool = true) {
        for root in allRoots {
            // Most have none below.
            if rmdir("\(root)/\(group)") == 0 || errno != EBUSY { continue }
            var found = ["\(root)/\(group)"]
            var next = 0
            while next < found.count {
                found += Self.groups(in: found[next])
                next += 1
            }
            if hasGuest, found.contains(where: { (try? readFile("\($0)/cgroup.procs"))?.isEmpty != true }) { continue }
            for path in found.reversed() { rmdir(path) }
        }
    }

    /// The processes of a group and of those below it, whichever tree they are in. Throws when it cannot tell: no
    /// answer is not "none".
    package func allProcesses(in group: String) throws(SystemError) -> Set<Int32> {
        var waiting = allRoots.map { "\($0)/\(group)" }
        var found: Set<Int32> = []
        while let path = waiting.popLast() {
            do throws(SystemError) {
                let list = try readFile("\(path)/cgroup.procs", limit: 64 << 20)
                found.formUnion(list.split(separator: "\n").compactMap { Int32($0) })
            } catch {
                // It is gone, or a threaded one, whose processes are listed above it (cgroups(7)).
                guard [ENOENT, ENODEV, EOPNOTSUPP].contains(error.code) else { throw error }
            }
            waiting += Self.groups(in: path)
        }
        return found
    }

    /// The paths of the groups below one, the upper first: guests make as many as they like.
    ///
    /// - Parameter limit: How many at most.
    /// - Parameter deadline: When to look for no more.
    package func groupsBelow(
        _ path: String, limit: Int = 65536, until deadline: ContinuousClock.Instant? = nil
    ) -> [String] {
        var found = Self.groups(in: path, limit: limit)
        var next = 0
        while next < found.count, found.count < limit {
            if let deadline, ContinuousClock.now >= deadline { break }
            found += Self.groups(in: found[next], limit: limit - found.count)
            next += 1
        }
        return found
    }

    /// The paths of the groups right below one.
    private static func groups(in path: String, limit: Int = .max) -> [String] {
        var own = stat()
        // Most have none, and dozens of files: its links tell (a group has two, and one of each below it).
        if lstat(path, &own) == 0, own.st_nlink == 2 { return [] }
        var found: [String] = []
        for name in (try? directoryNames(path)) ?? [] {
            if found.count >= limit { break }
            var status = stat()
            guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            found.append("\(path)/\(name)")
        }
        return found
    }

    /// The groups right below the root of any tree whose names begin so.
    package func groups(withPrefix prefix: String) -> Set<String> {
        var names: Set<String> = []
        for root in allRoots {
            for name in (try? directoryNames(root)) ?? [] where name.hasPrefix(prefix) { names.insert(name) }
        }
        return names
    }
}

/// A number in a control group's file; nil when it is not there, is not a number, or means "no limit".
package func cgroupNumber(_ path: String) -> Int64? {
    guard let text = try? readFile(path, limit: 4096) else { return nil }
    return Int64(text.split(whereSeparator: \.isWhitespace).first ?? "")
}
