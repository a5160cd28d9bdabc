import CNetlink
import Glibc
package import LexIPC

/// Where a route leads to, as far as this project asks: which addresses are spoken for.
package struct RouteDestination: Sendable, Equatable {
    /// Four bytes (IPv4) or sixteen (IPv6).
    package var bytes: [UInt8]
    /// The length of the prefix in bits; 0 is the default route.
    package var prefix: UInt8
    /// The number of the interface it goes out by; nil for a route that has several, or none.
    package var interface: Int32?
    /// Whether the kernel made it of a router's advertisement.
    package var isAdvertised: Bool
}

extension NetlinkSession {
    /// The destinations of all routes in all tables, the default route among them.
    package func routeDestinations() throws(SystemError) -> [RouteDestination] {
        var found: [RouteDestination] = []
        try ask(NetlinkRequest(RTM_GETROUTE, header: rtmsg()), "the routes") { type, body in
            guard type == RTM_NEWROUTE, let family = body.number(UInt8.self),
                let prefix = body.number(UInt8.self, at: 1)
            else { return }
            let size = Int32(family) == AF_INET ? 4 : 16
            let attributes = body.from(MemoryLayout<rtmsg>.size)
            let destination = attributes.attribute(Int(RTA_DST.rawValue))
            let bytes = destination.map(Array.init) ?? Array(repeating: 0, count: size)
            if bytes.count == size {
                found.append(
                    RouteDestination(
                        bytes: bytes, prefix: prefix,
                        interface: attributes.attribute(Int(RTA_OIF.rawValue))?.number(),
                        isAdvertised: body.number(UInt8.self, at: 5).map(Int32.init) == RTPROT_RA))
            }
        }
        return found
    }
}
