import Glibc
import LexIPC
package import Logging

/// Limits of the host that stop many instances long before memory does; raised at the start, never lowered.
package enum HostLimits {
    /// Kernel settings and the least they should be. A system uses some ten inotify instances, 15 keys and 10 ptys.
    private static let wanted: [(setting: String, least: Int64)] = [
        ("fs/inotify/max_user_instances", 1_048_576), ("fs/inotify/max_user_watches", 1_048_576),
        ("kernel/keys/maxkeys", 200_000), ("kernel/keys/maxbytes", 20_000_000), ("kernel/pty/max", 65_536),
        ("net/ipv4/neigh/default/gc_thresh3", 8192), ("net/ipv6/neigh/default/gc_thresh3", 8192),
    ]

    /// Raises what is too low, and says so; names what cannot be raised.
    package static func raise(_ logger: Logger) {
        for (setting, least) in wanted {
            let path = "/proc/sys/\(setting)"
            guard let text = try? readFile(path), let present = Int64(text.filter { !$0.isWhitespace }), present < least
            else { continue }
            do {
                try writeKernelFile(path, String(least))
                logger.info("raised a limit of the host", metadata: ["setting": "\(setting)", "from": "\(present)", "to": "\(least)"])
            } catch {
                logger.warning(
                    "a limit of the host is low for many instances and cannot be raised",
                    metadata: ["setting": "\(setting)", "is": "\(present)", "wanted": "\(least)", "error": "\(error)"])
            }
        }
    }
}
