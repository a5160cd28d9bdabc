import CNetlink
import Glibc
package import LexIPC

/// One network interface as the kernel describes it.
package struct Link: Sendable, Equatable {
    /// Its number in its namespace.
    package var index: Int32
    /// Its name, at most 15 bytes.
    package var name: String
    /// What it is set to and what it is: `IFF_*` of netdevice(7).
    package var flags: Flags
    /// The kind of a link made by software: `bridge`, `veth`, `vlan`, `bond`; empty for a device.
    package var kind: String
    /// The largest packet in bytes.
    package var mtu: UInt32
    /// Its hardware address; six bytes for Ethernet.
    package var hardwareAddress: [UInt8]
    /// Free text kept with it (`ifalias`), at most 255 bytes.
    package var alias: String
    /// The number of the bridge or bond it is in.
    package var master: Int32?
    /// For a veth the number of its other end, in that end's namespace; for a VLAN interface that of the one below.
    package var peer: Int32?
    /// The VLAN of a VLAN interface.
    package var vlan: UInt16?
    /// The number it is grouped by; 0 unless somebody set one.
    package var group: UInt32
    /// The hardware address a device was built with; empty for a link made by software.
    package var permanentAddress: [UInt8]
    /// What passed through it.
    package var counters: Counters

    /// The flags this project looks at.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Set to up by somebody; packets also need a carrier.
        package static let up = Flags(rawValue: 1 << 0)
        /// It can send to all on its network.
        package static let broadcast = Flags(rawValue: 1 << 1)
        /// The loopback.
        package static let loopback = Flags(rawValue: 1 << 3)
        /// A tunnel with one other end.
        package static let pointToPoint = Flags(rawValue: 1 << 4)
    }

    /// What passed through a link since it was made (`struct rtnl_link_stats64`).
    package struct Counters: Sendable, Equatable {
        /// Packets in.
        package var receivedPackets: UInt64 = 0
        /// Packets out.
        package var sentPackets: UInt64 = 0
        /// Bytes in.
        package var receivedBytes: UInt64 = 0
        /// Bytes out.
        package var sentBytes: UInt64 = 0
        /// Faulty packets in.
        package var receiveErrors: UInt64 = 0
        /// Packets that could not be sent.
        package var sendErrors: UInt64 = 0
        /// Packets dropped on the way in.
        package var receiveDropped: UInt64 = 0
        /// Packets dropped on the way out.
        package var sendDropped: UInt64 = 0
        /// All zero.
        package init() {}
    }

    init?(_ body: NetlinkBytes) {
        guard let index = body.number(Int32.self, at: 4), let flags = body.number(UInt32.self, at: 8) else {
            return nil
        }
        self.init(index: index, flags: Flags(rawValue: flags))
        body.from(MemoryLayout<ifinfomsg>.size).forEachAttribute { type, content in
            switch type {
            case IFLA_IFNAME: name = content.text
            case IFLA_MTU: mtu = content.number() ?? 0
            case IFLA_ADDRESS: hardwareAddress = Array(content)
            case IFLA_IFALIAS: alias = content.text
            case IFLA_MASTER: master = content.number()
            case IFLA_LINK: peer = content.number()
            case IFLA_GROUP: group = content.number() ?? 0
            case IFLA_PERM_ADDRESS: permanentAddress = Array(content)
            case IFLA_LINKINFO:
                kind = content.attribute(IFLA_INFO_KIND)?.text ?? ""
                guard kind == "vlan" else { break }
                vlan = content.attribute(IFLA_INFO_DATA)?.attribute(IFLA_VLAN_ID)?.number()
            case IFLA_STATS64: counters = Counters(content)
            default: break
            }
        }
    }

    private init(index: Int32, flags: Flags) {
        self.index = index
        self.flags = flags
        name = ""
        kind = ""
        mtu = 0
        hardwareAddress = []
        permanentAddress = []
        alias = ""
        group = 0
        counters = Counters()
    }
}

extension Link.Counters {
    fileprivate init(_ content: NetlinkBytes) {
        func field(_ number: Int) -> UInt64 { content.number(at: number * 8) ?? 0 }
        receivedPackets = field(0)
        sentPackets = field(1)
        receivedBytes = field(2)
        sentBytes = field(3)
        receiveErrors = field(4)
        sendErrors = field(5)
        receiveDropped = field(6)
        sendDropped = field(7)
    }
}

/// One end of a new veth pair.
package struct VethEnd: Sendable {
    /// Its name, at most 15 bytes.
    package var name: String
    /// Its hardware address; nil for a random one.
    package var hardwareAddress: [UInt8]?
    /// The number it is grouped by: unlike the text kept with it, that can be said as it is made.
    package var group: UInt32?

    package init(name: String, hardwareAddress: [UInt8]? = nil, group: UInt32? = nil) {
        self.name = name
        self.hardwareAddress = hardwareAddress
        self.group = group
    }
}

