import LexAPI
import LexHost

/// An interface with its other end on the host, in nothing (`nictype=p2p`): whoever wants it gives it addresses.
package struct PointToPoint: NICAttaching {
    private let identity: NetworkIdentity

    package init(identity: NetworkIdentity) { self.identity = identity }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let identity = identity
        let hostName = try await blocking {
            let session = try NetlinkSession()
            let name = try NICLinks.createAlone(nic, mtu: nil, identity: identity, session)
            try session.change(name, LinkChange(up: true))
            return name
        }
        return AttachedNIC(owner: nic.owner, hostName: hostName, hardwareAddress: nic.hardwareAddress)
    }

    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try NetlinkSession().deleteLink(nic.hostName) }
    }
}
