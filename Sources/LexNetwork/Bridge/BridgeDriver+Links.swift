import Glibc
import LexAPI
import LexHost
import LexIPC
import Logging

extension BridgeDriver {
    /// Makes the bridge, or adopts the one a lexd before this one made.
    /// Answers whether it was made, so that a start that fails later removes it again, and what a person should know.
    func makeBridge(_ settings: BridgeSettings) async throws -> (isNew: Bool, warnings: [NetworkWarning]) {
        let (name, identity) = (settings.name, identity)
        let (isNew, changed, warnings) = try await blocking { () -> (Bool, [String], [NetworkWarning]) in
            let session = try NetlinkSession()
            let existing = try session.link(named: name)
            if let existing { try Self.checkOwn(existing, alias: identity.alias(ofNetwork: name)) }
            if existing == nil {
                try session.createBridge(
                    name, hardwareAddress: settings.hardwareAddress.bytes, mtu: settings.mtu)
            }
            do {
                let (changed, warnings) = try Self.fill(session, settings, existing, identity)
                return (existing == nil, changed, warnings)
            } catch {
                if existing == nil {
                    try? Self.removeTunnels(session, of: name, identity: identity)
                    try? session.deleteLink(name)
                }
                throw error
            }
        }
        if !changed.isEmpty {
            logger.notice(
                "kernel settings were changed so that this host passes packets on",
                metadata: ["network": "\(name)", "settings": "\(changed.joined(separator: " "))"])
        }
        return (isNew, warnings)
    }

    /// Makes a bridge that is there what the settings say.
    private static func fill(
        _ session: NetlinkSession, _ settings: BridgeSettings, _ existing: Link?, _ identity: NetworkIdentity
    ) throws -> ([String], [NetworkWarning]) {
        var change = LinkChange(alias: identity.alias(ofNetwork: settings.name))
        if let existing {
            if existing.mtu != settings.mtu { change.mtu = settings.mtu }
            let address = settings.hardwareAddress.bytes
            if existing.hardwareAddress != address { change.hardwareAddress = address }
        }
        try session.change(settings.name, change)
        // As LXD has it: NICs with the option vlan find a bridge that filters. Where the kernel cannot, they are refused.
        let filtering = "/sys/class/net/\(settings.name)/bridge/vlan_filtering"
        if let now = try? readFile(filtering), !now.hasPrefix("1") { try writeKernelFile(filtering, "1") }
        // Before it is up and has an address: a router takes none from others, and its own are used at once.
        let changed = try setKernel(bridge: settings.name, settings, session)
        try session.change(settings.name, LinkChange(up: true))
        try setAddresses(session, settings)
        try setRoutes(session, settings)
        return (changed, try makePorts(session, settings, identity: identity))
    }

    private static func checkOwn(_ link: Link, alias: String) throws(APIError) {
        guard link.kind == "bridge", link.alias == alias else {
            let what = link.kind.isEmpty ? "" : " of the kind \"\(link.kind)\""
            throw .conflict(
                "cannot start network \"\(link.name)\": an interface\(what) with this name exists on the host and is not "
                    + "lexd's; remove it, or give the network another name")
        }
    }

    /// Leaves the bridge with the wanted addresses and its link-local ones.
    private static func setAddresses(_ session: NetlinkSession, _ settings: BridgeSettings) throws {
        guard let link = try session.link(named: settings.name) else {
            throw SystemError("find", settings.name, code: ENODEV)
        }
        var wanted: [InterfaceAddress] = []
        if let subnet = settings.ipv4 {
            wanted.append(
                InterfaceAddress(
                    index: link.index, bytes: subnet.addressBytes, prefix: UInt8(truncatingIfNeeded: subnet.prefix)))
        }
        if let subnet = settings.ipv6 {
            wanted.append(
                InterfaceAddress(
                    index: link.index, bytes: subnet.addressBytes, prefix: UInt8(truncatingIfNeeded: subnet.prefix)))
        }
        let present = try session.addresses().filter { $0.index == link.index && $0.scope == 0 }
        for address in present
        where !wanted.contains(where: { $0.bytes == address.bytes && $0.prefix == address.prefix }) {
            try session.removeAddress(address, from: settings.name)
        }
        for address in wanted
        where !present.contains(where: { $0.bytes == address.bytes && $0.prefix == address.prefix }) {
            try session.addAddress(address, to: settings.name)
        }
    }

