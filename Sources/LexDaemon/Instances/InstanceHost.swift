import Glibc
import LexAPI
import LexHost
import LexInstance

/// The machine as instances meet it: what starts them, what gives them ids, terminals and limits.
struct InstanceHost: Sendable {
    let runtime: any Runtime
    let consoles: Consoles
    let ids: IDRanges
    let cgroups: CgroupLayout
    let facts: HostFacts
    /// `lexd-runtime`, for the stop hook.
    let runtimeProgram: String
    /// Where the files of a run lie.
    let runDirectory: String
    /// Where logs lie.
    let logDirectory: String
    /// What control groups' names begin with.
    let cgroupPrefix: String

    /// The paths of an instance by its record's key, `PROJECT/NAME`.
    func paths(of key: String) -> InstancePaths {
        InstancePaths(
            runDirectory: runDirectory, logDirectory: logDirectory, cgroupPrefix: cgroupPrefix,
            key: Self.flatName(key))
    }

    /// Removes what is true until the next boot, when no instance runs and none will be started: the run directory, the
    /// control group that monitors end in, and the directories liblxc makes for its locks. Waits for the disk.
    func forgetRun() throws {
        // liblxc makes one of its own below the one it is given.
        let pivot = paths(of: "").pivotGroup
        for group in [pivot + "/lxc.pivot", pivot] { cgroups.removeEmpty(group) }
        var locks = "/run/lxc/lock" + paths(of: "").lxcPath
        // Up to /run, as far as they are empty: others use liblxc too.
        while locks != "/run", rmdir(locks) == 0 || errno == ENOENT, let slash = locks.lastIndex(of: "/") {
            locks = String(locks[..<slash])
        }
        try removeTree(runDirectory)
    }

    /// What an instance is called where there is one level of names: `web`, or `PROJECT_web`. No instance's name has an
    /// underscore, so no two are the same.
    static func flatName(_ key: String) -> String {
        let parts = key.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, parts[0] != Project.defaultName else { return String(parts.last ?? "") }
        return "\(parts[0])_\(parts[1])"
    }
}
