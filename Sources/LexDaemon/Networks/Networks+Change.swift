import LexAPI
import LexHost
import LexNetwork
import LexStore

extension Networks {
    /// Replaces or, with `isPatch`, changes a network. The bridge takes the change while instances run on it; when it
    /// cannot, everything stays as it was.
    func update(
        _ name: String, _ change: Network.Update, project: String, isPatch: Bool,
        check: (Network.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        try await locks.with("create") {
            let old = try await required(name, project)
            try check(Self.writable(old.value))
            var new = old
            new.value.description = change.description ?? (isPatch ? old.value.description : "")
            new.value.config =
                isPatch ? Merge.config(old.value.config, change.config) : Merge.replacement(change.config)
            // What lexd chose is kept, whether it is sent back or not.
            for (key, value) in old.value.config where key.hasPrefix("volatile.") {
                guard new.value.config[key] == nil || new.value.config[key] == value else {
                    throw APIError.badRequest("The key \"\(key)\" is lexd's own and cannot be changed")
                }
                new.value.config[key] = value
            }
            new.value.config = try await BridgeDriver.completed(
                Config(new.value.config), name: name, taken: try await takenSubnets(except: name),
                hardwareAddresses: try await knownHardwareAddresses(), isNew: false
            ).values
            let settings = try await settings(name, new.value)
            try await judge(settings)
            try await bring(settings, over: try await self.settings(name, old.value), saving: new)
        }
        events.lifecycle("network-updated", source: "/1.0/networks/\(name)", requestor: requestor)
    }

    private func bring(
        _ settings: BridgeSettings, over old: BridgeSettings, saving record: Stored<NetworkRecord>
    ) async throws {
        guard let driver = driver(settings.name) else {
            throw APIError.failed("cannot change network \"\(settings.name)\": it could not be started; see the log")
        }
        let isSame = await driver.settings == settings
        if !isSame { report(try await driver.reconfigure(settings)) }
        do {
            try await records.update(record)
        } catch {
            if !isSame { _ = try? await driver.reconfigure(old) }
            throw error
        }
    }

    /// Throws unless the settings fit what is around them: other networks, the fixed addresses of instances, dnsmasq.
    func judge(_ settings: BridgeSettings) async throws {
        for other in try await records.list() where other.owned.name != settings.name {
            guard let theirs = try? BridgeSettings(name: other.owned.name, config: Config(other.value.config)) else {
                continue
            }
            for range in settings.subnets {
                guard let taken = theirs.subnets.first(where: range.overlaps) else { continue }
                throw APIError.badRequest(
                    "cannot give network \"\(settings.name)\" the addresses \(range): network \"\(other.owned.name)\" has "
                        + "\(taken)")
            }
            for address in other.value.forwards?.keys.sorted() ?? [] {
                guard let listen = IPAddress(configText: address),
                    settings.subnets.contains(where: { $0.contains(listen) })
                else { continue }
                throw APIError.badRequest(
                    "cannot give network \"\(settings.name)\" the address \(address): a forward of network "
                        + "\"\(other.name)\" listens on it")
            }
        }
        try await BridgeDriver.checkRawDnsmasq(settings)
        for (owner, devices) in try await devicesOfAll() {
            for (device, options) in devices.sorted(by: { $0.key < $1.key })
            where options["type"] == "nic" && options["network"] == settings.name {
                do {
                    try settings.checkFixed(
                        options["ipv4.address"].flatMap { IPv4Address(configText: $0) },
                        options["ipv6.address"].flatMap { IPv6Address(configText: $0) })
                } catch {
                    throw APIError.badRequest(
                        "cannot change network \"\(settings.name)\" so: device \"\(device)\" of \(owner): \(error)")
                }
            }
        }
    }

    private func devicesOfAll() async throws -> [(String, [String: [String: String]])] {
        try await references.instances.list().map { ("instance \"\($0.value.name)\"", $0.value.devices) }
            + references.profiles.list().map { ("profile \"\($0.owned.name)\"", $0.value.devices) }
    }

    /// What the ETag is made of.
    static func writable(_ record: NetworkRecord) -> Network.Update {
        Network.Update(description: record.description, config: record.config)
    }

    /// The record of a network that a project uses; a 404 in LXD's words without it.
    func required(_ name: String, _ project: String) async throws -> Stored<NetworkRecord> {
        guard let stored = try await find(name, project) else {
            throw APIError.notFound("Failed loading network: Network not found")
        }
        return stored
    }

    // MARK: renaming

    /// Gives a network that nothing uses another name. Its bridge is made anew.
    func rename(
        _ name: String, to newName: String, project: String, requestor: Event.Requestor?
    ) async throws {
        try await locks.with("create") {
            let stored = try await required(name, project)
            guard !newName.isEmpty else { throw APIError.badRequest("New network name not provided") }
            try ObjectName.validateInterface(newName)
            guard try await references.users(ofNetwork: stored.owned).isEmpty else {
                throw APIError.badRequest("Network is currently in use")
            }
            guard try await find(newName, project) == nil else {
                throw APIError.conflict("Network \"\(newName)\" already exists")
            }
            guard try await HostInterface.named(newName) == nil else {
                throw APIError.badRequest("Network interface \"\(newName)\" already exists")
            }
            guard let old = take(name) else {
                throw APIError.failed("cannot rename network \"\(name)\": it could not be started; see the log")
            }
            do {
                try await move(stored, old.driver, to: newName)
                old.deleted.open()
            } catch {
                put(old, name)
                throw error
            }
        }
        await warnings.forget(entity: "/1.0/networks/\(name)")
        events.lifecycle(
            "network-renamed", source: "/1.0/networks/\(newName)", context: ["old_name": .string(name)],
            requestor: requestor)
    }

    private func move(_ stored: Stored<NetworkRecord>, _ old: BridgeDriver, to newName: String) async throws {
        let (from, to) = ("\(directory)/\(stored.owned.name)", "\(directory)/\(newName)")
        let new = makeDriver(try await settings(newName, stored.value))
        try await withRollback(logger) { rollback in
            await rollback.add("start the network under its old name") { _ = try await old.start() }
            try await old.stop()
            try await blocking { try moveDirectory(from, to: to) }
            await rollback.add("give the directory its old name") {
                try await blocking { try moveDirectory(to, to: from) }
            }
            await rollback.add("stop the network under its new name") { try await new.stop() }
            report(try await new.start())
            try await records.rename(stored, to: ProjectKey(stored.owned.project, newName).text)
            put(Running(driver: new), newName)
        }
    }
}

extension BridgeSettings {
    /// Throws a 400 unless the network can always give a NIC these addresses.
    func checkFixed(_ fixed4: IPv4Address?, _ fixed6: IPv6Address?) throws(APIError) {
        if let fixed4 {
            guard let ipv4, ipv4DHCP else {
                throw .badRequest(
                    "ipv4.address needs a network that gives out IPv4 addresses, which \"\(name)\" does not")
            }
            guard ipv4.contains(fixed4), fixed4 > ipv4.network, fixed4 < ipv4.broadcast, fixed4 != ipv4.address else {
                throw .badRequest("the address \(fixed4) is not one of a host in \(ipv4)")
            }
        }
        if let fixed6 {
            guard let ipv6, ipv6DHCP, ipv6Stateful else {
                throw .badRequest(
                    "ipv6.address needs a network with ipv6.dhcp and ipv6.dhcp.stateful, which \"\(name)\" has not")
            }
            guard ipv6.contains(fixed6), fixed6 != ipv6.firstAddress, fixed6 != ipv6.address else {
                throw .badRequest("the address \(fixed6) is not one of a host in \(ipv6)")
            }
        }
    }
}
