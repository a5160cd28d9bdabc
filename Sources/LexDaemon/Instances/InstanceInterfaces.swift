import LexAPI
import LexHost
import LexInstance
import LexNetwork

/// The network interfaces of a running instance as seen inside it.
enum InstanceInterfaces {
    /// Reads them through the run's netlink socket; empty when the namespace is just going away. Waits for whoever
    /// changes them.
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

/// What it takes to look at a running instance, for a thread that may wait.
struct StateLook: Sendable {
    let status: StatusCode
    let process: RunningInstance
    let hostNames: [String: String]
    let config: [String: String]
    let group: String
    let cgroups: CgroupLayout

    /// What the kernel says at this moment; without the disk.
    func state() -> Instance.State {
        Instance.State(
            status: status, disk: [:], memory: InstanceStats.memory(group, cgroups),
            network: InstanceInterfaces.read(process, hostNames: hostNames, config: config),
            pid: Int64(process.initProcess), processes: InstanceStats.processes(group, cgroups),
            cpu: InstanceStats.cpu(group, cgroups))
    }
}
