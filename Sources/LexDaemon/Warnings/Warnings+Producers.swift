import LexAPI
import LexHost
import LexInstance
import LexNetwork
import Logging

extension Warnings {
    /// Looks at the machine, at the daemon's start, and notes what it lacks.
    func lookAtHost(_ host: InstanceHost, logger: Logger) async {
        if host.facts.hasAppArmor {
            await resolve(.appArmorNotAvailable)
        } else {
            await record(.appArmorNotAvailable, "Disabled because of lack of kernel support")
        }
        let missing = ["blkio", "cpu", "cpuacct", "cpuset", "freezer", "memory", "pids"].filter {
            host.cgroups.directory($0, "") == nil && !(host.cgroups.isUnified && $0 == "blkio")
        }
        await set(
            .missingController,
            missing.isEmpty
                ? [:]
                : ["": "This kernel does not have, so limits by them do nothing: \(missing.joined(separator: ", "))"])
        let low = (try? await blocking { HostLimits.raise(logger) }) ?? []
        await set(.hostLimit, low.isEmpty ? [:] : ["": low.joined(separator: "; ")])
    }

    /// Whom networks tell their trouble.
    var ofNetworks: NetworkTrouble {
        NetworkTrouble(
            foreignFirewalls: { found in
                let messages = Dictionary(grouping: found) { "/1.0/networks/\($0.network)" }
                await set(.foreignFirewall, messages.mapValues { $0.map(\.text).joined(separator: "; ") })
            },
            dnsmasq: { network, trouble in
                let entity = "/1.0/networks/\(network)"
                if let trouble {
                    await record(.dnsmasqFailing, trouble, entity: entity)
                } else {
                    await resolve(.dnsmasqFailing, entity: entity)
                }
            })
    }
}
