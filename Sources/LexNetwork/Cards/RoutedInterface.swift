import Glibc
package import LexAPI
import LexHost
import LexIPC

/// An interface whose packets the host passes on by its addresses (`nictype=routed`): its instance shares the network
/// of one of the host's interfaces, and nothing but IP passes.
package struct RoutedInterface: NICAttaching {
    private let parent: String?
    private let setsParent: Bool
    private let wish: NICDevice.Routed
    private let identity: NetworkIdentity

    /// - Parameter setsParent: Whether the parent is lexd's own, so that it is set to pass packets on.
    package init(
        parent: String?, setsParent: Bool = false, wish: NICDevice.Routed, identity: NetworkIdentity
    ) {
        self.parent = parent
        self.setsParent = setsParent
        self.wish = wish
        self.identity = identity
    }

    private var addresses: [IPAddress] { wish.ipv4.map { .v4($0) } + wish.ipv6.map { .v6($0) } }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        try await checkParent(nic.owner)
        let (parent, wish, identity, addresses) = (parent, wish, identity, addresses)
        return try await blocking {
            let session = try NetlinkSession()
            let upper = try parent.flatMap { try session.link(named: $0) }
            let name = try NICLinks.createAlone(nic, mtu: upper?.mtu, identity: identity, session)
            let attached = AttachedNIC(
                owner: nic.owner, hostName: name, hardwareAddress: nic.hardwareAddress,
                kind: parent.map { .routed(parent: $0, answered: addresses) } ?? .pair)
            do {
                try Self.bringUp(name, wish, session, owner: nic.owner)
                if let upper {
                    for address in addresses { try session.answerFor(address.bytes, on: upper.index) }
                }
            } catch {
                try? Self.remove(attached, session)
                throw error
            }
            return attached
        }
    }

    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try Self.remove(nic, NetlinkSession()) }
    }

    static func remove(_ nic: AttachedNIC, _ session: NetlinkSession) throws {
        if case .routed(let parent, let answered) = nic.kind, let upper = try session.link(named: parent) {
            for address in answered { try session.doNotAnswerFor(address.bytes, on: upper.index) }
        }
        try session.deleteLink(nic.hostName)
    }

    private static func bringUp(
        _ name: String, _ wish: NICDevice.Routed, _ session: NetlinkSession, owner: NICOwner
    ) throws {
        // Before it is up: IPv4 packets from it are looked at, and it takes part in forwarding whatever the host's
        // other interfaces do.
        _ = try KernelSetting("net/ipv4/conf/\(name)/forwarding").set("1")
        _ = try KernelSetting("net/ipv4/conf/\(name)/rp_filter").set("1")
        _ = try KernelSetting("net/ipv6/conf/\(name)/accept_ra").set("0")
        _ = try KernelSetting("net/ipv6/conf/\(name)/autoconf").set("0")
        _ = try KernelSetting("net/ipv6/conf/\(name)/forwarding").set("1")
        try session.change(name, LinkChange(up: true))
        guard let link = try session.link(named: name) else { throw SystemError("find", name, code: ENODEV) }
        if !wish.ipv4.isEmpty {
            try session.addAddress(
                InterfaceAddress(index: link.index, bytes: IPAddress.v4(wish.ipv4Host).bytes, prefix: 32), to: name)
        }
        if !wish.ipv6.isEmpty {
            try session.addAddress(
                InterfaceAddress(index: link.index, bytes: IPAddress.v6(wish.ipv6Host).bytes, prefix: 128), to: name)
        }
        for address in wish.ipv4 {
            try AddressRoutes(to: .v4(address), table: wish.ipv4Table).add(by: link.index, session, owner)
        }
        for address in wish.ipv6 {
            try AddressRoutes(to: .v6(address), table: wish.ipv6Table).add(by: link.index, session, owner)
        }
    }

    // MARK: what must be so before

    private func checkParent(_ owner: NICOwner) async throws {
        guard let parent else { return }
        guard try await blocking({ try NetlinkSession().link(named: parent) }) != nil else {
            throw HostInterface.missing(parent, for: owner)
        }
        if setsParent {
            for setting in HostInterface.forwarding(parent, addresses) { _ = try KernelSetting(setting).set("1") }
        }
        var needed: [String] = []
        if !wish.ipv4.isEmpty { needed.append("net/ipv4/conf/\(parent)/forwarding") }
        if !wish.ipv6.isEmpty {
            needed += ["net/ipv6/conf/all/forwarding", "net/ipv6/conf/\(parent)/proxy_ndp"]
        }
        try HostInterface.checkForwarding(needed, "Routed mode", for: owner)
        let probed =
            (wish.probesIPv4 ? wish.ipv4.map { IPAddress.v4($0) } : [])
            + (wish.probesIPv6 ? wish.ipv6.map { .v6($0) } : [])
        guard !probed.isEmpty else { return }
        if let taken = try await Self.answering(probed, on: parent) {
            throw APIError.conflict(
                "cannot attach \(owner): IP address \(taken) in use on parent network \"\(parent)\". Choose another one, "
                    + "or set ipv\(taken.isIPv6 ? 6 : 4).neighbor_probe=false")
        }
    }

    /// The first of some addresses that a machine on the network of an interface has; nil when none has answered within
    /// half a second.
    private static func answering(_ addresses: [IPAddress], on parent: String) async throws -> IPAddress? {
        let isAsked = try await blocking { addresses.map { ask($0, on: parent) }.contains(true) }
        guard isAsked else { return nil }
        let deadline = ContinuousClock.now + .milliseconds(500)
        while ContinuousClock.now < deadline {
            let found = try await blocking { () -> IPAddress? in
                let session = try NetlinkSession()
                guard let index = try session.link(named: parent)?.index else { return nil }
                let there = try session.neighbours().filter { $0.interface == index && $0.isThere }
                return addresses.first { address in there.contains { $0.bytes == address.bytes } }
            }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    /// Has the kernel look for the machine with an address, by a packet to its discard port; false where the address is
    /// not on the interface's network.
    private static func ask(_ address: IPAddress, on parent: String) -> Bool {
        let descriptor = socket(
            address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var name = Array(parent.utf8) + [0]
        guard setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, &name, socklen_t(name.count)) == 0 else {
            return false
        }
        return withSocketAddress(address, port: 9) { sendto(descriptor, [0], 1, Int32(MSG_DONTWAIT), $0, $1) } > 0
    }
}

private func withSocketAddress<Result>(
    _ address: IPAddress, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    func call<Address>(_ value: Address) -> Result {
        withUnsafePointer(to: value) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
    switch address {
    case .v4(let address):
        var value = sockaddr_in()
        value.sin_family = sa_family_t(AF_INET)
        value.sin_port = port.bigEndian
        value.sin_addr.s_addr = address.value.bigEndian
        return call(value)
    case .v6:
        var value = sockaddr_in6()
        value.sin6_family = sa_family_t(AF_INET6)
        value.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &value.sin6_addr) { $0.copyBytes(from: address.bytes) }
        return call(value)
    }
}
