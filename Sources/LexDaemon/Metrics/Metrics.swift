import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import Synchronization

/// What the daemon measures: what each running instance uses, and what it uses itself.
///
/// Whoever asks within some seconds gets what was measured before: several collectors cost as much as one.
final class Metrics: Sendable {
    private let instances: Instances
    private let pools: StoragePools
    private let operations: Operations
    private let warnings: Warnings
    private let memory: UInt64
    private let began = ContinuousClock.now
    private let measuring = OneAtATime()
    private let cache = Mutex<(at: ContinuousClock.Instant, measured: [Measured])?>(nil)

    /// How old an answer may be; LXD keeps its as long.
    private static let freshness = Duration.seconds(8)

    /// - Parameter memory: The machine's, in bytes.
    init(instances: Instances, pools: StoragePools, operations: Operations, warnings: Warnings, memory: Int64) {
        self.instances = instances
        self.pools = pools
        self.operations = operations
        self.warnings = warnings
        self.memory = UInt64(max(0, memory))
    }

    /// What was measured of one instance.
    struct Measured: Sendable {
        let project: String
        let name: String
        let numbers: InstanceMeasurements
        let links: [(name: String, counters: Link.Counters)]
        let filesystem: Filesystem?
    }

    /// The file system that an instance's files lie in.
    struct Filesystem: Sendable {
        var type: String
        var size: UInt64
        var free: UInt64
        var available: UInt64
    }

    /// All as OpenMetrics text.
    ///
    /// - Parameter project: Only the instances of this one, and nothing of the daemon.
    func text(project: String?) async throws -> String {
        var set = MetricSet()
        let diskNames = DiskNames()
        for one in try await measured() where project == nil || project == one.project {
            add(one, to: &set, diskNames)
        }
        if project == nil { try await addOwn(to: &set) }
        return set.text
    }

    private func measured() async throws -> [Measured] {
        if let fresh = fresh { return fresh }
        return try await measuring.run {
            // Who waited for its turn finds what the one before it measured.
            if let fresh = self.fresh { return fresh }
            let measured = try await self.measure()
            self.cache.withLock { $0 = (.now, measured) }
            return measured
        }
    }

    private var fresh: [Measured]? {
        cache.withLock { cache in
            guard let cache, ContinuousClock.now - cache.at < Self.freshness else { return nil }
            return cache.measured
        }
    }

    private func measure() async throws -> [Measured] {
        struct Look: Sendable {
            let record: InstanceRecord
            let group: String
            let run: LiveInstance.Run
        }
        let host = instances.host
        let looks = try await instances.list(project: nil).compactMap { stored -> Look? in
            guard let run = instances.liveInstance(stored.value.key).run else { return nil }
            return Look(record: stored.value, group: host.paths(of: stored.value.key).payloadGroup, run: run)
        }
        guard !looks.isEmpty else { return [] }
        let sources = try await pools.records.list().map { ($0.name, $0.value.config["source"] ?? "") }
        return try await blocking {
            // Of each pool once: the kernel asks the disk.
            let mounts = Filesystem.mounts()
            let filesystems = Dictionary(
                sources.compactMap { name, path in Filesystem(path, mounts: mounts).map { (name, $0) } },
                uniquingKeysWith: { $1 })
            return looks.map { look in
                let links = look.run.process.withNetlink { session in (try? session.links()) ?? [] }
                return Measured(
                    project: look.record.project, name: look.record.name,
                    numbers: InstanceMeasurements.read(look.group, host.cgroups),
                    links: links.map { ($0.name, $0.counters) }, filesystem: filesystems[look.record.pool])
            }
        }
    }

    private func add(_ one: Measured, to set: inout MetricSet, _ diskNames: DiskNames) {
        let place = ["name": one.name, "project": one.project]
        let labels = place.merging(["type": "container"]) { $1 }
        func with(_ more: [String: String]) -> [String: String] { labels.merging(more) { $1 } }
        for time in one.numbers.cpus {
            set.add(.cpuSeconds, time.system, with(["cpu": "\(time.cpu)", "mode": "system"]))
            set.add(.cpuSeconds, time.user, with(["cpu": "\(time.cpu)", "mode": "user"]))
        }
        for (number, traffic) in one.numbers.disks.sorted(by: { $0.key < $1.key }) {
            let device = with(["device": diskNames.name(of: number)])
            set.add(.diskReadBytes, traffic.readBytes, device)
            set.add(.diskReads, traffic.reads, device)
            set.add(.diskWrittenBytes, traffic.writtenBytes, device)
            set.add(.diskWrites, traffic.writes, device)
        }
        if let filesystem = one.filesystem {
            let root = place.merging(["device": "", "fstype": filesystem.type, "mountpoint": "/"]) { $1 }
            set.add(.filesystemAvailable, filesystem.available, root)
            set.add(.filesystemFree, filesystem.free, root)
            set.add(.filesystemSize, filesystem.size, root)
        }
        addMemory(one.numbers, to: &set, labels)
        for link in one.links {
            let device = with(["device": link.name])
            set.add(.networkReceivedBytes, link.counters.receivedBytes, device)
            set.add(.networkReceiveDropped, link.counters.receiveDropped, device)
            set.add(.networkReceiveErrors, link.counters.receiveErrors, device)
            set.add(.networkReceivedPackets, link.counters.receivedPackets, device)
            set.add(.networkSentBytes, link.counters.sentBytes, device)
            set.add(.networkSendDropped, link.counters.sendDropped, device)
            set.add(.networkSendErrors, link.counters.sendErrors, device)
            set.add(.networkSentPackets, link.counters.sentPackets, device)
        }
        if let processes = one.numbers.processes { set.add(.processes, processes, labels) }
    }

