import Glibc
import LexAPI
import LexHost
import LexIPC
import Synchronization

/// The VLAN interfaces that lexd makes on interfaces of the host (`eth0.7`) for NICs with the option `vlan`.
///
/// One that is there already is used and left alone. One of ours goes with the last NIC that uses it: who does is known
/// here alone, and told anew by ``adopt(_:by:)`` when lexd starts. Until ``removeUnused()`` none is removed, since more
/// users may come to light.
package final class VLANParents: Sendable {
    private struct State {
        var users: [String: Set<NICOwner>] = [:]
        var isSettled = false
        /// Given back before all users were known.
        var doubtful: Set<String> = []
    }
    private let state = Mutex(State())
    private let order = OneAtATime()
    private let identity: NetworkIdentity

    /// A VLAN interface that a NIC may be made on.
    package struct Taken: Sendable {
        /// Its name.
        package let name: String
        /// Whether lexd made it.
        package let isOurs: Bool
    }

    package init(identity: NetworkIdentity) { self.identity = identity }

    /// The name of the VLAN interface of an interface: of the one that is there, or that is made.
    package static func name(_ id: UInt16, of parent: String) throws -> String {
        let session = try NetlinkSession()
        guard let upper = try session.link(named: parent), let link = try session.vlan(id, of: upper.index) else {
            return "\(parent).\(id)"
        }
        return link.name
    }

    /// Finds or makes the VLAN interface for a NIC.
    ///
    /// - Parameter isAlone: Whether the NIC is to be that interface itself, so that nobody else can use it.
    package func take(
        _ id: UInt16, of parent: String, gvrp: Bool, for owner: NICOwner, isAlone: Bool
    ) async throws -> Taken {
        try await order.run {
            let identity = identity
            let taken = try await blocking {
                try Self.findOrMake(id, of: parent, gvrp: gvrp, for: owner, identity: identity)
            }
            guard taken.isOurs else { return taken }
            let isShared = state.withLock { state in
                let others = state.users[taken.name, default: []].subtracting([owner])
                if isAlone, !others.isEmpty { return true }
                state.users[taken.name, default: []].insert(owner)
                return false
            }
            if isShared {
                throw APIError.badRequest(
                    "cannot attach \(owner): other instances have interfaces on \"\(taken.name)\", so that it cannot be "
                        + "lent to one. Use nictype macvlan")
            }
            return taken
        }
    }

    /// A NIC needs it no more: removes one of ours that nobody else uses. What is gone already is fine.
    package func giveBack(_ name: String, by owner: NICOwner) async throws {
        try await order.run {
            let isUnused = state.withLock { state in
                state.users[name]?.remove(owner)
                guard state.users[name]?.isEmpty != false else { return false }
                state.users[name] = nil
                if !state.isSettled { state.doubtful.insert(name) }
                return state.isSettled
            }
            if isUnused { try await blocking { try Self.remove([name]) } }
        }
    }

    /// A NIC that a lexd before this one made uses it.
    package func adopt(_ name: String, by owner: NICOwner) {
        state.withLock { _ = $0.users[name, default: []].insert(owner) }
    }

    /// Removes those of ours that nobody uses, once all users have been told of.
    package func removeUnused() async throws {
        try await order.run {
            let (used, doubtful) = state.withLock { state in
                state.isSettled = true
                defer { state.doubtful = [] }
                return (Set(state.users.keys), state.doubtful)
            }
            let identity = identity
            try await blocking {
                let tagged = try NetlinkSession().links().filter { $0.alias == identity.alias(ofVLAN: $0.name) }
                try Self.remove(doubtful.union(tagged.map(\.name)).subtracting(used))
            }
        }
    }

    private static func remove(_ names: Set<String>) throws {
        let session = try NetlinkSession()
        for name in names where try session.link(named: name)?.kind == "vlan" { try session.deleteLink(name) }
    }

    private static func findOrMake(
        _ id: UInt16, of parent: String, gvrp: Bool, for owner: NICOwner, identity: NetworkIdentity
    ) throws -> Taken {
        let session = try NetlinkSession()
        guard let upper = try session.link(named: parent) else { throw HostInterface.missing(parent, for: owner) }
        if let link = try session.vlan(id, of: upper.index) {
            return Taken(name: link.name, isOurs: link.alias == identity.alias(ofVLAN: link.name))
        }
        let name = "\(parent).\(id)"
        guard name.utf8.count <= 15 else {
            throw APIError.badRequest(
                "cannot attach \(owner): its VLAN interface would be named \"\(name)\", and names of interfaces have at "
                    + "most 15 characters. Make it under another name: ip link add link \(parent) name NAME type vlan "
                    + "id \(id)")
        }
        do throws(SystemError) {
            try session.createVLAN(name, id: id, on: upper.index, gvrp: gvrp, group: identity.unfinished)
        } catch {
            throw explain(error, id, parent, owner)
        }
        do {
            // It cannot be up on one that is down.
            if !upper.flags.contains(.up) { try session.change(parent, LinkChange(up: true)) }
            _ = try KernelSetting("net/ipv6/conf/\(name)/accept_ra").set("0")
            try session.change(name, LinkChange(up: true, alias: identity.alias(ofVLAN: name), group: 0))
        } catch {
            try? session.deleteLink(name)
            throw error
        }
        return Taken(name: name, isOurs: true)
    }

    private static func explain(
        _ error: SystemError, _ id: UInt16, _ parent: String, _ owner: NICOwner
    ) -> any Error {
        switch error.code {
        case EOPNOTSUPP: HostInterface.kernelLacks("VLAN interfaces", "CONFIG_VLAN_8021Q", for: owner)
        case EEXIST:
            APIError.conflict(
                "cannot attach \(owner): VLAN \(id) of \"\(parent)\" is lent to an instance, or another interface has the "
                    + "name \"\(parent).\(id)\"")
        default:
            APIError.badRequest("cannot attach \(owner): the kernel makes no VLAN interface on \"\(parent)\": \(error)")
        }
    }
}

/// A NIC on the VLAN interface of its parent, which is made for it where it is not there.
package struct VLANCard: NICAttaching {
    private let id: UInt16
    private let parent: String
    private let gvrp: Bool
    private let isAlone: Bool
    private let parents: VLANParents
    private let card: @Sendable (VLANParents.Taken) -> any NICAttaching

    /// - Parameter card: What is made on the VLAN interface.
    package init(
        _ id: UInt16, of parent: String, gvrp: Bool, isAlone: Bool, _ parents: VLANParents,
        _ card: @escaping @Sendable (VLANParents.Taken) -> any NICAttaching
    ) {
        self.id = id
        self.parent = parent
        self.gvrp = gvrp
        self.isAlone = isAlone
        self.parents = parents
        self.card = card
    }

    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let taken = try await parents.take(id, of: parent, gvrp: gvrp, for: nic.owner, isAlone: isAlone)
        do {
            var attached = try await card(taken).attach(nic)
            if taken.isOurs { attached.vlan = taken.name }
            return attached
        } catch {
            if taken.isOurs { try? await parents.giveBack(taken.name, by: nic.owner) }
            throw error
        }
    }

    package func detach(_ nic: AttachedNIC) async throws {
        try await nic.detach()
        if let name = nic.vlan { try await parents.giveBack(name, by: nic.owner) }
    }
}
