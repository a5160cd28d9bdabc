import Foundation
import LexAPI
import Testing

@testable import LexDaemon

@Suite struct MetricTests {
    @Test func theTextIsOpenMetrics() {
        var set = MetricSet()
        set.add(.processes, 3 as UInt64, ["project": "default", "name": "a\"b\\c\nd", "type": "container"])
        set.add(.cpuSeconds, 0.25, ["cpu": "0", "mode": "user"])
        set.add(.uptime, 7 as UInt64, [:])
        #expect(
            set.text == """
                # HELP lxd_cpu_seconds_total The total number of CPU time used in seconds.
                # TYPE lxd_cpu_seconds_total counter
                lxd_cpu_seconds_total{cpu="0",mode="user"} 0.25
                # HELP lxd_procs_total The number of running processes.
                # TYPE lxd_procs_total gauge
                lxd_procs_total{name="a\\"b\\\\c\\nd",project="default",type="container"} 3
                # HELP lexd_uptime_seconds The time since the daemon began in seconds.
                # TYPE lexd_uptime_seconds gauge
                lexd_uptime_seconds 7
                # EOF

                """)
        #expect(MetricSet().text == "# EOF\n")
    }

    /// What LXD 5.0.2 tells of a container, of which nothing may be missing.
    @Test func everyMetricOfLXDIsThere() {
        let names = Set(Metric.allCases.map(\.rawValue))
        for name in [
            "cpu_seconds_total", "disk_read_bytes_total", "disk_reads_completed_total", "disk_writes_completed_total",
            "disk_written_bytes_total", "filesystem_avail_bytes", "filesystem_free_bytes", "filesystem_size_bytes",
            "memory_Active_anon_bytes", "memory_Active_bytes", "memory_Active_file_bytes", "memory_Cached_bytes",
            "memory_Dirty_bytes", "memory_Inactive_anon_bytes", "memory_Inactive_bytes", "memory_Inactive_file_bytes",
            "memory_Mapped_bytes", "memory_MemAvailable_bytes", "memory_MemFree_bytes", "memory_MemTotal_bytes",
            "memory_OOM_kills_total", "memory_RSS_bytes", "memory_Shmem_bytes", "memory_Swap_bytes",
            "memory_Unevictable_bytes", "memory_Writeback_bytes", "network_receive_bytes_total",
            "network_receive_drop_total", "network_receive_errs_total", "network_receive_packets_total",
            "network_transmit_bytes_total", "network_transmit_drop_total", "network_transmit_errs_total",
            "network_transmit_packets_total", "procs_total",
        ] { #expect(names.contains("lxd_" + name)) }
    }

    /// Every metric that the dashboard asks for is one that is told.
    @Test func theDashboardAsksForWhatIsThere() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "grafana/lexd.json"))
        let dashboard = try JSONDecoder().decode(JSONValue.self, from: data)
        var asked: Set<String> = []
        for expression in Self.expressions(dashboard) {
            for match in expression.matches(of: /\b(?:lxd|lexd)_[A-Za-z_]+/) { asked.insert(String(match.0)) }
        }
        #expect(asked.count > 10)
        let unknown = asked.subtracting(Metric.allCases.map(\.rawValue))
        #expect(unknown == [])
    }

    private static func expressions(_ value: JSONValue) -> [String] {
        switch value {
        case .array(let elements): elements.flatMap(expressions)
        case .object(let members):
            members.flatMap { name, value in
                ["expr", "query", "definition"].contains(name) && value.text != nil
                    ? [value.text ?? ""] : expressions(value)
            }
        default: []
        }
    }
}
