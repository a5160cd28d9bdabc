package import LexHost

/// What other firewalls of the host do to the packets of our networks, as far as their chains show it.
package enum ForeignFirewalls {
    /// Warnings for a bridge. `chains` are all of the host; ours are in the table `ownTable`.
    ///
    /// The rules in the chains are not read, so a warning can be about something that has been allowed already.
    package static func warnings(
        bridge: String, chains: [FirewallChain], ownTable: String
    ) -> [NetworkWarning] {
        let foreign = chains.filter { $0.table != ownTable }
        if foreign.contains(where: { $0.table == "firewalld" }) {
            return [
                NetworkWarning(
                    network: bridge,
                    text: "firewalld is active and may drop the packets of \(bridge); allow them with \"firewall-cmd "
                        + "--zone=trusted --change-interface=\(bridge) --permanent && firewall-cmd --reload\"")
            ]
        }
        return foreign.compactMap { chain in
            guard chain.dropsByDefault, chain.hook == .forward || chain.hook == .input,
                ["ip", "ip6", "inet"].contains(chain.family)
            else { return nil }
            let neighbours = foreign.filter { $0.family == chain.family && $0.table == chain.table }
            // Our rules are in Docker's chain.
            if chain.hook == .forward, neighbours.contains(where: { $0.name == DockerChain.name }) { return nil }
            let isUFW = neighbours.contains { $0.name.hasPrefix("ufw") }
            let what =
                chain.hook == .forward
                ? "passes between \(bridge) and elsewhere" : "instances on \(bridge) ask of this host (DHCP, DNS)"
            let remedy: String =
                switch (isUFW, chain.hook) {
                case (true, .forward):
                    "allow it with \"ufw route allow in on \(bridge)\" and \"ufw route allow out on \(bridge)\""
                case (true, _): "allow it with \"ufw allow in on \(bridge)\""
                case (false, .forward):
                    "add rules to it that accept iifname \"\(bridge)\" and oifname \"\(bridge)\""
                case (false, _):
                    "add a rule to it that accepts iifname \"\(bridge)\" udp dport { 53, 67, 547 }, tcp dport 53 and ICMPv6"
                }
            return NetworkWarning(
                network: bridge,
                text:
                    "the firewall chain \(chain.family) \(chain.table) \(chain.name) drops by default what \(what); \(remedy)"
            )
        }
    }
}
