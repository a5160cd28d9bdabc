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
    private let turn = OneAtATime()
    private var networks: [String: FirewalledNetwork] = [:]
    private var written: JSONValue?
    private var reported: Set<NetworkWarning> = []

    /// Nothing is done yet.
    package init(identity: NetworkIdentity, nft: Tool = Tool("nft"), logger: Logger) {
        self.identity = identity
        self.nft = nft
        self.logger = logger
    }

    /// Tells of networks that will start; writes nothing.
    package func expect(_ networks: [BridgeSettings]) {
        for network in networks { self.networks[network.name] = FirewalledNetwork(network) }
    }

    /// Writes the rules with this network's among them, and answers what other firewalls do to it.
    package func put(_ network: BridgeSettings) async throws -> [NetworkWarning] {
        networks[network.name] = FirewalledNetwork(network)
        return try await write().filter { $0.network == network.name }
    }

    /// Writes the rules without that network's; the last one takes the table with it.
    package func remove(_ name: String) async throws {
        networks[name] = nil
        _ = try await write()
    }

    /// Makes good what others did to our rules: flushed the ruleset, started Docker. Answers what other firewalls do.
    package func recheck() async throws -> [NetworkWarning] { try await write() }

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
                    for warning in try await write() where !before.contains(warning) {
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

    private func write() async throws -> [NetworkWarning] {
        try await turn.run {
            let wanted = FirewallRules.batch(table: identity.tag, networks: Array(networks.values))
            let chains = try await blocking { try FirewallChain.all() }
            let isThere = chains.contains { $0.family == "inet" && $0.table == identity.tag }
            if networks.isEmpty ? isThere : !isThere || wanted != written {
                try await run(wanted, "write the firewall table inet \(identity.tag)")
                written = wanted
            }
            let bridges = networks.keys.sorted()
            for family in ["ip", "ip6"] {
                let docker = chains.contains {
                    $0.family == family && $0.table == DockerChain.table && $0.name == DockerChain.name
                }
                if docker { try await writeDocker(family: family, bridges: bridges) }
            }
            let warnings = try await warnings(bridges, chains)
            reported = Set(warnings)
            return warnings
        }
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

    // One chain, never the whole ruleset: nft 1.0.6 has crashed on what a newer one made. A crash here counts as a
    // chain without rules.
    private func list(_ chain: FirewallChain) async -> JSONValue {
        guard let output = try? await nft.run(["-j", "list", "chain", chain.family, chain.table, chain.name]),
            output.status == 0
        else { return .null }
        return (try? JSONDecoder().decode(JSONValue.self, from: Data(output.text.utf8))) ?? .null
    }

    private func writeDocker(family: String, bridges: [String]) async throws {
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
