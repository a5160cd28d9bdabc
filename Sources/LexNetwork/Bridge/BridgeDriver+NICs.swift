package import LexAPI
import LexHost
import LexIPC
import Logging

extension BridgeDriver {
    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let registration = Registration(
            owner: nic.owner, hardwareAddress: nic.hardwareAddress, name: nic.name, ipv4: nic.ipv4, ipv6: nic.ipv6)
        try registration.check(against: registrations.values, settings)
        // Claimed before the first wait, so that two that come together cannot both have it.
        let before = registrations.updateValue(registration, forKey: nic.hardwareAddress)
        let (settings, identity, directory, group) = (settings, identity, directory, group)
        do {
            // The same NIC with another hardware address, from before its configuration was changed.
            for old in registrations.values where old.owner == nic.owner && old != registration {
                try await unregister(old.hardwareAddress)
            }
            // First the files: dnsmasq must know the NIC when its guest asks for the first time. It is told of new
            // files by the kernel (inotify), so nothing is waited for here.
            let hostName = try await blocking {
                try Self.place(registration, settings, directory, group: group)
                return try NICLinks.create(nic, in: settings.name, identity: identity)
            }
            if let before, before != registration { try await dnsmasq.reload() }
            return AttachedNIC(owner: nic.owner, hostName: hostName, hardwareAddress: nic.hardwareAddress)
        } catch {
            if registrations[nic.hardwareAddress] == registration { try? await unregister(nic.hardwareAddress) }
            throw error
        }
    }

    package func detach(_ nic: AttachedNIC) async throws {
        // First the link: while it is there the guest could ask again.
        try await blocking { try NetlinkSession().deleteLink(nic.hostName) }
        // The same NIC may have been attached again by now, or its hardware address given to another.
        if registrations[nic.hardwareAddress]?.owner == nic.owner { try await unregister(nic.hardwareAddress) }
    }

    /// Removes what is known of NICs other than these; for the start of lexd, when the store knows which there are.
    package func forget(except known: Set<NICOwner>) async throws {
        for (address, registration) in registrations where !known.contains(registration.owner) {
            try await unregister(address)
        }
    }

    private func unregister(_ address: MACAddress) async throws {
        registrations[address] = nil
        let (settings, directory) = (settings, directory)
        let lines = try await blocking { () -> [Leases.Line] in
            try removeFile(directory.hosts + "/" + address.fileName)
            try removeFile(directory.names + "/" + address.fileName)
            guard settings.givesIPv4 else { return [] }
            return Leases.parse((try? readFile(directory.leases, limit: 16 << 20)) ?? "")
        }
        try await dnsmasq.reload()
        guard let server = settings.ipv4?.address else { return }
        for line in lines where line.hardwareAddress == address {
            guard let leased = IPv4Address(configText: line.address) else { continue }
            let message = LeaseRelease.message(
                server: server, address: leased, hardwareAddress: address, client: line.client)
            do {
                try LeaseRelease.send(message, to: server, on: settings.name)
            } catch {
                // The lease then runs out by itself.
                logger.info("a lease was not given back", metadata: ["address": "\(leased)", "error": "\(error)"])
            }
        }
    }

    /// Makes the directory, reads what is registered, and rewrites it where the domain or the subnet changed.
    func makeFiles(_ settings: BridgeSettings, group: UInt32) async throws {
        let directory = directory
        let found = try await blocking { () -> [MACAddress: Registration] in
            try directory.make(group: group)
            try directory.placeRaw(settings.rawDnsmasq)
            var found: [MACAddress: Registration] = [:]
            for name in try directoryEntries(directory.hosts) {
                let path = directory.hosts + "/" + name
                if var registration = Registration(hostsFile: try readFile(path)),
                    registration.hardwareAddress.fileName == name
                {
                    // Not in the file while the network has no names of lexd's.
                    registration.name = registration.name ?? (try? InstanceName(registration.owner.instance))
                    found[registration.hardwareAddress] = registration
                    try Self.place(registration, settings, directory, group: group)
                } else {
                    try removeFile(path)
                }
            }
            return found
        }
        // What was attached meanwhile is newer than its file as it was read.
        registrations.merge(found) { current, _ in current }
    }

    private static func place(
        _ registration: Registration, _ settings: BridgeSettings, _ directory: NetworkDirectory, group: UInt32?
    ) throws {
        func place(_ text: String?, _ path: String) throws {
            guard let text else { return try removeFile(path) }
            if (try? readFile(path)) != text { try placeFile(path, text, mode: 0o640, group: group) }
        }
        let name = "/" + registration.hardwareAddress.fileName
        let domain = settings.dnsMode == .managed ? settings.domain : nil
        try place(registration.hostsFile(domain: domain), directory.hosts + name)
        try place(registration.namesFile(settings), directory.names + name)
    }
}

