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

    func paths(of key: String) -> InstancePaths {
        InstancePaths(runDirectory: runDirectory, logDirectory: logDirectory, cgroupPrefix: cgroupPrefix, key: key)
    }
}
