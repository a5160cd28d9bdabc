import Glibc
import LexAPI
import LexHost
import LexIPC

extension BridgeDriver {
    /// Puts what is not an instance's into the bridge: interfaces of the host, and tunnels.
    static func makePorts(
        _ session: NetlinkSession, _ settings: BridgeSettings, identity: NetworkIdentity
    ) throws -> [NetworkWarning] {
        guard let bridge = try session.link(named: settings.name) else {
            throw SystemError("find", settings.name, code: ENODEV)
        }
        var warnings: [NetworkWarning] = []
        for interface in settings.externalInterfaces {
            if try !attach(session, interface.text, to: bridge) {
                warnings.append(
                    NetworkWarning(
                        network: settings.name,
                        text:
                            "the interface \(interface) of bridge.external_interfaces is not there; it is put into "
                            + "\(settings.name) when the network is started or changed next"))
            }
        }
        let alias = identity.alias(ofTunnelsOf: settings.name)
        let present = try session.links().filter { $0.alias == alias }
        let wanted = settings.tunnels.map { "\(settings.name)-\($0.name)" }
        for link in present where !wanted.contains(link.name) { try session.deleteLink(link.name) }
        for tunnel in settings.tunnels {
            let name = "\(settings.name)-\(tunnel.name)"
            // Always made anew: what it was made with cannot be changed.
            if present.contains(where: { $0.name == name }) { try session.deleteLink(name) }
            try makeTunnel(session, tunnel, name: name, bridge: bridge, mtu: settings.mtu, alias: alias)
        }
        return warnings
    }

    /// Takes what the old settings have and the new ones have not out of the bridge.
    static func releasePorts(_ session: NetlinkSession, from old: BridgeSettings, to new: BridgeSettings) throws {
        guard let bridge = try session.link(named: old.name) else { return }
        for interface in old.externalInterfaces where !new.externalInterfaces.contains(interface) {
            if try session.link(named: interface.text)?.master == bridge.index {
                try session.change(interface.text, LinkChange(master: 0))
            }
        }
    }

    /// Removes the tunnels; they would outlive the bridge.
    static func removeTunnels(_ session: NetlinkSession, of network: String, identity: NetworkIdentity) throws {
        let alias = identity.alias(ofTunnelsOf: network)
        for link in try session.links() where link.alias == alias { try session.deleteLink(link.name) }
    }

    /// Answers whether there is such an interface.
    private static func attach(_ session: NetlinkSession, _ name: String, to bridge: Link) throws -> Bool {
        guard let link = try session.link(named: name) else { return false }
        if link.master == bridge.index {
            try session.change(name, LinkChange(up: true))
            return true
        }
        func refuse(_ why: String) -> APIError {
            .badRequest("cannot put the interface \"\(name)\" into the bridge \"\(bridge.name)\": \(why)")
        }
        guard link.flags.isDisjoint(with: [.loopback, .pointToPoint]), link.kind != "bridge" else {
            throw refuse("only interfaces of Ethernet can be in a bridge, and no other bridge")
        }
        guard (link.master ?? 0) == 0 else { throw refuse("it is in another bridge or bond already") }
        let addresses = try session.addresses().filter { $0.index == link.index && $0.scope == 0 }
        guard addresses.isEmpty else {
            throw refuse(
                "it has the address \(addresses.map(\.description).joined(separator: " and ")), and only interfaces "
                    + "without one can be in a bridge")
        }
        do {
            try session.change(name, LinkChange(up: true, master: bridge.index))
        } catch {
            throw refuse(error.description)
        }
        return true
    }

    private static func makeTunnel(
        _ session: NetlinkSession, _ tunnel: TunnelSettings, name: String, bridge: Link, mtu: UInt32, alias: String
    ) throws {
        func refuse(_ why: String) -> APIError {
            .badRequest("cannot make the tunnel \"\(tunnel.name)\" of network \"\(bridge.name)\": \(why)")
        }
        guard name.utf8.count <= 15 else {
            throw refuse("its interface would be named \"\(name)\", and names of interfaces have at most 15 characters")
        }
        guard try session.link(named: name) == nil else {
            throw refuse("the host has an interface named \"\(name)\" already")
        }
        do {
            switch tunnel.kind {
            case .gre:
                guard let local = tunnel.local?.bytes, let remote = tunnel.remote?.bytes else {
                    throw refuse("it has no ends")
                }
                try session.createGRETap(name, local: local, remote: remote)
            case .vxlan(let id, let port, let group, let interface, let ttl):
                guard let remote = (tunnel.remote ?? group)?.bytes else { throw refuse("it has no other end") }
                try session.createVXLAN(
                    name,
                    VXLAN(
                        id: id, local: tunnel.local?.bytes, remote: remote, port: port,
                        interface: try tunnelInterface(session, interface, isMulticast: tunnel.remote == nil, refuse),
                        ttl: ttl))
            }
        } catch let error as SystemError {
            // Without a word for it in the kernel: EOPNOTSUPP.
            throw refuse("the kernel says: \(error)")
        }
        do {
            // A vxlan that goes out by one interface is made with the most that fits into that one's packets.
            let most = try session.link(named: name)?.mtu ?? mtu
            do {
                try session.change(name, LinkChange(up: true, mtu: mtu, master: bridge.index, alias: alias))
            } catch let error where error.code == EINVAL && most < mtu {
                throw refuse(
                    "packets of \(mtu) bytes are too large for the way it goes, where at most \(most) fit: "
                        + (most < 1280 ? "let it go another way" : "set bridge.mtu to \(most) or less"))
            } catch {
                throw refuse("the kernel says: \(error)")
            }
        } catch {
            try? session.deleteLink(name)
            throw error
        }
    }

    /// The number of the interface a vxlan goes out by. For one whose ends find each other by multicast there must be
    /// one: that of the default route unless it is said.
    private static func tunnelInterface(
        _ session: NetlinkSession, _ name: String?, isMulticast: Bool, _ refuse: (String) -> APIError
    ) throws -> Int32? {
        if let name {
            guard let link = try session.link(named: name) else {
                throw refuse("there is no interface \"\(name)\" on this host")
            }
            return link.index
        }
        guard isMulticast else { return nil }
        guard let route = try session.routeDestinations().first(where: { $0.prefix == 0 && $0.bytes.count == 4 }),
            let index = route.interface
        else {
            throw refuse("the host has no default route; say by which interface it goes out: tunnel.NAME.interface")
        }
        return index
    }
}

extension IPAddress {
    /// Four or sixteen bytes.
    var bytes: [UInt8] {
        switch self {
        case .v4(let address): IPv4Subnet(address: address, prefix: 32)?.addressBytes ?? []
        case .v6(let address): IPv6Subnet(address: address, prefix: 128)?.addressBytes ?? []
        }
    }
}
