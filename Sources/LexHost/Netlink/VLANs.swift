import CNetlink
import Glibc
package import LexIPC

extension NetlinkSession {
    /// Makes an interface for the packets of one VLAN of another interface, that is down; EOPNOTSUPP where the kernel has
    /// no VLANs, EEXIST when there is one already, under whatever name and in whatever namespace.
    ///
    /// - Parameter gvrp: Whether switches are told of it.
    package func createVLAN(
        _ name: String, id: UInt16, on parent: Int32, gvrp: Bool, group: UInt32
    ) throws(SystemError) {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        request.put(IFLA_LINK, parent)
        request.put(IFLA_GROUP, group)
        request.nest(IFLA_LINKINFO) { info in
            info.put(IFLA_INFO_KIND, "vlan")
            info.nest(IFLA_INFO_DATA) { data in
                data.put(IFLA_VLAN_ID, id)
                // VLAN_FLAG_GVRP of linux/if_vlan.h, as value and as mask.
                if gvrp { data.put(IFLA_VLAN_FLAGS, bytes: [2, 0, 0, 0, 2, 0, 0, 0]) }
            }
        }
        try order(request, "create", "the VLAN interface \(name)")
    }

    /// Makes an ipvlan interface on another one, which shares its hardware address; it is down. EOPNOTSUPP where the
    /// kernel has none.
    ///
    /// - Parameter isRouted: Mode `l3s`, in which the host passes its packets on; otherwise `l2`.
    package func createIPVLAN(
        _ name: String, on parent: Int32, isRouted: Bool, mtu: UInt32?, group: UInt32
    ) throws(SystemError) {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        request.put(IFLA_LINK, parent)
        request.put(IFLA_GROUP, group)
        if let mtu { request.put(IFLA_MTU, mtu) }
        request.nest(IFLA_LINKINFO) { info in
            info.put(IFLA_INFO_KIND, "ipvlan")
            info.nest(IFLA_INFO_DATA) { data in
                // IPVLAN_MODE_L3S and _L2. All on one parent have one mode.
                data.put(IFLA_IPVLAN_MODE, UInt16(isRouted ? 2 : 0))
                // Neither private nor vepa: those on one parent reach each other.
                data.put(IFLA_IPVLAN_FLAGS, UInt16(0))
            }
        }
        try order(request, "create", "the ipvlan interface \(name)")
    }

    /// The VLAN interface of an interface; nil when this namespace has none.
    package func vlan(_ id: UInt16, of parent: Int32) throws(SystemError) -> Link? {
        try links().first { $0.kind == "vlan" && $0.vlan == id && $0.peer == parent }
    }

    /// Has a port of a bridge take part in VLANs.
    ///
    /// - Parameter isUntagged: Whether its packets without a tag belong to the VLAN, and the VLAN's leave without one.
    package func joinVLANs(
        _ ids: ClosedRange<UInt16>, port: Link, isUntagged: Bool
    ) throws(SystemError) {
        try order(
            portVLANs(RTM_SETLINK, ids, port, isUntagged ? Self.untagged : 0), "put into VLANs",
            "the port \(port.name)")
    }

    /// Has a port of a bridge take part in VLANs no more.
    package func leaveVLANs(_ ids: ClosedRange<UInt16>, port: Link) throws(SystemError) {
        try order(portVLANs(RTM_DELLINK, ids, port, 0), "take from VLANs", "the port \(port.name)")
    }

    // linux/if_bridge.h, which cannot be included beside glibc's headers.
    private static let untagged: UInt16 = 1 << 1 | 1 << 2
    private static let rangeBegin: UInt16 = 1 << 3
    private static let rangeEnd: UInt16 = 1 << 4
    private static let vlanInfo = 2

    private func portVLANs(_ type: Int, _ ids: ClosedRange<UInt16>, _ port: Link, _ flags: UInt16) -> NetlinkRequest {
        var header = ifinfomsg()
        header.ifi_family = UInt8(AF_BRIDGE)
        header.ifi_index = port.index
        var request = NetlinkRequest(type, header: header)
        request.nest(IFLA_AF_SPEC) { spec in
            func put(_ id: UInt16, _ flags: UInt16) {
                spec.put(
                    Self.vlanInfo, bytes: [flags, id].flatMap { word in withUnsafeBytes(of: word) { Array($0) } })
            }
            if ids.count == 1 { return put(ids.lowerBound, flags) }
            put(ids.lowerBound, flags | Self.rangeBegin)
            put(ids.upperBound, flags | Self.rangeEnd)
        }
        return request
    }
}
