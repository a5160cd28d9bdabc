import Glibc
package import LexAPI
import LexHost
import LexIPC

/// An interface on one of the host, with that one's hardware address and addresses of its own (`nictype=ipvlan`).
///
/// In mode `l3s` the host answers for its addresses on the parent's network. As with macvlan, nothing is on the host
/// while its instance has it, and it cannot reach the host itself.
package struct IPVLANInterface: NICAttaching {
    private let parent: String
    private let setsParent: Bool
    private let wish: NICDevice.IPVLAN
    private let identity: NetworkIdentity

    /// - Parameter setsParent: Whether the parent is lexd's own, so that it is set to pass packets on.
    package init(parent: String, setsParent: Bool, wish: NICDevice.IPVLAN, identity: NetworkIdentity) {
        self.parent = parent
        self.setsParent = setsParent
        self.wish = wish
        self.identity = identity
    }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let card = self
        return try await blocking {
            let session = try NetlinkSession()
            guard let upper = try session.link(named: card.parent) else {
                throw HostInterface.missing(card.parent, for: nic.owner)
            }
            if card.wish.isRouted {
                let needed = HostInterface.forwarding(card.parent, card.wish.addresses.map(\.address))
                if card.setsParent {
                    for setting in needed { _ = try KernelSetting(setting).set("1") }
                } else {
                    try HostInterface.checkForwarding(needed, "IPVLAN in L3S mode", for: nic.owner)
                }
            }
            let name = NICLinks.randomName("lexi")
            do throws(SystemError) {
                try session.createIPVLAN(
                    name, on: upper.index, isRouted: card.wish.isRouted, mtu: nic.mtu, group: card.identity.unfinished)
            } catch {
                throw card.explain(error, nic)
            }
            let attached = AttachedNIC(
                owner: nic.owner, hostName: name, hardwareAddress: nic.hardwareAddress,
                kind: .ipvlan(parent: card.parent, answered: card.wish.answered))
            do {
                try session.change(name, LinkChange(alias: card.identity.alias(of: nic.owner), group: 0))
                try Self.answer(attached, session)
            } catch {
                try? session.deleteLink(name)
                throw error
            }
            return attached
        }
    }

    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try Self.remove(nic, NetlinkSession()) }
    }

    static func remove(_ nic: AttachedNIC, _ session: NetlinkSession) throws {
        try session.deleteLink(nic.hostName)
        guard case .ipvlan(let parent, let answered) = nic.kind else { return }
        try removeAnswers(answered, parent, session)
    }

    private static func removeAnswers(
        _ answered: [AnsweredAddress], _ parent: String, _ session: NetlinkSession
    ) throws {
        let loopback = try session.link(named: "lo")
        let upper = try session.link(named: parent)
        for own in answered {
            if let upper { try session.doNotAnswerFor(own.address.bytes, on: upper.index) }
            guard let loopback else { continue }
            try own.routes.remove(by: loopback.index, session)
        }
    }

    /// Has the host answer for the addresses on the parent's network. It answers only for what it has a route to that
    /// leads elsewhere: to the loopback. Packets never take it: ipvlan catches them before.
    private static func answer(_ nic: AttachedNIC, _ session: NetlinkSession) throws {
        guard case .ipvlan(let parent, let answered) = nic.kind, !answered.isEmpty else { return }
        guard let loopback = try session.link(named: "lo"), let upper = try session.link(named: parent) else {
            throw SystemError("find", parent, code: ENODEV)
        }
        var done: [AnsweredAddress] = []
        do {
            for own in answered {
                try own.routes.add(by: loopback.index, session, nic.owner) { done.append(own) }
                try session.answerFor(own.address.bytes, on: upper.index)
            }
        } catch {
            try? removeAnswers(done, parent, session)
            throw error
        }
    }

    private func explain(_ error: SystemError, _ nic: NIC) -> any Error {
        switch error.code {
        case EOPNOTSUPP: HostInterface.kernelLacks("ipvlan interfaces", "CONFIG_IPVLAN", for: nic.owner)
        case EINVAL, EBUSY:
            APIError.badRequest(
                "cannot attach \(nic.owner): the kernel makes no ipvlan interface on \"\(parent)\": it may have macvlan "
                    + "interfaces or be a port of a bridge, or mtu greater than its own")
        default: error
        }
    }
}

/// An address for which the host answers on the network of an interface.
package struct AnsweredAddress: Sendable, Equatable {
    /// The address.
    package var address: IPAddress
    /// A further table with the route to it.
    package var table: UInt32?

    package init(address: IPAddress, table: UInt32?) {
        self.address = address
        self.table = table
    }

    fileprivate var routes: AddressRoutes { AddressRoutes(to: address, table: table) }
}

extension NICDevice.IPVLAN {
    /// Those of its addresses for which the host answers.
    package var answered: [AnsweredAddress] {
        guard isRouted else { return [] }
        return addresses.map {
            AnsweredAddress(address: $0.address, table: $0.address.isIPv6 ? ipv6Table : ipv4Table)
        }
    }
}

extension HostInterface {
    /// The settings without which the host does not pass packets on that an interface has for some addresses.
    static func forwarding(_ interface: String, _ addresses: [IPAddress]) -> [String] {
        var needed: [String] = []
        if addresses.contains(where: { !$0.isIPv6 }) { needed.append("net/ipv4/conf/\(interface)/forwarding") }
        if addresses.contains(where: \.isIPv6) {
            needed += ["net/ipv6/conf/\(interface)/forwarding", "net/ipv6/conf/\(interface)/proxy_ndp"]
        }
        return needed
    }

    /// Throws a 400 that says how to set the first of some settings that is not 1.
    static func checkForwarding(_ needed: [String], _ what: String, for owner: NICOwner) throws {
        for setting in needed where KernelSetting(setting).value != "1" {
            // As sysctl(8) has names of interfaces with dots in them.
            let name = setting.split(separator: "/").map { $0.split(separator: ".").joined(separator: "/") }
                .joined(separator: ".")
            throw APIError.badRequest(
                "cannot attach \(owner): \(what) requires sysctl \(name)=1 so that the host answers and forwards for it: "
                    + "sysctl -w \(name)=1")
        }
    }
}
