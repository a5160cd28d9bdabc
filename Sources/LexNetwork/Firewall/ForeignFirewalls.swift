package import LexAPI
package import LexHost

/// What other firewalls of the host do to the packets of our networks, as far as their chains show it.
package enum ForeignFirewalls {
    /// A firewall that may drop what a network needs.
    package struct Suspicion: Sendable, Equatable {
        /// What to tell a person.
        package var warning: NetworkWarning
        /// The chains in which a person, or a firewall's own tool, would have allowed it. Where one of their rules
        /// names the bridge somebody has thought of it.
        package var chains: [FirewallChain]
    }

    /// The suspicions for a bridge. `chains` are all of the host; ours are in the table `ownTable`.
    package static func suspicions(
        bridge: String, chains: [FirewallChain], ownTable: String
    ) -> [Suspicion] {
        let foreign = chains.filter { $0.table != ownTable }
        let firewalld = foreign.filter {
            $0.table == "firewalld" && ($0.name.hasPrefix("filter_FORWARD") || $0.name.hasPrefix("filter_INPUT"))
        }
        if !firewalld.isEmpty {
            let text =
                "firewalld is active and may drop the packets of \(bridge); allow them with \"firewall-cmd "
                + "--zone=trusted --change-interface=\(bridge) --permanent && firewall-cmd --reload\""
            return [Suspicion(warning: NetworkWarning(network: bridge, text: text), chains: firewalld)]
        }
        return foreign.compactMap { chain in
            guard chain.dropsByDefault, ["ip", "ip6", "inet"].contains(chain.family) else { return nil }
            let neighbours = foreign.filter { $0.family == chain.family && $0.table == chain.table }
            let ufw = neighbours.filter { $0.name.hasPrefix("ufw") }
            let (what, remedy, word): (String, String, String)
            switch chain.hook {
            case .forward:
                // Our rules are in Docker's chain.
                if neighbours.contains(where: { $0.name == DockerChain.name }) { return nil }
                what = "passes between \(bridge) and elsewhere"
                remedy =
                    ufw.isEmpty
                    ? "add rules to it that accept iifname \"\(bridge)\" and oifname \"\(bridge)\""
                    : "allow it with \"ufw route allow in on \(bridge)\" and \"ufw route allow out on \(bridge)\""
                word = "-forward"
            case .input:
                what = "instances on \(bridge) ask of this host (DHCP, DNS)"
                remedy =
                    ufw.isEmpty
                    ? "add a rule to it that accepts iifname \"\(bridge)\" udp dport { 53, 67, 547 }, tcp dport 53 "
                        + "and ICMPv6"
                    : "allow it with \"ufw allow in on \(bridge)\""
                word = "-input"
            default: return nil
            }
            let text =
                "the firewall chain \(chain.family) \(chain.table) \(chain.name) drops by default what \(what); "
                + remedy
            return Suspicion(
                warning: NetworkWarning(network: bridge, text: text),
                chains: [chain] + ufw.filter { $0.name.contains("-user") && $0.name.hasSuffix(word) })
        }
    }

    /// What to tell where Docker works with the older iptables, whose rules nftables does not show.
    package static func legacyDocker(bridge: String) -> NetworkWarning {
        NetworkWarning(
            network: bridge,
            text:
                "Docker uses the legacy iptables here and may drop what passes between \(bridge) and elsewhere; allow "
                + "it with \"iptables -I DOCKER-USER -i \(bridge) -j ACCEPT\" and \"iptables -I DOCKER-USER -o "
                + "\(bridge) -j ACCEPT\"")
    }

    /// Whether a listing of `nft -j` names the bridge anywhere.
    package static func names(_ bridge: String, in listing: JSONValue) -> Bool {
        switch listing {
        case .string(let text): text == bridge
        case .array(let elements): elements.contains { names(bridge, in: $0) }
        case .object(let members): members.values.contains { names(bridge, in: $0) }
        default: false
        }
    }
}
