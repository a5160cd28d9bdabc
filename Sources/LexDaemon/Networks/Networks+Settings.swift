import LexAPI
import LexNetwork
import LexStore
import Logging

extension Networks {
    /// Everything a network's driver must know: its own configuration, its forwards, and the rules of its ACLs.
    ///
    /// `changed` is an ACL that is about to be saved.
    func settings(
        _ name: String, _ record: NetworkRecord, changed: NetworkACLRecord? = nil
    ) async throws -> BridgeSettings {
        var settings = try BridgeSettings(name: name, config: Config(record.config))
        settings.forwards = try Self.forwards(record, settings)
        settings.filter = try await filter(record, changed)
        return settings
    }

    static func forwards(_ record: NetworkRecord, _ settings: BridgeSettings) throws -> [PacketForward] {
        try (record.forwards ?? [:]).sorted { $0.key < $1.key }.map { address, forward in
            guard let listen = IPAddress(configText: address) else {
                throw APIError.failed("cannot read the listen address \"\(address)\" of a forward")
            }
            do { return try PacketForward(listen, forward, settings) } catch {
                throw APIError.badRequest(
                    "the forward of \(address) does not fit network \"\(settings.name)\": \(error)")
            }
        }
    }

    private func filter(_ record: NetworkRecord, _ changed: NetworkACLRecord?) async throws -> PacketFilter? {
        guard !record.acls.isEmpty else { return nil }
        let config = Config<BridgeKeys>(record.config)
        var filter = PacketFilter(
            ingress: .init(
                action: try config[\.security.ingressAction] ?? .reject,
                isLogged: try config[\.security.ingressLogged] ?? false),
            egress: .init(
                action: try config[\.security.egressAction] ?? .reject,
                isLogged: try config[\.security.egressLogged] ?? false))
        var known = Dictionary(uniqueKeysWithValues: try await acls.list().map { ($0.name, $0.value) })
        if let changed { known[changed.key] = changed }
        for name in record.acls {
            guard let acl = known[ProjectKey(Project.defaultName, name).text] else {
                throw APIError.badRequest("Network ACL \"\(name)\" does not exist")
            }
            try filter.append(name, try acl.rules { known[ProjectKey(acl.project, $0).text] != nil })
        }
        return filter
    }

    /// The settings of a network at the daemon's start, when what does not fit must not keep it from starting: such
    /// forwards are left out, and without its ACLs nothing passes.
    func settingsAtStart(_ stored: Stored<NetworkRecord>) async -> BridgeSettings? {
        func complain(_ what: String, _ error: any Error) {
            logger.error("\(what)", metadata: ["network": "\(stored.owned.name)", "error": "\(error)"])
        }
        do {
            return try await settings(stored.owned.name, stored.value)
        } catch {
            complain("the settings of a network do not fit each other", error)
        }
        guard var settings = try? BridgeSettings(name: stored.owned.name, config: Config(stored.value.config)) else {
            return nil
        }
        settings.forwards = (try? Self.forwards(stored.value, settings)) ?? []
        do { settings.filter = try await filter(stored.value, nil) } catch {
            let nothing = PacketFilter.Verdict(action: .reject, isLogged: false)
            settings.filter = PacketFilter(ingress: nothing, egress: nothing)
        }
        return settings
    }

    /// Brings changed forwards or ACLs to networks, all at once, and has them saved; when one of the two fails, neither
    /// is done.
    func bringRules(_ changed: [BridgeSettings], save: () async throws -> Void) async throws {
        var before: [BridgeSettings] = []
        for settings in changed {
            if let driver = driver(settings.name) { before.append(await driver.settings) }
        }
        try await firewall.put(changed)
        do {
            try await save()
        } catch {
            do { try await firewall.put(before) } catch {
                logger.error("cannot take firewall rules back", metadata: ["error": "\(error)"])
            }
            throw error
        }
        for settings in changed { await driver(settings.name)?.adopt(settings) }
    }
}
