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
    /// Its ids; none for a privileged instance.
    package let ids: IDMap
    /// What its root is mounted from.
    package let root: RootSource
    /// Whether it cannot write to its root.
    package let isRootReadOnly: Bool
    /// What it has beside its root, in the order it is mounted.
    package let disks: [InstanceDisk]
    /// Its device nodes beside those that every system needs.
    package let nodes: [InstanceNode]
    /// What its disks may be read and written.
    package let diskLimits: [LiveLimit]
    /// What the weight of its disks is written to; nil for the usual file.
    package let diskWeightFile: String?
    /// Where its files of this run lie.
    package let paths: InstancePaths
    /// The CPUs it is pinned to; nil for all.
    package let cpus: [Int]?
    /// Whether it may make only calls of the machine's own width.
    package var deniesForeignCalls: Bool { (try? ContainerConfig.deniesForeignCalls(config)) == true }
    /// The calls of it that lexd makes in its place.
    package var interceptedCalls: InterceptedCalls { (try? ContainerConfig.interceptedCalls(config)) ?? [] }
    /// The host's memory in bytes, which percentages refer to.
    package let hostMemory: Int64
    /// Whether the host arranges its control groups as v2.
    package let hasUnifiedCgroups: Bool
    /// Whether the kernel has AppArmor.
    package let hasAppArmor: Bool

    package init(
        name: InstanceName, key: String, config: Config<InstanceKeys>, ids: IDMap, root: RootSource,
        isRootReadOnly: Bool = false, disks: [InstanceDisk] = [], nodes: [InstanceNode] = [],
        diskLimits: [LiveLimit] = [],
        diskWeightFile: String? = nil, paths: InstancePaths, cpus: [Int]?, hostMemory: Int64, hasUnifiedCgroups: Bool,
        hasAppArmor: Bool
    ) {
        self.name = name
        self.key = key
        self.config = config
        self.ids = ids
        self.root = root
        self.isRootReadOnly = isRootReadOnly
        self.disks = disks
        self.nodes = nodes
        self.diskLimits = diskLimits
        self.diskWeightFile = diskWeightFile
        self.paths = paths
        self.cpus = cpus
        self.hostMemory = hostMemory
        self.hasUnifiedCgroups = hasUnifiedCgroups
        self.hasAppArmor = hasAppArmor
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
        lxcLocks = "/run/lxc/lock\(runDirectory)/lxc"
        logs = "\(logDirectory)/\(key)"
        self.cgroupPrefix = cgroupPrefix
        self.key = key
    }

    /// An empty directory that the root is mounted below, in the instance's own mount namespace.
    package var mounts: String { "\(run)/mounts" }
    /// The directory that it has as `/dev/lxd`.
    package var guest: String { "\(run)/guest" }
    /// Held locked while a helper works on the instance.
    package var lockFile: String { "\(run)/lock" }
    /// The process ids of the run: monitor and init.
    package var runFile: String { "\(run)/processes" }
    /// `stop` or `reboot`, written by the stop hook.
    package var stoppedFile: String { "\(run)/stopped" }
    /// The disks and device nodes of the run.
    package var devicesFile: String { "\(run)/devices" }
    /// There while it stands still for a copy of its files.
    package var stillFile: String { "\(run)/still" }
    /// The configuration the run began with, profiles among it.
    package var configFile: String { "\(run)/config" }
    /// The devices the run began with, profiles' among them, as they are written.
    package var startDevicesFile: String { "\(run)/devices-at-start" }
    /// What may be mounted in its place; see ``MountPolicy``.
    package var mountsFile: String { "\(run)/\(InterceptJob.mounts)" }
    /// The seccomp list.
    package var seccompFile: String { "\(run)/seccomp" }
    /// liblxc's log.
    package var lxcLog: String { "\(logs)/lxc.log" }
    /// The settings of the last start, for people to read; nothing else does.
    package var lxcConfig: String { "\(logs)/lxc.conf" }
    /// What the last run said on its console.
    package var consoleLog: String { "\(logs)/console.log" }

    /// The control group of the instance's processes.
    package var payloadGroup: String { "\(cgroupPrefix).payload.\(key)" }
    /// The control group of liblxc's monitor.
    package var monitorGroup: String { "\(cgroupPrefix).monitor.\(key)" }
    /// Where a monitor goes to remove its own group.
    package var pivotGroup: String { "\(cgroupPrefix).pivot" }
}
