import Glibc
import LexIPC
package import Logging

/// Limits of the host that stop many instances long before memory does; raised at the start, never lowered.
package enum HostLimits {
    /// A setting of the kernel and the least it should be.
    struct Wish: Sendable {
        let setting: String
        let least: Int64
        /// What it stops.
        let what: String
    }

    /// For a thousand systems: each uses some ten inotify instances, 15 keys, 10 ptys, 60 processes, three mounts of
    /// its own for every unit, and has two addresses in the neighbour tables.
    static let wanted: [Wish] = [
        Wish(setting: "fs/inotify/max_user_instances", least: 1_048_576, what: "inotify instances of a user"),
        Wish(setting: "fs/inotify/max_user_watches", least: 1_048_576, what: "inotify watches of a user"),
        Wish(setting: "fs/inotify/max_queued_events", least: 1_048_576, what: "inotify events that wait"),
        Wish(setting: "fs/aio-max-nr", least: 524_288, what: "asynchronous requests of databases"),
        Wish(setting: "fs/file-max", least: 1_048_576, what: "open files"),
        Wish(setting: "fs/mount-max", least: 100_000, what: "mounts in a namespace"),
        Wish(setting: "kernel/keys/maxkeys", least: 200_000, what: "keys of a user"),
        Wish(setting: "kernel/keys/maxbytes", least: 20_000_000, what: "bytes in keys of a user"),
        Wish(setting: "kernel/pty/max", least: 65_536, what: "terminals"),
        Wish(setting: "kernel/pid_max", least: 4_194_304, what: "processes"),
        Wish(setting: "kernel/threads-max", least: 120_000, what: "threads"),
        Wish(setting: "vm/max_map_count", least: 262_144, what: "mappings of a process"),
        Wish(setting: "net/ipv4/neigh/default/gc_thresh3", least: 8192, what: "IPv4 neighbours"),
        Wish(setting: "net/ipv6/neigh/default/gc_thresh3", least: 8192, what: "IPv6 neighbours"),
        Wish(setting: "user/max_user_namespaces", least: 4096, what: "user namespaces"),
        Wish(setting: "user/max_net_namespaces", least: 4096, what: "network namespaces"),
        Wish(setting: "user/max_mnt_namespaces", least: 16_384, what: "mount namespaces"),
        Wish(setting: "user/max_pid_namespaces", least: 4096, what: "process namespaces"),
        Wish(setting: "user/max_cgroup_namespaces", least: 4096, what: "control group namespaces"),
        Wish(setting: "user/max_ipc_namespaces", least: 4096, what: "IPC namespaces"),
        Wish(setting: "user/max_uts_namespaces", least: 4096, what: "name namespaces"),
        Wish(setting: "user/max_inotify_instances", least: 1_048_576, what: "inotify instances of a namespace's user"),
        Wish(setting: "user/max_inotify_watches", least: 1_048_576, what: "inotify watches of a namespace's user"),
    ]

    /// Raises what is too low, and says so; names what cannot be raised, in words for a person.
    @discardableResult
    package static func raise(_ logger: Logger) -> [String] {
        raise(wanted, in: "/proc/sys", logger) + raiseOpenFiles(logger)
    }

    static func raise(_ wishes: [Wish], in directory: String, _ logger: Logger) -> [String] {
        var low: [String] = []
        for wish in wishes {
            let path = "\(directory)/\(wish.setting)"
            guard let text = try? readFile(path), let present = Int64(text.filter { !$0.isWhitespace }),
                present < wish.least
            else { continue }
            do {
                try writeKernelFile(path, String(wish.least))
                // Some are cut to what the kernel can have.
                let now = (try? readFile(path)).flatMap { Int64($0.filter { !$0.isWhitespace }) } ?? present
                logger.info(
                    "raised a limit of the host",
                    metadata: ["setting": "\(wish.setting)", "from": "\(present)", "to": "\(now)"])
            } catch {
                logger.warning(
                    "a limit of the host is low for many instances and cannot be raised",
                    metadata: [
                        "setting": "\(wish.setting)", "is": "\(present)", "wanted": "\(wish.least)",
                        "error": "\(error)",
                    ])
                low.append(
                    "\(wish.setting) allows only \(present) \(wish.what), \(wish.least) are wanted, and it cannot be "
                        + "raised: \(error)")
            }
        }
        return low
    }

    /// lexd itself has some ten descriptors open for each instance that runs.
    private static func raiseOpenFiles(_ logger: Logger) -> [String] {
        let least: rlim_t = 65_536
        var limit = rlimit()
        guard getrlimit(openFiles, &limit) == 0, limit.rlim_cur < least else { return [] }
        let before = limit.rlim_cur
        limit.rlim_max = max(limit.rlim_max, least)
        limit.rlim_cur = least
        if setrlimit(openFiles, &limit) == 0 {
            logger.info(
                "raised a limit of lexd itself",
                metadata: ["limit": "open files", "from": "\(before)", "to": "\(least)"])
            return []
        }
        let reason = String(cString: strerror(errno))
        logger.warning(
            "a limit of lexd itself is low for many instances and cannot be raised",
            metadata: ["limit": "open files", "is": "\(before)", "wanted": "\(least)", "error": "\(reason)"])
        return [
            "lexd may have only \(before) files open, \(least) are wanted, and it cannot be raised (\(reason)): set "
                + "LimitNOFILE in its unit file"
        ]
    }

    private static var openFiles: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
