package import LexAPI
package import LexHost
import LexIPC
package import Logging

/// A managed bridge: addresses, DHCP, router advertisements, DNS and a way to the outside for the instances in it.
///
/// The bridge is named as the network. dnsmasq owns the addresses of IPv4; guests make their own of IPv6 (SLAAC). A
/// guest cannot choose its name: dnsmasq takes names only from the files this driver writes.
package actor BridgeDriver: NetworkDriver {
    let identity: NetworkIdentity
    let directory: NetworkDirectory
    let firewall: Firewall
    let dnsmasq: Dnsmasq
    let logger: Logger
    let turn = OneAtATime()
    /// The configuration as it is made.
    package private(set) var settings: BridgeSettings
    var registrations: [MACAddress: Registration] = [:]
    var group: UInt32?

    /// A driver for one network; `directory` is the network's own, made when it is needed.
    package init(
        settings: BridgeSettings, directory: String, identity: NetworkIdentity, firewall: Firewall,
        dnsmasq: Tool = Tool("dnsmasq"), logger: Logger
    ) {
        self.settings = settings
        self.identity = identity
        self.directory = NetworkDirectory(directory)
        self.firewall = firewall
        self.dnsmasq = Dnsmasq(
            network: settings.name, directory: self.directory, program: dnsmasq, logger: logger,
            trouble: firewall.trouble)
        self.logger = logger
    }

    /// Takes a changed configuration and makes the host as it says; when that fails, as it was before.
    package func reconfigure(_ settings: BridgeSettings) async throws -> [NetworkWarning] {
        guard settings.name == self.settings.name else {
            throw APIError.badRequest(
                "cannot rename network \"\(self.settings.name)\" while it is running; stop it first")
        }
        let before = self.settings
        do {
            return try await change(from: before, to: settings)
        } catch {
            do { _ = try await change(from: settings, to: before) } catch {
                logger.error(
                    "cannot make a network again as it was",
                    metadata: ["network": "\(before.name)", "error": "\(error)"])
            }
            throw error
        }
    }

    private func change(from old: BridgeSettings, to new: BridgeSettings) async throws -> [NetworkWarning] {
        settings = new
        let warnings = try await start()
        try await blocking { try Self.releasePorts(NetlinkSession(), from: old, to: new) }
        return warnings
    }

    /// Takes settings whose rules the firewall has already: only forwards and filter may differ.
    package func adopt(_ settings: BridgeSettings) { self.settings = settings }

    /// Throws a 400 in dnsmasq's own words for `raw.dnsmasq` that it cannot read.
    package static func checkRawDnsmasq(_ settings: BridgeSettings, program: Tool = Tool("dnsmasq")) async throws {
        guard !settings.rawDnsmasq.isEmpty else { return }
        let output = try await program.run(
            ["--test", "--conf-file=/dev/stdin"], input: settings.rawDnsmasq + "\n")
        guard output.status != 0 else { return }
        let words = output.errors.split(separator: "\n").map(String.init).filter { !$0.isEmpty }
        throw APIError.badRequest(
            "Invalid value for \"raw.dnsmasq\": dnsmasq cannot read it: \(words.joined(separator: "; "))")
    }

    package func start() async throws -> [NetworkWarning] {
        try await turn.run {
            try await withRollback(logger) { rollback in
                let settings = settings
                var warnings: [NetworkWarning] = []
                // Only what is new is taken away when a later step fails: on what was there instances run.
                let (isNew, ofLinks) = try await makeBridge(settings)
                warnings += ofLinks
                if isNew {
                    await rollback.add("remove the bridge") { [identity] in
                        try await blocking {
                            let session = try NetlinkSession()
                            try Self.removeTunnels(session, of: settings.name, identity: identity)
                            try session.deleteLink(settings.name)
                        }
                    }
                }
                let (account, warning) = try await account()
                if let warning { warnings.append(warning) }
                try await makeFiles(settings, group: account.group)
                warnings += try await firewall.put(settings)
                if isNew {
                    await rollback.add("remove the firewall rules") { [firewall] in
                        try await firewall.remove(settings.name)
                    }
                }
                if let arguments = DnsmasqArguments.make(settings, directory: directory, account: account) {
                    try await dnsmasq.run(arguments)
                } else {
                    try await dnsmasq.stop()
                }
                return warnings
            }
        }
    }

    package func stop() async throws {
        try await turn.run {
            try await dnsmasq.stop()
            try await firewall.remove(settings.name)
            let (name, alias, identity) = (settings.name, identity.alias(ofNetwork: settings.name), identity)
            try await blocking {
                let session = try NetlinkSession()
                try Self.removeTunnels(session, of: name, identity: identity)
                // Never one that somebody else made meanwhile.
                if try session.link(named: name)?.alias == alias { try session.deleteLink(name) }
            }
        }
    }

    package func delete() async throws {
        try await stop()
        registrations = [:]
        try await blocking { [directory] in try directory.remove() }
    }

    package func watch() async { await dnsmasq.watch() }

    package func leases(_ nics: [NetworkMember]) async throws -> [Network.Lease] {
        let path = directory.leases
        let text = try await blocking { (try? readFile(path, limit: 16 << 20)) ?? "" }
        return Leases.list(settings, members: nics, file: text)
    }

    // dnsmasq-base makes the user `dnsmasq`; `nobody` is also what NFS and other daemons use.
    private func account() async throws -> (Account, NetworkWarning?) {
        let found = try await blocking { () -> (Account, Bool)? in
            if let account = Account(named: "dnsmasq") { return (account, true) }
            return Account(named: "nobody").map { ($0, false) }
        }
        guard let (account, isOwn) = found else {
            throw APIError.failed(
                "cannot start network \"\(settings.name)\": there is neither a user \"dnsmasq\" nor \"nobody\" to run "
                    + "dnsmasq as; install the package dnsmasq-base")
        }
        group = account.group
        return (
            account,
            isOwn
                ? nil
                : NetworkWarning(
                    network: settings.name,
                    text:
                        "there is no user \"dnsmasq\"; dnsmasq runs as \"\(account.name)\", which it shares with others"
                )
        )
    }
}