/// What to change of a link; what is nil stays.
package struct LinkChange: Sendable {
    /// A new name; only for a link that is down, or on kernels from 6.2 on.
    package var name: String?
    /// Up or down.
    package var up: Bool?
    /// The largest packet in bytes.
    package var mtu: UInt32?
    /// The bridge to put it into, by number; 0 to take it out.
    package var master: Int32?
    /// Free text to keep with it, at most 255 bytes; empty removes it.
    package var alias: String?
    /// Whether the kernel gives it a link-local IPv6 address when it comes up. False for the ports of a bridge: the
    /// bridge has the addresses. Fails with EAFNOSUPPORT for a link without IPv6: on a host without, or with an MTU
    /// below 1280.
    package var generatesLinkLocal: Bool?
    /// The number it is grouped by.
    package var group: UInt32?
    /// A new hardware address.
    package var hardwareAddress: [UInt8]?
    /// A descriptor of the network namespace to move it to; it is down there.
    package var namespace: Int32?
    /// How many packets may wait to be sent.
    package var queueLength: UInt32?

    package init(
        name: String? = nil, up: Bool? = nil, mtu: UInt32? = nil, master: Int32? = nil, alias: String? = nil,
        generatesLinkLocal: Bool? = nil, group: UInt32? = nil, hardwareAddress: [UInt8]? = nil,
        namespace: Int32? = nil, queueLength: UInt32? = nil
    ) {
        self.queueLength = queueLength
        self.name = name
        self.up = up
        self.mtu = mtu
        self.master = master
        self.alias = alias
        self.generatesLinkLocal = generatesLinkLocal
        self.group = group
        self.hardwareAddress = hardwareAddress
        self.namespace = namespace
    }
}

extension NetlinkSession {
    /// All links of the namespace, in the order of their numbers.
    package func links() throws(SystemError) -> [Link] {
        var found: [Link] = []
        try ask(NetlinkRequest(RTM_GETLINK, header: ifinfomsg()), "the network interfaces") { type, body in
            if type == RTM_NEWLINK, let link = Link(body) { found.append(link) }
        }
        return found
    }

    /// The link of that name; nil when there is none.
    package func link(named name: String) throws(SystemError) -> Link? {
        // The kernel answers ERANGE to a name that no link can have.
        guard (1..<Int(IFNAMSIZ)).contains(name.utf8.count) else { return nil }
        var request = NetlinkRequest(RTM_GETLINK, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        var found: Link?
        do {
            try ask(request, flags: 0, "the network interface \(name)") { type, body in
                if type == RTM_NEWLINK { found = Link(body) }
            }
        } catch  where error.code == ENODEV {
            return nil
        }
        return found
    }

    /// Makes a bridge that is down, with a hardware address that its ports do not change; EEXIST when the name is
    /// taken.
    package func createBridge(_ name: String, hardwareAddress: [UInt8], mtu: UInt32) throws(SystemError) {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        request.put(IFLA_ADDRESS, bytes: hardwareAddress)
        request.nest(IFLA_LINKINFO) { $0.put(IFLA_INFO_KIND, "bridge") }
        try order(request, "create", "the bridge \(name)")
        // An order of its own: only an MTU set this way stays when a port with a smaller one joins
        // (BROPT_MTU_SET_BY_USER in net/bridge/br_device.c).
        try change(name, LinkChange(mtu: mtu))
    }

    /// Makes a pair of connected links, both down; EEXIST when a name is taken.
    package func createVethPair(_ host: VethEnd, _ peer: VethEnd, mtu: UInt32?) throws(SystemError) {
        func describe(_ end: VethEnd, _ request: inout NetlinkRequest) {
            request.put(IFLA_IFNAME, end.name)
            if let address = end.hardwareAddress { request.put(IFLA_ADDRESS, bytes: address) }
            if let mtu { request.put(IFLA_MTU, mtu) }
            if let group = end.group { request.put(IFLA_GROUP, group) }
        }
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        describe(host, &request)
        request.nest(IFLA_LINKINFO) { info in
            info.put(IFLA_INFO_KIND, "veth")
            info.nest(IFLA_INFO_DATA) { data in
                data.nest(VETH_INFO_PEER, header: ifinfomsg()) { describe(peer, &$0) }
            }
        }
        try order(request, "create", "the veth pair \(host.name) and \(peer.name)")
    }

    /// Changes a link, all in one order; ENODEV when there is no such link.
    package func change(_ name: String, _ change: LinkChange) throws(SystemError) {
        var header = ifinfomsg()
        if let up = change.up {
            header.ifi_flags = up ? Link.Flags.up.rawValue : 0
            header.ifi_change = Link.Flags.up.rawValue
        }
        if change.name != nil {
            // The attribute IFLA_IFNAME says the new name, so the link is found by its number.
            guard let link = try link(named: name) else { throw SystemError("rename", name, code: ENODEV) }
            header.ifi_index = link.index
        }
        var request = NetlinkRequest(RTM_SETLINK, header: header)
        request.put(IFLA_IFNAME, change.name ?? name)
        if let mtu = change.mtu { request.put(IFLA_MTU, mtu) }
        if let master = change.master { request.put(IFLA_MASTER, master) }
        if let address = change.hardwareAddress { request.put(IFLA_ADDRESS, bytes: address) }
        if let alias = change.alias {
            // Without a NUL: the kernel would count it.
            request.put(IFLA_IFALIAS, bytes: Array(alias.utf8))
        }
        if let group = change.group { request.put(IFLA_GROUP, group) }
        if let length = change.queueLength { request.put(IFLA_TXQLEN, length) }
        if let namespace = change.namespace { request.put(IFLA_NET_NS_FD, namespace) }
        if let generates = change.generatesLinkLocal {
            request.nest(IFLA_AF_SPEC) { spec in
                spec.nest(Int(AF_INET6)) { inet6 in
                    // IN6_ADDR_GEN_MODE_EUI64 and _NONE.
                    inet6.put(IFLA_INET6_ADDR_GEN_MODE, UInt8(generates ? 0 : 1))
                }
            }
        }
        try order(request, "change", "the network interface \(name)")
    }

    /// Removes a link, a veth with its other end; that there is none any more is fine.
    package func deleteLink(_ name: String) throws(SystemError) {
        var request = NetlinkRequest(RTM_DELLINK, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        do {
            try order(request, "remove", "the network interface \(name)")
        } catch  where error.code == ENODEV {
            // The end of a network namespace removes the veths in it at its own time.
        }
    }
}