    /// Leaves the bridge with the wanted routes. Ours carry a number of our own for who made them.
    private static func setRoutes(_ session: NetlinkSession, _ settings: BridgeSettings) throws {
        guard let link = try session.link(named: settings.name) else {
            throw SystemError("find", settings.name, code: ENODEV)
        }
        // rt_protos knows the numbers of others; 76 is nobody's.
        let origin: UInt8 = 76
        func route(_ bytes: [UInt8], _ prefix: UInt32) -> RouteDestination {
            RouteDestination(
                bytes: bytes, prefix: UInt8(truncatingIfNeeded: prefix), interface: link.index, origin: origin)
        }
        let wanted =
            settings.ipv4Routes.map { route($0.addressBytes, $0.prefix) }
            + settings.ipv6Routes.map { route($0.addressBytes, $0.prefix) }
        let present = try session.routeDestinations().filter { $0.interface == link.index && $0.origin == origin }
        for old in present where !wanted.contains(old) {
            try session.removeRoute(old, "a route to \(settings.name)")
        }
        for new in wanted where !present.contains(new) {
            let text = InterfaceAddress(index: 0, bytes: new.bytes, prefix: new.prefix).description
            guard try session.addRoute(new, "the route to \(text) by \(settings.name)") else {
                throw APIError.conflict(
                    "cannot route \(text) to network \"\(settings.name)\": the host has a route to there already")
            }
        }
    }

    /// Sets what the kernel must do for the bridge; answers what was changed for the host as a whole.
    private static func setKernel(
        bridge: String, _ settings: BridgeSettings, _ session: NetlinkSession
    ) throws -> [String] {
        var changed: [String] = []
        func set(_ name: String, _ value: String) throws {
            if try KernelSetting(name).set(value) { changed.append("\(name)=\(value)") }
        }
        if settings.ipv4 != nil, settings.ipv4Passage.routing { try set("net/ipv4/ip_forward", "1") }
        let own = "net/ipv6/conf/\(bridge)/"
        // Without an address of lexd's the instances must not reach the host by its link-local address either.
        _ = try KernelSetting(own + "disable_ipv6").set(settings.ipv6 == nil ? "1" : "0")
        for (name, value) in [("accept_ra", "0"), ("autoconf", "0"), ("accept_dad", "0")] {
            _ = try KernelSetting(own + name).set(value)
        }
        let forwarding = ["net/ipv6/conf/all/forwarding", own + "forwarding"]
        if settings.ipv6 != nil, settings.ipv6Passage.routing,
            forwarding.contains(where: { KernelSetting($0).value == "0" })
        {
            // A host that passes packets on, if only on one interface, drops what it learned from routers and takes no
            // more, its own default route among it, unless it was told before to take it all the same
            // (Documentation/networking/ip-sysctl.rst, accept_ra). It is told so only where it has learned something:
            // on a bridge with other people's containers in it the host would otherwise believe them.
            let advertised = Set(try session.routeDestinations().filter(\.isAdvertised).compactMap(\.interface))
            for link in try session.links() where advertised.contains(link.index) {
                let name = "net/ipv6/conf/\(link.name)/accept_ra"
                if KernelSetting(name).value == "1" { try set(name, "2") }
            }
            try set("net/ipv6/conf/all/forwarding", "1")
            _ = try KernelSetting(own + "forwarding").set("1")
        }
        return changed
    }
}
