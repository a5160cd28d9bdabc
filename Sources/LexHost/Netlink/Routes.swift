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
    /// Who made it: `RTPROT_*` of rtnetlink(7).
    package var origin: UInt8
    /// The address it goes on to; nil for what lies directly behind the interface. Not read, only made.
    package var gateway: [UInt8]?
    /// The table it is in; nil for the main one. Not read, only made.
    package var table: UInt32?

    /// Whether the kernel made it of a router's advertisement.
    package var isAdvertised: Bool { Int32(origin) == RTPROT_RA }

    /// A route to make.
    package init(
        bytes: [UInt8], prefix: UInt8, interface: Int32, origin: UInt8, gateway: [UInt8]? = nil, table: UInt32? = nil
    ) {
        self.bytes = bytes
        self.prefix = prefix
        self.interface = interface
        self.origin = origin
        self.gateway = gateway
        self.table = table
    }

    fileprivate init(bytes: [UInt8], prefix: UInt8, interface: Int32?, origin: UInt8) {
        self.bytes = bytes
        self.prefix = prefix
        self.interface = interface
        self.origin = origin
    }
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
                        origin: body.number(UInt8.self, at: 5) ?? 0))
            }
        }
        return found
    }

    /// Makes a route to what lies directly behind an interface; answers false when the host has one to there already.
    package func addRoute(_ route: RouteDestination, _ subject: String) throws(SystemError) -> Bool {
        do {
            try order(request(RTM_NEWROUTE, route, flags: NLM_F_CREATE | NLM_F_EXCL), "add", subject)
            return true
        } catch  where error.code == EEXIST {
            return false
        }
    }

    /// Removes a route that ``addRoute(_:_:)`` made; that there is none is fine.
    package func removeRoute(_ route: RouteDestination, _ subject: String) throws(SystemError) {
        do {
            try order(request(RTM_DELROUTE, route), "remove", subject)
        } catch  where error.code == ESRCH || error.code == ENODEV {
        }
    }

    private func request(_ type: Int, _ route: RouteDestination, flags: Int32 = 0) -> NetlinkRequest {
        let isIPv6 = route.bytes.count == 16
        let header = rtmsg(
            rtm_family: UInt8(isIPv6 ? AF_INET6 : AF_INET), rtm_dst_len: route.prefix, rtm_src_len: 0, rtm_tos: 0,
            rtm_table: UInt8(truncatingIfNeeded: RT_TABLE_MAIN.rawValue), rtm_protocol: route.origin,
            rtm_scope: UInt8(
                truncatingIfNeeded: isIPv6 || route.gateway != nil
                    ? RT_SCOPE_UNIVERSE.rawValue : RT_SCOPE_LINK.rawValue),
            rtm_type: UInt8(truncatingIfNeeded: RTN_UNICAST), rtm_flags: 0)
        var request = NetlinkRequest(type, flags: flags, header: header)
        request.put(Int(RTA_DST.rawValue), bytes: route.bytes)
        if let interface = route.interface { request.put(Int(RTA_OIF.rawValue), interface) }
        if let gateway = route.gateway { request.put(Int(RTA_GATEWAY.rawValue), bytes: gateway) }
        // Beside what fits into the header's byte.
        if let table = route.table { request.put(Int(RTA_TABLE.rawValue), table) }
        return request
    }
}
