package import LexAPI
import LexHost

/// Our rules in Docker's chain `DOCKER-USER`.
///
/// Docker sets the forward chain's policy to drop. A packet has to be accepted in every table, so an accept in our own
/// does not help; Docker calls this chain first and leaves it to others.
/// https://docs.docker.com/engine/network/packet-filtering-firewalls/
package enum DockerChain {
    /// The name of the chain, in the table `filter` of the families `ip` and `ip6`.
    static let name = "DOCKER-USER"
    static let table = "filter"

    /// The commands that make the rules of `identity` in the chain those of `bridges`; empty when they are already.
    ///
    /// `listing` is the chain as `nft -j -a list chain` shows it. Rules that others made are not touched.
    package static func batch(
        family: String, listing: JSONValue, identity: NetworkIdentity, bridges: [String]
    ) -> JSONValue? {
        var missing: [(comment: String, rule: JSONValue)] = []
        for bridge in bridges.sorted() {
            for (key, word) in [("iifname", "from"), ("oifname", "to")] {
                let comment = "\(identity.tag) \(word) \(bridge)"
                let rule: JSONValue = [
                    "family": .string(family), "table": .string(table), "chain": .string(name),
                    "comment": .string(comment),
                    "expr": [NFT.interface(key, bridge), NFT.accept],
                ]
                missing.append((comment, ["insert": ["rule": rule]]))
            }
        }
        var commands: [JSONValue] = []
        for element in listing["nftables"]?.elements ?? [] {
            guard let rule = element["rule"], let comment = rule["comment"]?.text,
                comment.hasPrefix(identity.tag + " "), let handle = rule["handle"]?.integer
            else { continue }
            if let index = missing.firstIndex(where: { $0.comment == comment }) {
                missing.remove(at: index)
            } else {
                let reference: JSONValue = [
                    "family": .string(family), "table": .string(table), "chain": .string(name), "handle": .int(handle),
                ]
                commands.append(["delete": ["rule": reference]])
            }
        }
        commands += missing.map(\.rule)
        return commands.isEmpty ? nil : ["nftables": .array(commands)]
    }
}

extension FirewallChain {
    /// Whether it is Docker's chain of the family `ip` or `ip6`.
    func isDocker(_ family: String) -> Bool {
        self.family == family && table == DockerChain.table && name == DockerChain.name
    }
}
