import LexAPI
import LexHost
import LexIPC
import Logging

extension BridgeDriver {
    package func attach(_ nic: NIC) async throws -> AttachedNIC {
        let registration = Registration(
            owner: nic.owner, hardwareAddress: nic.hardwareAddress, name: nic.name, ipv4: nic.ipv4)
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
            var found: [MACAddress: Registration] = [:]
            for name in try directoryEntries(directory.hosts) {
                let path = directory.hosts + "/" + name
                if let registration = Registration(hostsFile: try readFile(path)),
                    registration.hardwareAddress.fileName == name
                {
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
        try place(registration.hostsFile(domain: settings.domain), directory.hosts + name)
        try place(registration.namesFile(settings), directory.names + name)
    }
}
