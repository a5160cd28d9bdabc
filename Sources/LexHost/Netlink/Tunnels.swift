import CNetlink
package import LexIPC

/// What a vxlan is made with (RFC 7348).
package struct VXLAN: Sendable {
    /// Its number.
    package var id: UInt32
    /// Four or sixteen bytes of this end's address; nil for the one that routing says.
    package var local: [UInt8]?
    /// The other end's address, or that of the multicast group the ends find each other in.
    package var remote: [UInt8]
    /// The UDP port.
    package var port: UInt16
    /// The number of the interface it goes out by; nil for the one that routing says.
    package var interface: Int32?
    /// How many hops its packets live.
    package var ttl: UInt8

    package init(id: UInt32, local: [UInt8]?, remote: [UInt8], port: UInt16, interface: Int32?, ttl: UInt8) {
        self.id = id
        self.local = local
        self.remote = remote
        self.port = port
        self.interface = interface
        self.ttl = ttl
    }
}

extension NetlinkSession {
    /// Makes a vxlan interface that is down; EOPNOTSUPP where the kernel has none, EEXIST when the name is taken.
    package func createVXLAN(_ name: String, _ vxlan: VXLAN) throws(SystemError) {
        try createTunnel(name, kind: "vxlan") { data in
            data.put(IFLA_VXLAN_ID, vxlan.id)
            let isIPv6 = vxlan.remote.count == 16
            data.put(isIPv6 ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP, bytes: vxlan.remote)
            if let local = vxlan.local {
                data.put(isIPv6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, bytes: local)
            }
            if let interface = vxlan.interface { data.put(IFLA_VXLAN_LINK, interface) }
            data.put(IFLA_VXLAN_TTL, vxlan.ttl)
            data.put(IFLA_VXLAN_PORT, vxlan.port.bigEndian)
            data.put(IFLA_VXLAN_LEARNING, UInt8(1))
        }
    }

    /// Makes a GRE interface for Ethernet that is down; EOPNOTSUPP where the kernel has none.
    package func createGRETap(_ name: String, local: [UInt8], remote: [UInt8]) throws(SystemError) {
        try createTunnel(name, kind: local.count == 16 ? "ip6gretap" : "gretap") { data in
            // IFLA_GRE_LOCAL and _REMOTE of linux/if_tunnel.h, which cannot be included beside what is here already.
            data.put(6, bytes: local)
            data.put(7, bytes: remote)
        }
    }

    private func createTunnel(
        _ name: String, kind: String, _ fill: (inout NetlinkRequest) -> Void
    ) throws(SystemError) {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        request.nest(IFLA_LINKINFO) { info in
            info.put(IFLA_INFO_KIND, kind)
            info.nest(IFLA_INFO_DATA) { fill(&$0) }
        }
        try order(request, "create", "the \(kind) interface \(name)")
    }
}
