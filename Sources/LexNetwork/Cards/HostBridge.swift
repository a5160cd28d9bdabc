import LexAPI
import LexHost

/// A bridge of the host that lexd does not manage (`nictype=bridged parent=br0`): NICs are put into it, nothing more.
package struct HostBridge: NICAttaching {
    /// The bridge's name.
    package let name: String
    private let identity: NetworkIdentity

    package init(name: String, identity: NetworkIdentity) {
        self.name = name
        self.identity = identity
    }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        if nic.ipv4 != nil || nic.ipv6 != nil {
            throw APIError.badRequest(
                "cannot attach \(nic.owner): ipv4.address and ipv6.address need a managed network, \"\(name)\" is a "
                    + "bridge of the host")
        }
        let (name, identity) = (name, identity)
        let hostName = try await blocking { try NICLinks.create(nic, in: name, identity: identity) }
        return AttachedNIC(owner: nic.owner, hostName: hostName, hardwareAddress: nic.hardwareAddress)
    }

    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try NetlinkSession().deleteLink(nic.hostName) }
    }
}
