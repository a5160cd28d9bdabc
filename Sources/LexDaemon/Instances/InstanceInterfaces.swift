import LexAPI
import LexHost
import LexInstance
import LexNetwork

/// The network interfaces of a running instance as seen inside it.
enum InstanceInterfaces {
    /// Reads them through the run's netlink socket; empty when the namespace is just going away.
    ///
    /// - Parameter hostNames: The names of the interfaces' other ends, by device.
    static func read(
        _ process: RunningInstance, hostNames: [String: String], config: [String: String]
    ) -> [String: Instance.Network] {
        let byInsideName = Dictionary(
            hostNames.map { device, hostName in (config["volatile.\(device).name"] ?? device, hostName) }
        ) { $1 }
        return process.withNetlink { session in
            (try? Instance.Network.all(session, hostNames: byInsideName)) ?? [:]
        }
    }
}
