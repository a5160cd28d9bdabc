package import LexAPI
package import LexIPC
package import LexStorage

/// Everything needed to start one instance: values only, every name looked up.
package struct InstancePlan: Sendable {
    /// Its name, for people.
    package let name: InstanceName
    /// What it is called among all instances of this daemon: its name, its project before it unless `default`.
    package let key: String
    /// Its configuration and that of its profiles.
    package let config: Config<InstanceKeys>
    /// The first of its host ids; nil for a privileged instance.
    package let firstID: UInt32?
    /// What its root is mounted from.
    package let root: RootSource
    /// Where its files of this run lie.
    package let paths: InstancePaths
    /// The CPUs it is pinned to; nil for all.
    package let cpus: [Int]?
    /// The host's memory in bytes, which percentages refer to.
    package let hostMemory: Int64
    /// Whether the host arranges its control groups as v2.
    package let hasUnifiedCgroups: Bool
    /// Whether the kernel has AppArmor.
    package let hasAppArmor: Bool

    package init(
        name: InstanceName, key: String, config: Config<InstanceKeys>, firstID: UInt32?, root: RootSource,
        paths: InstancePaths, cpus: [Int]?, hostMemory: Int64, hasUnifiedCgroups: Bool, hasAppArmor: Bool
    ) {
        self.name = name
        self.key = key
        self.config = config
        self.firstID = firstID
        self.root = root
        self.paths = paths
        self.cpus = cpus
        self.hostMemory = hostMemory
        self.hasUnifiedCgroups = hasUnifiedCgroups
        self.hasAppArmor = hasAppArmor
    }

    /// Its ids, as a map.
    package var ids: [IDRange] {
        firstID.map { [IDRange(inside: 0, host: $0, count: 65536)] } ?? []
    }
}

/// Where the files of an instance's run lie, and what its control groups are called.
package struct InstancePaths: Sendable, Equatable {
    /// `RUN/instances/KEY`: the directory of the others.
    package let run: String
    /// What liblxc names its command sockets after; the same for all instances.
    package let lxcPath: String
    /// Where liblxc keeps its locks for that path (`lxc_lock()` in its lxclock.c); the same for all instances.
    package let lxcLocks: String
    /// The directory of its logs.
    package let logs: String
    /// What its control groups' names begin with.
    private let cgroupPrefix: String
    private let key: String

    package init(runDirectory: String, logDirectory: String, cgroupPrefix: String, key: String) {
        run = "\(runDirectory)/instances/\(key)"
        lxcPath = "\(runDirectory)/lxc"
        lxcLocks = "/run/lxc/lock\(runDirectory)"
        logs = "\(logDirectory)/\(key)"
        self.cgroupPrefix = cgroupPrefix
        self.key = key
    }

    /// An empty directory that the root is mounted below, in the instance's own mount namespace.
    package var mounts: String { "\(run)/mounts" }
    /// Held locked while a helper works on the instance.
    package var lockFile: String { "\(run)/lock" }
    /// The process ids of the run: monitor and init.
    package var runFile: String { "\(run)/processes" }
    /// `stop` or `reboot`, written by the stop hook.
    package var stoppedFile: String { "\(run)/stopped" }
    /// The seccomp list.
    package var seccompFile: String { "\(run)/seccomp" }
    /// liblxc's log.
    package var lxcLog: String { "\(logs)/lxc.log" }

    /// The control group of the instance's processes.
    package var payloadGroup: String { "\(cgroupPrefix).payload.\(key)" }
    /// The control group of liblxc's monitor.
    package var monitorGroup: String { "\(cgroupPrefix).monitor.\(key)" }
    /// Where a monitor goes to remove its own group.
    package var pivotGroup: String { "\(cgroupPrefix).pivot" }
}
