import Glibc
import LexAPI
import LexHost
import LexIPC

/// An interface of the host itself, lent to an instance (`nictype=physical`).
///
/// liblxc gives it back at the instance's end under its old name. When liblxc was killed the kernel does so, under the
/// name it had inside or, where the host has one of that name, as `devN`.
package struct PhysicalInterface: NICAttaching {
    private let parent: String
    private let keepsAddress: Bool

    /// - Parameter keepsAddress: Whether it has its own hardware address inside, too.
    package init(parent: String, keepsAddress: Bool) {
        self.parent = parent
        self.keepsAddress = keepsAddress
    }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let (parent, keepsAddress) = (parent, keepsAddress)
        return try await blocking {
            let session = try NetlinkSession()
            guard let link = try session.link(named: parent) else {
                throw HostInterface.missing(parent, for: nic.owner)
            }
            guard link.flags.isDisjoint(with: .loopback), link.kind != "bridge" else {
                throw APIError.badRequest(
                    "cannot attach \(nic.owner): the parent \"\(parent)\" is a \(link.kind.isEmpty ? "loopback" : link.kind), "
                        + "which cannot be lent to an instance")
            }
            guard (link.master ?? 0) == 0 else {
                throw APIError.badRequest(
                    "cannot attach \(nic.owner): the parent \"\(parent)\" is in a bridge or bond: take it out first")
            }
            let wanted = (keepsAddress ? MACAddress(bytes: link.hardwareAddress) : nil) ?? nic.hardwareAddress
            let attached = AttachedNIC(
                owner: nic.owner, hostName: parent, hardwareAddress: wanted,
                kind: .physical(hardwareAddress: link.hardwareAddress, mtu: link.mtu))
            do {
                // Down, or some drivers take no other address; it is down in its new network anyway.
                try session.change(parent, LinkChange(up: false))
                if !keepsAddress, wanted.bytes != link.hardwareAddress {
                    try session.change(parent, LinkChange(hardwareAddress: wanted.bytes))
                }
                if let mtu = nic.mtu, mtu != link.mtu { try session.change(parent, LinkChange(mtu: mtu)) }
            } catch {
                try? Self.restore(attached, session)
                throw APIError.badRequest(
                    "cannot attach \(nic.owner): the interface \"\(parent)\" does not take mtu or hwaddr: \(error)")
            }
            return attached
        }
    }

    /// Gives it back to the host as it was; throws when it is nowhere on the host.
    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try Self.restore(nic, NetlinkSession()) }
    }

    static func restore(_ nic: AttachedNIC, _ session: NetlinkSession) throws {
        guard case .physical(let address, let mtu) = nic.kind else { return }
        guard let link = try find(nic, address, session) else {
            throw APIError.failed(
                "cannot give the interface \"\(nic.hostName)\" back to the host: it has not come back from \(nic.owner)"
            )
        }
        if link.name != nic.hostName {
            try session.change(link.name, LinkChange(up: false))
            try session.change(link.name, LinkChange(name: nic.hostName))
        }
        if link.hardwareAddress != address {
            try session.change(nic.hostName, LinkChange(up: false))
            try session.change(nic.hostName, LinkChange(hardwareAddress: address))
        }
        if link.mtu != mtu { try session.change(nic.hostName, LinkChange(mtu: mtu)) }
    }

    /// The interface by its name, or by the address it was built with or carries: the guest could change the name and
    /// the address, but not what it was built with.
    private static func find(
        _ nic: AttachedNIC, _ address: [UInt8], _ session: NetlinkSession
    ) throws -> Link? {
        if let link = try session.link(named: nic.hostName) { return link }
        let links = try session.links()
        if !address.isEmpty, let built = links.first(where: { $0.permanentAddress == address }) { return built }
        // Not one that something else on this host depends on.
        return links.first { link in
            link.alias.isEmpty && (link.master ?? 0) == 0 && link.kind != "bridge"
                && (link.hardwareAddress == address || link.hardwareAddress == nic.hardwareAddress.bytes)
                && !link.hardwareAddress.isEmpty
        }
    }
}
