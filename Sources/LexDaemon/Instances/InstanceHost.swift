import Glibc
import LexAPI
import LexHost
import LexInstance

/// The machine as instances meet it: what starts them, what gives them ids, terminals and limits.
struct InstanceHost: Sendable {
    let runtime: any Runtime
    let consoles: any ConsoleHolder
    let ids: IDRanges
    let cgroups: CgroupLayout
    let facts: HostFacts
    /// Where the files of a run lie.
    let runDirectory: String
    /// Where logs lie.
    let logDirectory: String
    /// What control groups' names begin with.
    let cgroupPrefix: String
    /// Where lxcfs is mounted when it is there.
    var lxcfs = "/var/lib/lxcfs"
    /// How long a helper may take that a lexd before this one left at work.
    var patience = Duration.seconds(120)

    /// The paths of an instance by its record's key, `PROJECT/NAME`.
    func paths(of key: String) -> InstancePaths { paths(named: Self.flatName(key)) }

    /// The paths of an instance by its flat name.
    func paths(named flatName: String) -> InstancePaths {
        InstancePaths(
            runDirectory: runDirectory, logDirectory: logDirectory, cgroupPrefix: cgroupPrefix, key: flatName)
    }

    /// Removes what all runs share, when there is none: the directory of this boot, liblxc's directory of locks, the
    /// group that monitors go to at their end.
    ///
    /// For the daemon's end. An instance that is just being started has its directory there already; then all stays.
    func removeTraces() throws {
        let directory = "\(runDirectory)/instances"
        if let names = try? directoryNames(directory), !names.isEmpty { return }
        let paths = paths(named: "")
        cgroups.removeEmpty(paths.pivotGroup)
        try removeTree(paths.lxcLocks)
        // Up to /run, as far as they are empty: others use liblxc too.
        var locks = paths.lxcLocks
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