extension BridgeDriver {
    /// Changes what is known of an attached NIC: its fixed addresses.
    package func update(_ nic: NIC) async throws {
        let registration = Registration(
            owner: nic.owner, hardwareAddress: nic.hardwareAddress, name: nic.name, ipv4: nic.ipv4, ipv6: nic.ipv6)
        guard registrations[nic.hardwareAddress] != registration else { return }
        try registration.check(against: registrations.values, settings)
        let before = registrations.updateValue(registration, forKey: nic.hardwareAddress)
        let (settings, directory, group) = (settings, directory, group)
        do {
            try await blocking { try Self.place(registration, settings, directory, group: group) }
            try await dnsmasq.reload()
        } catch {
            registrations[nic.hardwareAddress] = before
            throw error
        }
    }

    /// The IPv4 address a NIC is given from now on that must have one: what it has, by its registration or lease, or one
    /// that nobody has; nil where the network gives out none.
    package func fixedIPv4(for nic: NIC) async throws -> IPv4Address? {
        if let fixed = nic.ipv4 ?? registrations[nic.hardwareAddress]?.ipv4 { return fixed }
        guard let subnet = settings.ipv4, settings.givesIPv4 else { return nil }
        let path = directory.leases
        let lines = Leases.parse(try await blocking { (try? readFile(path, limit: 16 << 20)) ?? "" })
        var taken = Set(registrations.values.compactMap(\.ipv4))
        for line in lines where line.hardwareAddress != nic.hardwareAddress {
            if let address = IPv4Address(configText: line.address) { taken.insert(address) }
        }
        taken.insert(subnet.address)
        if let leased = lines.first(where: { $0.hardwareAddress == nic.hardwareAddress }).flatMap({
            IPv4Address(configText: $0.address)
        }), subnet.contains(leased), !taken.contains(leased) {
            return leased
        }
        return Self.free(
            in: settings.ipv4Ranges.isEmpty
                ? [
                    AddressRange(
                        .v4(IPv4Address(subnet.network.value &+ 1)), .v4(IPv4Address(subnet.broadcast.value &- 1)))
                ]
                .compactMap(\.self) : settings.ipv4Ranges, beginningWith: nic.hardwareAddress, taken)
    }

    /// An address of some ranges that is not taken, the same one for the same interface as long as it is free.
    static func free(
        in ranges: [AddressRange], beginningWith address: MACAddress, _ taken: Set<IPv4Address>
    ) -> IPv4Address? {
        let numbers = ranges.compactMap { range -> ClosedRange<UInt32>? in
            guard case .v4(let first) = range.first, case .v4(let last) = range.last else { return nil }
            return first.value...last.value
        }
        let count = numbers.reduce(UInt64(0)) { $0 + UInt64($1.upperBound - $1.lowerBound) + 1 }
        guard count > 0 else { return nil }
        let start = UInt64(fnv1a(address.description)) % count
        // One more than are taken is enough.
        for step in 0..<min(count, UInt64(taken.count) + 1) {
            var offset = (start + step) % count
            for range in numbers {
                let size = UInt64(range.upperBound - range.lowerBound) + 1
                if offset < size {
                    let found = IPv4Address(range.lowerBound + UInt32(offset))
                    if !taken.contains(found) { return found }
                    break
                }
                offset -= size
            }
        }
        return nil
    }

    /// The IPv6 addresses a NIC may have: its fixed one, or the one it makes of its hardware address.
    package func ownIPv6(of nic: NIC) -> IPv6Address? {
        nic.ipv6 ?? registrations[nic.hardwareAddress]?.ipv6 ?? settings.ipv6?.address(of: nic.hardwareAddress)
    }
}
