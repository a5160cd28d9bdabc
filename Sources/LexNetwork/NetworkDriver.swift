package import LexAPI

/// One network of one kind, made and looked after by lexd.
///
/// The words. A *network* is what a person makes (`lx network create`) and what profiles name. Its *driver* turns the
/// network's configuration into links, addresses, firewall rules and companions such as dnsmasq. A *NIC* is one network
/// interface of one instance; on the host it has an end that the driver makes and takes away. A *registration* is what
/// a network knows of a NIC: its hardware address, the name it resolves by, its fixed address.
///
/// The life. `start` makes the host as the configuration says, from nothing, from half, or from what a lexd before this
/// one left: it is called for a new network, at every start of lexd, and after every change of the configuration. What
/// is right already is not touched, so running instances notice nothing. `watch` runs beside, for as long as the
/// network is to exist, and starts companions again that ended. `stop` takes everything away but what is worth
/// remembering; `delete` takes that away too.
///
/// Examples. A network is created: `let config = try await BridgeDriver.completed(…)`, the record is written,
/// `try await driver.start()`, a task runs `await driver.watch()`. An instance starts: `attach` gives the name of the
/// link that liblxc moves into it; it stops: `detach`. lexd starts again after a crash: `start` on every network, then
/// ``Leftovers`` with what the store still knows.
///
/// A driver is given its configuration and its directory. It knows no store and no other network; what must be
/// remembered it returns.
package protocol NetworkDriver: NICAttaching {
    /// Makes the host as the configuration says, and answers what a person should know about.
    func start() async throws -> [NetworkWarning]
    /// Takes everything away but the directory.
    func stop() async throws
    /// Stops, and removes the directory with the leases.
    func delete() async throws
    /// The addresses that are given out, in LXD's order: the network's own, then those of the NICs.
    func leases(_ nics: [NetworkMember]) async throws -> [Network.Lease]
    /// Starts companions again when they end; returns when its task is cancelled.
    func watch() async
}

/// Something that NICs can be put into: a managed network, or a bridge of the host.
package protocol NICAttaching: Sendable {
    /// Makes the NIC's links and everything that must be there before its instance starts.
    ///
    /// What a lexd that crashed left of the same NIC is replaced. Throws a 409 when the name on the host, the hardware
    /// address, the DNS name or the fixed address belongs to something else.
    func attach(_ nic: NIC) async throws -> AttachedNIC
    /// Takes away what `attach` made; what is gone already is fine.
    func detach(_ nic: AttachedNIC) async throws
}

/// Whose a NIC is. None of the parts has a slash in it.
package struct NICOwner: Sendable, Hashable, CustomStringConvertible {
    /// The project.
    package let project: String
    /// The instance.
    package let instance: String
    /// The device's name in the instance's configuration.
    package let device: String

    package init(project: String, instance: String, device: String) {
        self.project = project
        self.instance = instance
        self.device = device
    }

    /// Reads `default/web/eth0`.
    package init?(_ text: String) {
        // The name of a device may itself have slashes.
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(project: parts[0], instance: parts[1], device: parts[2])
    }

    /// `default/web/eth0`.
    package var description: String { "\(project)/\(instance)/\(device)" }

    func isSameInstance(as other: NICOwner) -> Bool { (project, instance) == (other.project, other.instance) }
}

