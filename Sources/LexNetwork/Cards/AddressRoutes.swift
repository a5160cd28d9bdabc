import LexAPI
import LexHost

/// `RTPROT_BOOT` of rtnetlink(7), as LXD marks its routes.
let bootOrigin: UInt8 = 3

/// The host's routes to an address of an instance: the one in the main table, and one in a further table.
struct AddressRoutes {
    private let address: IPAddress
    private let tables: [UInt32?]

    init(to address: IPAddress, table: UInt32?) {
        self.address = address
        tables = [nil] + (table.map { [$0] } ?? [])
    }

    private func route(_ table: UInt32?, by interface: Int32) -> RouteDestination {
        RouteDestination(
            bytes: address.bytes, prefix: address.isIPv6 ? 128 : 32, interface: interface, origin: bootOrigin,
            table: table)
    }

    /// Adds them. Throws when the main table has one already; that the other has it is somebody's wish.
    ///
    /// - Parameter begun: Called when the first of them is there.
    func add(
        by interface: Int32, _ session: NetlinkSession, _ owner: NICOwner, begun: () -> Void = {}
    ) throws {
        for table in tables {
            let isNew = try session.addRoute(route(table, by: interface), "the route to \(address)")
            guard table == nil else { continue }
            guard isNew else {
                throw APIError.conflict(
                    "cannot attach \(owner): the host has a route to \(address) already: another instance may have the "
                        + "address")
            }
            begun()
        }
    }

    /// Removes them, as far as they are there.
    func remove(by interface: Int32, _ session: NetlinkSession) throws {
        for table in tables {
            try session.removeRoute(route(table, by: interface), "the route to \(address)")
        }
    }
}
