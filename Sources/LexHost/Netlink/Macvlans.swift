import CNetlink
import Glibc
package import LexIPC

extension NetlinkSession {
    /// Makes an interface beside another one, on the same wire, that is down; EOPNOTSUPP where the kernel has no macvlan.
    ///
    /// Its mode is bridge: two of them on one interface reach each other, though not the host.
    package func createMacvlan(
        _ name: String, on parent: Int32, hardwareAddress: [UInt8], mtu: UInt32?, group: UInt32
    ) throws(SystemError) {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, name)
        request.put(IFLA_LINK, parent)
        request.put(IFLA_ADDRESS, bytes: hardwareAddress)
        request.put(IFLA_GROUP, group)
        if let mtu { request.put(IFLA_MTU, mtu) }
        request.nest(IFLA_LINKINFO) { info in
            info.put(IFLA_INFO_KIND, "macvlan")
            info.nest(IFLA_INFO_DATA) { $0.put(IFLA_MACVLAN_MODE, UInt32(MACVLAN_MODE_BRIDGE.rawValue)) }
        }
        try order(request, "create", "the macvlan interface \(name)")
    }

    /// Whether the kernel can make links of a kind, found out by trying with what no link can be made of.
    ///
    /// A kernel without the kind says EOPNOTSUPP; one with it complains of what is missing.
    package func hasKind(_ kind: String) -> Bool {
        var request = NetlinkRequest(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, header: ifinfomsg())
        request.put(IFLA_IFNAME, "lexdprobe")
        request.nest(IFLA_LINKINFO) { $0.put(IFLA_INFO_KIND, kind) }
        do {
            try order(request, "try", "the kind \(kind)")
            try? deleteLink("lexdprobe")
            return true
        } catch {
            return error.code != EOPNOTSUPP
        }
    }
}
