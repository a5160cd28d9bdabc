import Glibc
package import LexAPI
import LexHost
import LexIPC

/// What can be changed of a NIC while its instance runs.
package struct NICTuning: Sendable, Equatable {
    /// The most that goes to the instance, in bytes for each second.
    package var ingress: UInt64?
    /// The most that comes from the instance, in bytes for each second.
    package var egress: UInt64?
    /// The priority of the packets that come from the instance.
    package var priority: UInt32?
    /// How many packets may wait at the host's end.
    package var queueLength: UInt32?
    /// The networks behind it.
    package var routes: [NICDevice.AddressBlock] = []
    /// What the instance may send from; nil for anything.
    package var filter: NICFilter?
    /// Whether it reaches no other isolated port of its bridge.
    package var isIsolated = false
    /// By which of its addresses the networks behind it are reached: one for each family at most.
    package var gateways: [IPAddress] = []
    /// Further tables the routes are put into, beside the main one.
    package var tables: [UInt32] = []

    /// Whether the firewall has rules for it.
    package var hasRules: Bool { rules != nil }

    /// Nothing out of the ordinary.
    package init() {}

    /// What the firewall does for it.
    package var rules: NICRules? {
        guard egress != nil || priority != nil || filter != nil else { return nil }
        return NICRules(filter: filter, bytesPerSecond: egress, priority: priority)
    }
}

/// From what a NIC may send.
package struct NICFilter: Sendable, Equatable {
    /// Its hardware address; nil for any.
    package var hardwareAddress: MACAddress?
    /// The IPv4 addresses it may send from; nil for any.
    package var ipv4: [AddressRange]?
    /// The IPv6 addresses it may send from, beside the link-local one that follows from its hardware address; nil for any.
    package var ipv6: [AddressRange]?

    package init(hardwareAddress: MACAddress?, ipv4: [AddressRange]?, ipv6: [AddressRange]?) {
        self.hardwareAddress = hardwareAddress
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }
}

extension NICTuning {
    /// Brings a NIC's end on the host from one tuning to another, in full when `old` is nil; nothing when they are the
    /// same. One that is refused in the middle leaves what was changed so far: the caller brings it back.
    package static func bring(
        _ nic: AttachedNIC, from old: NICTuning?, to new: NICTuning, firewall: Firewall
    ) async throws {
        guard nic.hasHostEnd, old ?? NICTuning() != new else { return }
        // First what it may do: no packet of its passes before.
        if old?.rules != new.rules {
            if let rules = new.rules {
                try await firewall.put(nic.hostName, rules)
            } else if old != nil {
                try await firewall.remove(card: nic.hostName)
            }
        }
        let before = old ?? NICTuning()
        try await blocking {
            let session = try NetlinkSession()
            if before.ingress != new.ingress {
                do throws(SystemError) { try session.limitSending(nic.hostName, bytesPerSecond: new.ingress) } catch {
                    guard [EOPNOTSUPP, ENOENT].contains(error.code) else { throw error }
                    throw APIError.badRequest(
                        "cannot limit what \(nic.owner) receives (limits.ingress): this host's kernel has no htb "
                            + "(CONFIG_NET_SCH_HTB)")
                }
            }
            if before.queueLength != new.queueLength {
                try session.change(nic.hostName, LinkChange(queueLength: new.queueLength ?? 1000))
            }
            if before.isIsolated != new.isIsolated {
                try writeKernelFile("/sys/class/net/\(nic.hostName)/brport/isolated", new.isIsolated ? "1" : "0")
            }
            try changeRoutes(of: nic, from: before, to: new, session)
        }
    }

    private static func changeRoutes(
        of nic: AttachedNIC, from old: NICTuning, to new: NICTuning, _ session: NetlinkSession
    ) throws {
        let (before, after) = (old.allRoutes, new.allRoutes)
        guard before != after else { return }
        guard let link = try session.link(named: nic.hostName) else {
            throw SystemError("find", nic.hostName, code: ENODEV)
        }
        // In a bridge it is the bridge that packets go out by.
        let interface = (link.master ?? 0) != 0 ? link.master ?? link.index : link.index
        for route in before where !after.contains(route) {
            try session.removeRoute(route.destination(interface), "the route to \(route.text)")
        }
        for route in after where !before.contains(route) {
            guard try session.addRoute(route.destination(interface), "the route to \(route.text)") else {
                throw APIError.conflict(
                    "cannot make the route to \(route.text) behind \(nic.owner): the host has a route to there already")
            }
        }
    }

    private struct Route: Equatable {
        let bytes: [UInt8]
        let prefix: UInt8
        let gateway: [UInt8]?
        let table: UInt32?
        let text: String

        func destination(_ interface: Int32) -> RouteDestination {
            RouteDestination(
                bytes: bytes, prefix: prefix, interface: interface, origin: bootOrigin, gateway: gateway, table: table)
        }
    }

    private var allRoutes: [Route] {
        routes.flatMap { block -> [Route] in
            let (address, prefix): (IPAddress, UInt32) =
                switch block {
                case .v4(let subnet): (.v4(subnet.network), subnet.prefix)
                case .v6(let subnet): (.v6(subnet.firstAddress), subnet.prefix)
                }
            let gateway = gateways.first { $0.isIPv6 == address.isIPv6 }
            let all: [UInt32?] = [nil] + tables.map { $0 }
            return all.map {
                Route(
                    bytes: address.bytes, prefix: UInt8(clamping: prefix), gateway: gateway?.bytes, table: $0,
                    text: "\(address)/\(prefix)")
            }
        }
    }
}

extension NICTuning {
    /// Takes the routes to networks behind a NIC away that would outlive its end on the host, as those by a bridge do.
    package static func removeRoutes(of nic: AttachedNIC, _ tuning: NICTuning, bridge: String?) async throws {
        guard let bridge, !tuning.routes.isEmpty else { return }
        let routes = tuning.allRoutes
        try await blocking {
            let session = try NetlinkSession()
            guard let link = try session.link(named: bridge) else { return }
            for route in routes { try session.removeRoute(route.destination(link.index), "the route to \(route.text)") }
        }
    }
}