    private func addMemory(_ numbers: InstanceMeasurements, to set: inout MetricSet, _ labels: [String: String]) {
        func word(_ name: String) -> UInt64 { numbers.memory[name] ?? 0 }
        let total = min(numbers.memoryLimit ?? memory, memory)
        let free = total - min(total, numbers.memoryUsage)
        let values: [(Metric, UInt64)] = [
            (.memoryActiveAnon, word("active_anon")), (.memoryActiveFile, word("active_file")),
            (.memoryActive, word("active_anon") &+ word("active_file")), (.memoryCached, word("file")),
            (.memoryDirty, word("file_dirty")), (.memoryInactiveAnon, word("inactive_anon")),
            (.memoryInactiveFile, word("inactive_file")),
            (.memoryInactive, word("inactive_anon") &+ word("inactive_file")), (.memoryMapped, word("file_mapped")),
            (.memoryAvailable, min(total, free &+ word("file"))), (.memoryFree, free), (.memoryTotal, total),
            (.memoryRSS, word("anon")), (.memoryShared, word("shmem")), (.memorySwap, numbers.swapUsage),
            (.memoryUnevictable, word("unevictable")), (.memoryWriteback, word("file_writeback")),
            (.memoryOOMKills, numbers.outOfMemoryKills),
        ]
        for (metric, value) in values { set.add(metric, value, labels) }
    }

    // MARK: the daemon itself

    private func addOwn(to set: inout MetricSet) async throws {
        var statuses: [String: UInt64] = [:]
        for stored in try await instances.list(project: nil) {
            statuses[instances.liveInstance(stored.value.key).lifecycle.status.name, default: 0] += 1
        }
        for (status, count) in statuses.sorted(by: { $0.key < $1.key }) {
            set.add(.instances, count, ["status": status.lowercased(), "type": "container"])
        }
        set.add(.operations, UInt64(operations.underWay), [:])
        var severities: [String: UInt64] = ["low": 0, "moderate": 0, "high": 0]
        for warning in try await warnings.list() where warning.status != Warning.Status.resolved.rawValue {
            severities[warning.severity, default: 0] += 1
        }
        for (severity, count) in severities.sorted(by: { $0.key < $1.key }) {
            set.add(.warnings, count, ["severity": severity])
        }
        let own = try await blocking { OwnProcess.read() }
        set.add(.residentMemory, own.residentBytes, [:])
        set.add(.openDescriptors, own.descriptors, [:])
        set.add(.threads, own.threads, [:])
        set.add(.daemonCPUSeconds, own.cpuSeconds, [:])
        let uptime = began.duration(to: .now).components
        set.add(.uptime, Double(uptime.seconds), [:])
    }
}

extension Metrics.Filesystem {
    /// The one that a path lies in, by the mounts of this process.
    init?(_ path: String, mounts: [(place: String, type: String)]) {
        var found = statvfs()
        guard !path.isEmpty, statvfs(path, &found) == 0 else { return nil }
        func bytes(_ blocks: UInt64) -> UInt64 {
            let (bytes, isTooMuch) = blocks.multipliedReportingOverflow(by: UInt64(found.f_frsize))
            return isTooMuch ? 0 : bytes
        }
        size = bytes(UInt64(found.f_blocks))
        free = bytes(UInt64(found.f_bfree))
        available = bytes(UInt64(found.f_bavail))
        let over = mounts.filter { path == $0.place || path.hasPrefix($0.place == "/" ? "/" : $0.place + "/") }
        // Of several in one place the last one is on top.
        type = over.reduce(("", "")) { $1.place.utf8.count >= $0.0.utf8.count ? ($1.place, $1.type) : $0 }.1
    }

    /// Where what kind of file system is mounted (proc(5)).
    static func mounts() -> [(place: String, type: String)] {
        ((try? readFile("/proc/self/mounts", limit: 16 << 20)) ?? "").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count > 2 ? (String(fields[1]), String(fields[2])) : nil
        }
    }
}

/// The names of disks by their numbers, each looked up once.
final class DiskNames {
    private var known: [String: String] = [:]

    func name(of number: String) -> String {
        if let name = known[number] { return name }
        let tree = KernelTree()
        let name = tree.linkName("/sys/dev/block/\(number)") ?? number
        known[number] = name
        return name
    }
}

/// What the daemon's own process uses (proc(5)).
struct OwnProcess: Sendable {
    var residentBytes: UInt64 = 0
    var descriptors: UInt64 = 0
    var threads: UInt64 = 0
    var cpuSeconds: Double = 0

    static func read() -> OwnProcess {
        var own = OwnProcess()
        let status = (try? readFile("/proc/self/status")) ?? ""
        for line in status.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, let number = UInt64(words[1]) else { continue }
            if words[0] == "VmRSS:" { own.residentBytes = number.multipliedReportingOverflow(by: 1024).partialValue }
            if words[0] == "Threads:" { own.threads = number }
        }
        own.descriptors = UInt64((try? directoryNames("/proc/self/fd"))?.count ?? 0)
        var time = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
            own.cpuSeconds = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        return own
    }
}
