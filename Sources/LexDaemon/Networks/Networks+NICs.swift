import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork

extension Networks {
    /// What an interface is put into or made from. Throws a 400 for what this host or lexd lacks.
    func attachment(_ device: NICDevice, owner: NICOwner, project: String) async throws -> any NICAttaching {
        if let name = device.network {
            try await checkVLANs(device, of: name, owner)
            guard try await find(name, project) != nil, let driver = driver(name) else {
                throw APIError.notFound("Network not found")
            }
            return driver
        }
        if case .id(let id)? = device.vlan, let parent = device.parent {
            return VLANCard(id, of: parent, gvrp: device.gvrp, isAlone: device.kind == .physical, vlans) { taken in
                OnParent(networks: self, device: device, owner: owner, parent: taken.name, isOurs: taken.isOurs)
            }
        }
        return try await attachment(device, on: device.parent, isOurs: false, owner)
    }

    /// What an interface without a managed network is put into or made from.
    ///
    /// - Parameter isOurs: Whether the parent is an interface that lexd made.
    fileprivate func attachment(
        _ device: NICDevice, on parent: String?, isOurs: Bool, _ owner: NICOwner
    ) async throws -> any NICAttaching {
        func refuse(_ why: String) -> APIError { .badRequest("cannot attach \(owner): \(why)") }
        switch (device.kind, parent) {
        case (.p2p, _): return PointToPoint(identity: identity)
        case (.routed, let parent):
            guard let routed = device.routed else { throw refuse("it has no addresses") }
            return RoutedInterface(parent: parent, setsParent: isOurs, wish: routed, identity: identity)
        case (.bridged, let parent?):
            try await checkVLANs(device, of: parent, owner)
            if let driver = driver(parent) { return driver }
            return HostBridge(name: parent, identity: identity)
        case (.macvlan, let parent?): return Macvlan(parent: parent, identity: identity)
        case (.physical, let parent?): return PhysicalInterface(parent: parent, keepsAddress: device.hwaddr == nil)
        case (.ipvlan, let parent?):
            guard let wish = device.ipvlan else { throw refuse("it has no mode") }
            return IPVLANInterface(parent: parent, setsParent: isOurs, wish: wish, identity: identity)
        case (.sriov, let parent?):
            let path = "/sys/class/net/\(parent)/device/sriov_totalvfs"
            let count = (try? await blocking { try readFile(path) })?.prefix { $0 != "\n" } ?? "0"
            guard count != "0" else {
                throw refuse("the interface \"\(parent)\" has no virtual functions (SR-IOV)")
            }
            throw refuse(
                "this version of lexd hands no virtual functions out by itself. Make one and give it as parent of a "
                    + "device of nictype physical")
        case (_, nil): throw refuse("it has neither a network nor a parent")
        }
    }

    /// Whether a bridge can do what is asked of VLANs.
    private func checkVLANs(_ device: NICDevice, of bridge: String, _ owner: NICOwner) async throws {
        guard device.bridged?.wantsVLANs == true else { return }
        let setting = (try? await blocking { try readFile("/sys/class/net/\(bridge)/bridge/vlan_filtering") })
        guard setting?.hasPrefix("1") == true else {
            throw APIError.badRequest(
                "cannot attach \(owner): VLAN filtering is not enabled in parent bridge \"\(bridge)\", which the options vlan and "
                    + "vlan.tagged need: "
                    + (setting == nil
                        ? "this host's kernel has none (CONFIG_BRIDGE_VLAN_FILTERING)"
                        : "ip link set \(bridge) type bridge vlan_filtering 1"))
        }
        if device.bridged?.vlan == .id(0) || device.bridged?.taggedVLANs.contains(where: { $0.ids.contains(0) }) == true
        {
            throw APIError.badRequest(
                "cannot attach \(owner): VLAN ID 0 is not allowed for native Linux bridges; VLANs have the numbers 1 to 4094"
            )
        }
    }

    /// An interface with the addresses it is to have for certain, and what its end on the host is to allow.
    func tuned(_ nic: NIC, _ wanted: WantedNIC, project: String) async throws -> (NIC, NICTuning) {
        var (nic, tuning) = (nic, wanted.tuning)
        guard let bridged = wanted.device.bridged else { return (nic, tuning) }
        let name = wanted.device.network ?? wanted.device.parent ?? ""
        let driver = driver(name)
        func refuse(_ family: String) -> APIError {
            .badRequest(
                "cannot filter the \(family) addresses of \(nic.owner): the network \"\(name)\" gives out none. Give it "
                    + "one (\(family.lowercased()).address), or none")
        }
        if bridged.filtersIPv4 {
            var own: [AddressRange] = []
            if bridged.ipv4 != AddressOrNone.none {
                let fixed = try await driver?.fixedIPv4(for: nic) ?? nic.ipv4
                guard let fixed else { throw refuse("IPv4") }
                nic.ipv4 = fixed
                own = [AddressRange(.v4(fixed), .v4(fixed))].compactMap(\.self) + wanted.routes(isIPv6: false)
            }
            tuning.filter?.ipv4 = own
        }
        if bridged.filtersIPv6 {
            var own: [AddressRange] = []
            if bridged.ipv6 != AddressOrNone.none {
                let fixed = await driver?.ownIPv6(of: nic) ?? nic.ipv6
                guard let fixed else { throw refuse("IPv6") }
                own = [AddressRange(.v6(fixed), .v6(fixed))].compactMap(\.self) + wanted.routes(isIPv6: true)
            }
            tuning.filter?.ipv6 = own
        }
        // A bridge of the host's gives nothing out: the addresses are for the filter alone.
        if driver == nil { (nic.ipv4, nic.ipv6) = (nil, nil) }
        return (nic, tuning)
    }

    /// Tells the network of an interface that is in it what has changed.
    func update(_ nic: NIC, _ device: NICDevice) async throws {
        guard device.kind == .bridged, let name = device.network ?? device.parent, let driver = driver(name) else {
            return
        }
        try await driver.update(nic)
    }
}

/// A NIC on an interface that is known only when it is made.
private struct OnParent: NICAttaching {
    let networks: Networks
    let device: NICDevice
    let owner: NICOwner
    let parent: String
    let isOurs: Bool

    func attach(_ nic: NIC) async throws -> AttachedNIC {
        try await networks.attachment(device, on: parent, isOurs: isOurs, owner).attach(nic)
    }
    func detach(_ nic: AttachedNIC) async throws { try await nic.detach() }
}
