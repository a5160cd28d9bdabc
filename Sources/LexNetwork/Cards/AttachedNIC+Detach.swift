import Glibc
package import LexAPI
package import LexHost
import LexIPC

extension AttachedNIC {
    /// Takes away what is on the host of a NIC that belongs to no managed network; what is gone already is fine.
    ///
    /// One of the host's own interfaces is given back: throws when it is nowhere.
    package func detach() async throws {
        let nic = self
        try await blocking {
            let session = try NetlinkSession()
            switch nic.kind {
            case .pair, .macvlan: try session.deleteLink(nic.hostName)
            case .routed: try RoutedInterface.remove(nic, session)
            case .ipvlan: try IPVLANInterface.remove(nic, session)
            // A VLAN interface of ours is removed with its last user.
            case .physical where nic.vlan != nil: break
            case .physical: try PhysicalInterface.restore(nic, session)
            }
        }
    }

    /// Takes a NIC without an end on the host back from its instance, whose network `session` looks into.
    ///
    /// - Parameter name: Its name inside, unless the guest has given it another.
    package func takeBack(from session: NetlinkSession, name: String) throws {
        guard !hasHostEnd else { return }
        let links = try session.links()
        let own = hardwareAddress.bytes
        let made: String? =
            switch kind {
            case .macvlan: "macvlan"
            case .ipvlan: "ipvlan"
            case .pair, .routed, .physical: nil
            }
        func fits(_ link: Link) -> Bool {
            made.map { $0 == link.kind } ?? !["macvlan", "ipvlan"].contains(link.kind)
                && !link.flags.contains(.loopback)
        }
        let found =
            links.first { fits($0) && $0.name == name } ?? links.first { fits($0) && $0.hardwareAddress == own }
        guard let link = found else {
            if made != nil { return }
            throw APIError.failed(
                "cannot take the interface \"\(hostName)\" back from \(owner): inside it has another name and another "
                    + "hardware address. Stop the instance to have it back")
        }
        if made != nil { return try session.deleteLink(link.name) }
        let host = try OwnedDescriptor.open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
        try session.change(link.name, LinkChange(up: false))
        try session.change(link.name, LinkChange(name: hostName, namespace: host.number))
    }

    /// Gives an ipvlan NIC that its instance has just taken its addresses and its way out, through a socket in the
    /// instance's network.
    package static func configure(
        _ name: String, _ wish: NICDevice.IPVLAN, _ session: NetlinkSession
    ) throws {
        try session.change(name, LinkChange(up: true))
        guard let link = try session.link(named: name) else { throw SystemError("find", name, code: ENODEV) }
        for own in wish.addresses {
            try session.addAddress(
                InterfaceAddress(index: link.index, bytes: own.address.bytes, prefix: own.prefix), to: name)
        }
        for (isIPv6, gateway) in [(false, wish.ipv4Gateway), (true, wish.ipv6Gateway)] {
            guard let gateway, wish.addresses.contains(where: { $0.address.isIPv6 == isIPv6 }) else { continue }
            let way: [UInt8]? = if case .address(let address) = gateway { address.bytes } else { nil }
            _ = try session.addRoute(
                RouteDestination(
                    bytes: Array(repeating: 0, count: isIPv6 ? 16 : 4), prefix: 0, interface: link.index,
                    origin: bootOrigin, gateway: way), "the default route")
        }
    }

    /// Gives a routed NIC that its instance has just taken its addresses and its way out, through a socket in the
    /// instance's network.
    package static func configure(
        _ name: String, _ wish: NICDevice.Routed, _ session: NetlinkSession
    ) throws {
        try session.change(name, LinkChange(up: true))
        guard let link = try session.link(named: name) else { throw SystemError("find", name, code: ENODEV) }
        func add(_ addresses: [IPAddress], _ host: IPAddress, _ hasGateway: Bool) throws {
            let length: UInt8 = host.isIPv6 ? 128 : 32
            for address in addresses {
                try session.addAddress(
                    InterfaceAddress(index: link.index, bytes: address.bytes, prefix: length), to: name)
            }
            guard !addresses.isEmpty, hasGateway else { return }
            _ = try session.addRoute(
                RouteDestination(bytes: host.bytes, prefix: length, interface: link.index, origin: bootOrigin),
                "the route to the host")
            _ = try session.addRoute(
                RouteDestination(
                    bytes: Array(repeating: 0, count: host.bytes.count), prefix: 0, interface: link.index,
                    origin: bootOrigin, gateway: host.bytes), "the default route")
        }
        try add(wish.ipv4.map { .v4($0) }, .v4(wish.ipv4Host), wish.hasIPv4Gateway)
        try add(wish.ipv6.map { .v6($0) }, .v6(wish.ipv6Host), wish.hasIPv6Gateway)
    }
}
