import FoundationEssentials
import Glibc
import LexAPI
package import LexHost
import LexIPC
package import Logging

/// The firewall rules of all networks of one lexd: one table of its own, and rules in Docker's chain where Docker is.
///
/// The table is always written whole, so one for all networks, not one each. At the start of lexd it is told all
/// networks with `expect` before the first of them starts: the first write then has the rules of all, and instances
/// that run on the others notice nothing.
package actor Firewall {
    private let identity: NetworkIdentity
    private let nft: Tool
    private let logger: Logger
    /// Whom trouble is told.
    nonisolated let trouble: NetworkTrouble
    private let turn = OneAtATime()
    private var networks: [String: BridgeSettings] = [:]
    private var cards: [String: NICRules] = [:]
    private var proxies: [NICOwner: ProxyForward] = [:]
    private var written: JSONValue?
    private var reported: Set<NetworkWarning> = []
    private var hasTold = false

    /// Nothing is done yet.
    package init(
        identity: NetworkIdentity, nft: Tool = Tool("nft"), logger: Logger, trouble: NetworkTrouble = .untold
    ) {
        self.identity = identity
        self.trouble = trouble
        self.nft = nft
        self.logger = logger
    }

    /// Tells of networks that will start; writes nothing.
    package func expect(_ networks: [BridgeSettings]) {
        for network in networks { self.networks[network.name] = network }
    }

    /// Tells of proxies whose instances probably run; writes nothing.
    package func expect(_ proxies: [NICOwner: ProxyForward]) { self.proxies.merge(proxies) { own, _ in own } }

    /// Writes the rules with this network's among them, and answers what other firewalls do to it.
    package func put(_ network: BridgeSettings) async throws -> [NetworkWarning] {
        try await put([network]).filter { $0.network == network.name }
    }

    /// Writes the rules with those of these networks among them, all at once; when that fails, the rules stay as they
    /// were.
    @discardableResult
    package func put(_ changed: [BridgeSettings]) async throws -> [NetworkWarning] {
        try await turn.run {
            let before = changed.map { ($0.name, networks[$0.name]) }
            for network in changed { networks[network.name] = network }
            do {
                return try await write()
            } catch {
                for (name, network) in before { networks[name] = network }
                throw error
            }
        }
    }

    /// Writes the rules without that network's; the last one takes the table with it.
    package func remove(_ name: String) async throws {
        try await turn.run {
            networks[name] = nil
            _ = try await write()
        }
    }

    // MARK: instances

    /// Has the packets that come from a NIC looked at from now on.
    package func put(_ hostName: String, _ rules: NICRules) async throws {
        try await turn.run {
            let before = cards[hostName]
            cards[hostName] = rules
            do {
                try await write([hostName: rules], table: "add")
            } catch {
                cards[hostName] = before
                throw error
            }
        }
    }

    /// Tells of NICs that are there already, as at the start of lexd, and writes the rules of all anew.
    package func adopt(_ found: [String: NICRules]) async throws {
        try await turn.run {
            cards.merge(found) { $1 }
            let isThere = try await hasCardTable()
            if !cards.isEmpty || isThere { try await writeCards() }
        }
    }

    /// Looks at the packets of a NIC no more; that it did not is fine.
    package func remove(card hostName: String) async throws {
        try await turn.run {
            guard cards.removeValue(forKey: hostName) != nil else { return }
            let table: JSONValue = ["family": "netdev", "name": .string(identity.tag)]
            if cards.isEmpty {
                return try await run(
                    ["nftables": [["add": ["table": table]], ["delete": ["table": table]]]],
                    "remove the firewall table netdev \(identity.tag)")
            }
            let chain: JSONValue = [
                "family": "netdev", "table": .string(identity.tag), "name": .string(NICRules.chain(hostName)),
            ]
            // Some kernels remove the chain with the interface: so it is there again for a moment.
            try await run(
                [
                    "nftables": [
                        ["add": ["table": table]], ["add": ["chain": chain]], ["flush": ["chain": chain]],
                        ["delete": ["chain": chain]],
                    ]
                ], "remove the firewall rules of \(hostName)")
        }
    }

    /// Passes packets on to an instance from now on.
    package func put(_ owner: NICOwner, _ proxy: ProxyForward) async throws {
        try await turn.run {
            let before = proxies[owner]
            proxies[owner] = proxy
            do { _ = try await write() } catch {
                proxies[owner] = before
                throw error
            }
        }
    }

    /// Passes nothing on to it any more; that it did not is fine.
    package func remove(proxy owner: NICOwner) async throws {
        try await turn.run {
            guard proxies.removeValue(forKey: owner) != nil else { return }
            _ = try await write()
        }
    }

    /// Whether somebody else has a listen address and port of a proxy already.
    package func owner(of proxy: ProxyForward, except owner: NICOwner) -> NICOwner? {
        proxies.first { $0.key != owner && $0.value.overlaps(proxy) }?.key
    }

    private func hasCardTable() async throws -> Bool {
        let tag = identity.tag
        return try await blocking { try FirewallChain.all() }.contains { $0.family == "netdev" && $0.table == tag }
    }

    private func writeCards() async throws {
        let present = try await blocking { Set(try NetlinkSession().links().map(\.name)) }
        cards = cards.filter { present.contains($0.key) }
        try await write(cards, table: "replace")
    }

    private func write(_ cards: [String: NICRules], table how: String) async throws {
        let table: JSONValue = ["family": "netdev", "name": .string(identity.tag)]
        var commands: [JSONValue] = [["add": ["table": table]]]
        if how == "replace" {
            commands.append(["delete": ["table": table]])
            if !cards.isEmpty { commands.append(["add": ["table": table]]) }
        }
        for (hostName, rules) in cards.sorted(by: { $0.key < $1.key }) {
            commands += rules.commands(table: identity.tag, hostName: hostName)
        }
        do {
            try await run(["nftables": .array(commands)], "write the firewall table netdev \(identity.tag)")
        } catch let error as APIError where "\(error)".contains("not supported") {
            throw APIError.badRequest(
                "cannot filter or limit what an instance sends: this host's kernel has no nftables for interfaces "
                    + "(CONFIG_NF_TABLES_NETDEV): \(error)")
        }
    }

    /// Makes good what others did to our rules: flushed the ruleset, started Docker. Answers what other firewalls do.
    package func recheck() async throws -> [NetworkWarning] { try await turn.run { try await write() } }

    /// Looks after the rules when anybody changes the host's firewall; returns when its task is cancelled.
    ///
    /// The kernel tells of changes (`NFNLGRP_NFTABLES`), so nothing is asked at intervals.
    package func watch() async {
        while !Task.isCancelled {
            do {
                let changes = try FirewallChanges()
                while true {
                    try await changes.next()
                    // One change is many messages, and Docker makes many changes at once.
                    try await Task.sleep(for: .milliseconds(200))
                    changes.drain()
                    // Only what is new: Docker changes the firewall with every container.
                    let before = reported
                    for warning in try await recheck() where !before.contains(warning) {
                        logger.warning("\(warning.text)", metadata: ["network": "\(warning.network)"])
                    }
                }
            } catch is CancellationError {
                return
            } catch {
                logger.error("cannot look after the firewall", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(10))
            }
        }
    }

    /// In the caller's turn.
    private func write() async throws -> [NetworkWarning] {
        let wanted = FirewallRules.batch(
            table: identity.tag, networks: Array(networks.values),
            proxies: proxies.sorted { $0.key.description < $1.key.description }.map(\.value))
        let chains = try await blocking { try FirewallChain.all() }
        let isThere = chains.contains { $0.family == "inet" && $0.table == identity.tag }
        if !cards.isEmpty {
            let there = Set(chains.filter { $0.family == "netdev" && $0.table == identity.tag }.map(\.name))
            if !cards.keys.allSatisfy({ there.contains(NICRules.chain($0)) }) { try await writeCards() }
        }
        if networks.isEmpty && proxies.isEmpty ? isThere : !isThere || wanted != written {
            try await run(wanted, "write the firewall table inet \(identity.tag)")
            written = wanted
        }
        let bridges = networks.values.filter { $0.ipv4Passage.firewall || $0.ipv6Passage.firewall }.map(\.name).sorted()
        for family in ["ip", "ip6"] {
            if chains.contains(where: { $0.isDocker(family) }) {
                let allowed = networks.values.filter {
                    family == "ip6" ? $0.ipv6Passage.isOpen : $0.ipv4Passage.isOpen
                }
                try await writeDocker(family: family, bridges: allowed.map(\.name).sorted())
            }
        }
        let warnings = try await warnings(bridges, chains)
        // Told also when it is nothing, for what was told before; but not what was told already.
        if Set(warnings) != reported || !hasTold { await trouble.foreignFirewalls(warnings) }
        hasTold = true
        reported = Set(warnings)
        return warnings
    }

    private func warnings(_ bridges: [String], _ chains: [FirewallChain]) async throws -> [NetworkWarning] {
        var listings: [FirewallChain: JSONValue] = [:]
        var warnings: [NetworkWarning] = []
        for bridge in bridges {
            for suspicion in ForeignFirewalls.suspicions(bridge: bridge, chains: chains, ownTable: identity.tag) {
                var isNamed = false
                for chain in suspicion.chains where !isNamed {
                    let listing: JSONValue
                    if let known = listings[chain] { listing = known } else { listing = await list(chain) }
                    listings[chain] = listing
                    isNamed = ForeignFirewalls.names(bridge, in: listing)
                }
                if !isNamed { warnings.append(suspicion.warning) }
            }
        }
        let hasLegacyDocker = try await blocking {
            guard let tables = try? readFile("/proc/net/ip_tables_names") else { return false }
            return tables.split(separator: "\n").contains("filter") && access("/sys/class/net/docker0", F_OK) == 0
        }
        let isKnown = chains.contains { $0.name == DockerChain.name }
        if hasLegacyDocker, !isKnown { warnings += bridges.map(ForeignFirewalls.legacyDocker) }
        return warnings
    }

    /// What the kernel limits of the packets from a NIC, and the priority it gives them; nil for what it does not.
    package func limits(of hostName: String) async -> (bytesPerSecond: Int64?, priority: Int64?) {
        let chain = FirewallChain(
            family: "netdev", table: identity.tag, name: NICRules.chain(hostName), hook: nil, dropsByDefault: false)
        return NICRules.limits(in: await list(chain))
    }

    // One chain, never the whole ruleset: nft 1.0.6 has crashed on what a newer one made. A crash here counts as a
    // chain without rules.
    private func list(_ chain: FirewallChain) async -> JSONValue {
        guard let output = try? await nft.run(["-j", "list", "chain", chain.family, chain.table, chain.name]),
            output.status == 0
        else { return .null }
        return (try? JSONDecoder().decode(JSONValue.self, from: Data(output.text.utf8))) ?? .null
    }

    /// Makes our rules in Docker's chain right.
    ///
    /// Docker changes its chain between our look and our write whenever it pleases. A chain that has gone needs no
    /// rules; one that has become another is looked at again.
    private func writeDocker(family: String, bridges: [String]) async throws {
        for attempt in 1... {
            do {
                return try await replaceDockerRules(family: family, bridges: bridges)
            } catch {
                let isThere = try await blocking { try FirewallChain.all() }.contains { $0.isDocker(family) }
                guard isThere else { return }
                if attempt == 3 { throw error }
            }
        }
    }

    private func replaceDockerRules(family: String, bridges: [String]) async throws {
        let place = "\(family) \(DockerChain.table) \(DockerChain.name)"
        let text = try await nft.check(
            ["-j", "-a", "list", "chain", family, DockerChain.table, DockerChain.name],
            doing: "read Docker's firewall chain \(place)")
        let listing = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        guard
            let batch = DockerChain.batch(family: family, listing: listing, identity: identity, bridges: bridges)
        else { return }
        try await run(batch, "write to Docker's firewall chain \(place)")
        logger.notice("changed the rules for lexd's bridges in Docker's chain", metadata: ["chain": "\(place)"])
    }

    private func run(_ batch: JSONValue, _ doing: String) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(batch), as: UTF8.self)
        do {
            try await nft.check(["-j", "-f", "-"], input: text, doing: doing)
        } catch let error as ToolError {
            let remedy = error.status < 0 ? "; is the package nftables installed?" : ""
            throw APIError.failed("\(error)\(remedy)")
        }
    }
}
