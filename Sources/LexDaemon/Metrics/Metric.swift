/// Everything that is measured, in the order it is told. The names and words are those of LXD 5.0.2
/// (`lxd/metrics/types.go`); what begins with `lexd_` is ours.
enum Metric: String, CaseIterable, Sendable {
    case cpuSeconds = "lxd_cpu_seconds_total"
    case diskReadBytes = "lxd_disk_read_bytes_total"
    case diskReads = "lxd_disk_reads_completed_total"
    case diskWrittenBytes = "lxd_disk_written_bytes_total"
    case diskWrites = "lxd_disk_writes_completed_total"
    case filesystemAvailable = "lxd_filesystem_avail_bytes"
    case filesystemFree = "lxd_filesystem_free_bytes"
    case filesystemSize = "lxd_filesystem_size_bytes"
    case memoryActiveAnon = "lxd_memory_Active_anon_bytes"
    case memoryActiveFile = "lxd_memory_Active_file_bytes"
    case memoryActive = "lxd_memory_Active_bytes"
    case memoryCached = "lxd_memory_Cached_bytes"
    case memoryDirty = "lxd_memory_Dirty_bytes"
    case memoryInactiveAnon = "lxd_memory_Inactive_anon_bytes"
    case memoryInactiveFile = "lxd_memory_Inactive_file_bytes"
    case memoryInactive = "lxd_memory_Inactive_bytes"
    case memoryMapped = "lxd_memory_Mapped_bytes"
    case memoryAvailable = "lxd_memory_MemAvailable_bytes"
    case memoryFree = "lxd_memory_MemFree_bytes"
    case memoryTotal = "lxd_memory_MemTotal_bytes"
    case memoryRSS = "lxd_memory_RSS_bytes"
    case memoryShared = "lxd_memory_Shmem_bytes"
    case memorySwap = "lxd_memory_Swap_bytes"
    case memoryUnevictable = "lxd_memory_Unevictable_bytes"
    case memoryWriteback = "lxd_memory_Writeback_bytes"
    case memoryOOMKills = "lxd_memory_OOM_kills_total"
    case networkReceivedBytes = "lxd_network_receive_bytes_total"
    case networkReceiveDropped = "lxd_network_receive_drop_total"
    case networkReceiveErrors = "lxd_network_receive_errs_total"
    case networkReceivedPackets = "lxd_network_receive_packets_total"
    case networkSentBytes = "lxd_network_transmit_bytes_total"
    case networkSendDropped = "lxd_network_transmit_drop_total"
    case networkSendErrors = "lxd_network_transmit_errs_total"
    case networkSentPackets = "lxd_network_transmit_packets_total"
    case processes = "lxd_procs_total"
    case instances = "lexd_instances"
    case operations = "lexd_operations"
    case warnings = "lexd_warnings"
    case residentMemory = "lexd_resident_memory_bytes"
    case openDescriptors = "lexd_open_descriptors"
    case threads = "lexd_threads"
    case daemonCPUSeconds = "lexd_cpu_seconds_total"
    case uptime = "lexd_uptime_seconds"

    /// One sentence on what it is.
    var help: String {
        switch self {
        case .cpuSeconds: "The total number of CPU time used in seconds."
        case .diskReadBytes: "The total number of bytes read."
        case .diskReads: "The total number of completed reads."
        case .diskWrittenBytes: "The total number of bytes written."
        case .diskWrites: "The total number of completed writes."
        case .filesystemAvailable: "The number of available space in bytes."
        case .filesystemFree: "The number of free space in bytes."
        case .filesystemSize: "The size of the filesystem in bytes."
        case .memoryActiveAnon: "The amount of anonymous memory on active LRU list."
        case .memoryActiveFile: "The amount of file-backed memory on active LRU list."
        case .memoryActive: "The amount of memory on active LRU list."
        case .memoryCached: "The amount of cached memory."
        case .memoryDirty: "The amount of memory waiting to get written back to the disk."
        case .memoryInactiveAnon: "The amount of anonymous memory on inactive LRU list."
        case .memoryInactiveFile: "The amount of file-backed memory on inactive LRU list."
        case .memoryInactive: "The amount of memory on inactive LRU list."
        case .memoryMapped: "The amount of mapped memory."
        case .memoryAvailable: "The amount of available memory."
        case .memoryFree: "The amount of free memory."
        case .memoryTotal: "The amount of memory the instance may use."
        case .memoryRSS: "The amount of anonymous and swap cache memory."
        case .memoryShared: "The amount of cached filesystem data that is swap-backed."
        case .memorySwap: "The amount of used swap memory."
        case .memoryUnevictable: "The amount of unevictable memory."
        case .memoryWriteback: "The amount of memory queued for syncing to disk."
        case .memoryOOMKills: "The number of out of memory kills."
        case .networkReceivedBytes: "The amount of received bytes on a given interface."
        case .networkReceiveDropped: "The amount of received dropped bytes on a given interface."
        case .networkReceiveErrors: "The amount of received errors on a given interface."
        case .networkReceivedPackets: "The amount of received packets on a given interface."
        case .networkSentBytes: "The amount of transmitted bytes on a given interface."
        case .networkSendDropped: "The amount of transmitted dropped bytes on a given interface."
        case .networkSendErrors: "The amount of transmitted errors on a given interface."
        case .networkSentPackets: "The amount of transmitted packets on a given interface."
        case .processes: "The number of running processes."
        case .instances: "The number of instances by status."
        case .operations: "The number of operations under way."
        case .warnings: "The number of warnings that are not resolved, by severity."
        case .residentMemory: "The memory of the daemon itself in bytes."
        case .openDescriptors: "The number of descriptors the daemon has open."
        case .threads: "The number of threads of the daemon."
        case .daemonCPUSeconds: "The CPU time the daemon itself has used in seconds."
        case .uptime: "The time since the daemon began in seconds."
        }
    }

    /// What only grows is a counter. LXD calls the number of processes a gauge, whatever its name.
    var isCounter: Bool { rawValue.hasSuffix("_total") && self != .processes }
}

/// Measured values, to be told as OpenMetrics text.
struct MetricSet: Sendable {
    private var samples: [Metric: [(labels: String, value: Double)]] = [:]

    init() {}

    mutating func add(_ metric: Metric, _ value: Double, _ labels: [String: String]) {
        samples[metric, default: []].append((Self.text(labels), value))
    }
    mutating func add(_ metric: Metric, _ value: UInt64, _ labels: [String: String]) {
        add(metric, Double(value), labels)
    }

    /// The text, ended as OpenMetrics wants it.
    var text: String {
        var text = ""
        for metric in Metric.allCases {
            guard let samples = samples[metric] else { continue }
            text += "# HELP \(metric.rawValue) \(metric.help)\n"
            text += "# TYPE \(metric.rawValue) \(metric.isCounter ? "counter" : "gauge")\n"
            for sample in samples { text += "\(metric.rawValue)\(sample.labels) \(Self.text(sample.value))\n" }
        }
        return text + "# EOF\n"
    }

    private static func text(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    private static func text(_ labels: [String: String]) -> String {
        if labels.isEmpty { return "" }
        return "{"
            + labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
            + "}"
    }

    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return text }
        return text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
