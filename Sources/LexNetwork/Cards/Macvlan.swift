import Glibc
package import LexAPI
import LexHost
import LexIPC

/// An interface beside one of the host, on the same wire (`nictype=macvlan`).
///
/// It has no end on the host: its instance takes it, and it ends with the instance's network, or liblxc brings it back
/// before that and it is removed here.
package struct Macvlan: NICAttaching {
    private let parent: String
    private let identity: NetworkIdentity

    package init(parent: String, identity: NetworkIdentity) {
        self.parent = parent
        self.identity = identity
    }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let (parent, identity) = (parent, identity)
        let name = try await blocking {
            let session = try NetlinkSession()
            guard let upper = try session.link(named: parent) else {
                throw HostInterface.missing(parent, for: nic.owner)
            }
            let name = NICLinks.randomName("lexm")
            do throws(SystemError) {
                try session.createMacvlan(
                    name, on: upper.index, hardwareAddress: nic.hardwareAddress.bytes, mtu: nic.mtu,
                    group: identity.unfinished)
            } catch {
                throw Self.explain(error, nic, parent)
            }
            do {
                try session.change(name, LinkChange(alias: identity.alias(of: nic.owner), group: 0))
            } catch {
                try? session.deleteLink(name)
                throw error
            }
            return name
        }
        return AttachedNIC(
            owner: nic.owner, hostName: name, hardwareAddress: nic.hardwareAddress, kind: .macvlan)
    }

    private static func explain(_ error: SystemError, _ nic: NIC, _ parent: String) -> any Error {
        switch error.code {
        case EOPNOTSUPP:
            HostInterface.kernelLacks("macvlan interfaces", "CONFIG_MACVLAN", for: nic.owner)
        case EINVAL, EBUSY:
            APIError.badRequest(
                "cannot attach \(nic.owner): the kernel makes no macvlan interface on \"\(parent)\": it may be a port of "
                    + "a bridge, no interface of Ethernet, or mtu greater than its own")
        default: error
        }
    }

    /// Removes it where it is on the host: before its instance took it, or after liblxc brought it back.
    package func detach(_ nic: AttachedNIC) async throws {
        try await blocking { try NetlinkSession().deleteLink(nic.hostName) }
    }
}

extension HostInterface {
    static func missing(_ parent: String, for owner: NICOwner) -> APIError {
        .badRequest(
            "cannot attach \(owner): the parent \"\(parent)\" is no interface of this host. See lx network list")
    }

    /// The error for what this kernel was built without.
    package static func kernelLacks(_ what: String, _ option: String, for owner: NICOwner) -> APIError {
        .badRequest("cannot attach \(owner): this host's kernel has no \(what) (\(option))")
    }
}
