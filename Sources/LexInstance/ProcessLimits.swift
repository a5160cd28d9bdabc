package import LexAPI
import LexIPC

/// The limits of processes, `limits.kernel.*`, as the kernel has them (/proc/PID/limits in proc(5)).
package enum ProcessLimits {
    /// Those of a process that some keys are about.
    package static func inForce(_ keys: Set<String>, process: Int32) -> [Instance.Explanation.Limit] {
        let keys = keys.filter { $0.hasPrefix(prefix) }
        guard !keys.isEmpty, let text = try? readFile("/proc/\(process)/limits", limit: 65536) else { return [] }
        return read(text, keys)
    }

    static func read(_ text: String, _ keys: Set<String>) -> [Instance.Explanation.Limit] {
        keys.sorted().compactMap { key in
            let name = String(key.dropFirst(prefix.count))
            guard let label = labels[name],
                let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Max \(label) ") })
            else { return nil }
            let values = line.dropFirst("Max \(label) ".count).split(separator: " ").prefix(2)
            return Instance.Explanation.Limit(
                key: key, file: "rlimit \(name) of init", value: values.joined(separator: ":"))
        }
    }

    private static let prefix = "limits.kernel."
    private static let labels = [
        "as": "address space", "core": "core file size", "cpu": "cpu time", "data": "data size", "fsize": "file size",
        "locks": "file locks", "memlock": "locked memory", "msgqueue": "msgqueue size", "nice": "nice priority",
        "nofile": "open files", "nproc": "processes", "rss": "resident set", "rtprio": "realtime priority",
        "rttime": "realtime timeout", "sigpending": "pending signals", "stack": "stack size",
    ]
}