/// A NIC as it is wanted.
package struct NIC: Sendable {
    /// Whose it is.
    package var owner: NICOwner
    /// The name it resolves by on a managed network; nil for none.
    package var name: InstanceName?
    /// Its hardware address inside.
    package var hardwareAddress: MACAddress
    /// The name of its end on the host; nil for one that is made up.
    package var hostName: String?
    /// The largest packet in bytes; nil for the bridge's.
    package var mtu: UInt32?
    /// The address it is always given.
    package var ipv4: IPv4Address?
    /// The IPv6 address it is always given, on a network with DHCPv6.
    package var ipv6: IPv6Address?
    /// The VLANs of its port of a bridge; nil for what the bridge gives every port.
    package var vlans: PortVLANs?

    package init(
        owner: NICOwner, name: InstanceName?, hardwareAddress: MACAddress, hostName: String? = nil, mtu: UInt32? = nil,
        ipv4: IPv4Address? = nil, ipv6: IPv6Address? = nil, vlans: PortVLANs? = nil
    ) {
        self.vlans = vlans
        self.owner = owner
        self.name = name
        self.hardwareAddress = hardwareAddress
        self.hostName = hostName
        self.mtu = mtu
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }
}

/// The VLANs of a port of a bridge.
package struct PortVLANs: Sendable, Equatable {
    /// That of its packets without a tag; nil for the bridge's usual one.
    package var untagged: VLANOrNone?
    /// Those of its packets with a tag.
    package var tagged: [VLANRange]

    package init(untagged: VLANOrNone?, tagged: [VLANRange]) {
        self.untagged = untagged
        self.tagged = tagged
    }
}

/// A NIC that was attached. Its parts are worth remembering: `detach` needs them, also after a restart of lexd.
package struct AttachedNIC: Sendable, Equatable {
    /// Whose it is.
    package var owner: NICOwner
    /// The name of its end on the host; of one without such an end the name it has on the host before its instance
    /// takes it and after.
    package var hostName: String
    /// Its hardware address inside.
    package var hardwareAddress: MACAddress
    /// What it is on the host.
    package var kind: Kind
    /// The VLAN interface it is on or is itself, when lexd made that: see ``VLANParents``.
    package var vlan: String?

    /// What a NIC is on the host.
    package enum Kind: Sendable, Equatable {
        /// An end of a pair, the other end of which is inside.
        case pair
        /// The same, with addresses for which the host answers on an interface of its.
        case routed(parent: String, answered: [IPAddress])
        /// Nothing while the instance has it.
        case macvlan
        /// The same, with addresses for which the host answers on an interface of its.
        case ipvlan(parent: String, answered: [AnsweredAddress])
        /// The host's own interface, to be given back with this hardware address and MTU.
        case physical(hardwareAddress: [UInt8], mtu: UInt32)
    }

    package init(
        owner: NICOwner, hostName: String, hardwareAddress: MACAddress, kind: Kind = .pair, vlan: String? = nil
    ) {
        self.vlan = vlan
        self.owner = owner
        self.hostName = hostName
        self.hardwareAddress = hardwareAddress
        self.kind = kind
    }

    /// The name of what is to be handed to liblxc as `phys`. It follows from the host's name, so nobody need remember
    /// it.
    package var peerName: String { hasHostEnd ? NICLinks.peerName(of: hostName) : hostName }

    /// Whether an end of it is on the host while its instance runs.
    package var hasHostEnd: Bool {
        switch kind {
        case .pair, .routed: true
        case .macvlan, .ipvlan, .physical: false
        }
    }
}

/// A NIC that belongs to a network, its instance running or not: who may hold a lease.
package struct NetworkMember: Sendable {
    /// The instance's name.
    package var instance: String
    /// Its hardware address.
    package var hardwareAddress: MACAddress
    /// The address it is always given.
    package var ipv4: IPv4Address?
    /// The IPv6 address it is always given.
    package var ipv6: IPv6Address?

    package init(
        instance: String, hardwareAddress: MACAddress, ipv4: IPv4Address? = nil, ipv6: IPv6Address? = nil
    ) {
        self.instance = instance
        self.hardwareAddress = hardwareAddress
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }
}

/// Something a person should know about, which did not stop the work.
package struct NetworkWarning: Sendable, Hashable, CustomStringConvertible {
    /// The network.
    package let network: String
    /// What is the matter and what to do about it.
    package let text: String

    package init(network: String, text: String) {
        self.network = network
        self.text = text
    }

    package var description: String { text }
}
