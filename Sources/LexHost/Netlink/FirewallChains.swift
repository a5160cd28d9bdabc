import CNetlink
import Glibc
package import LexIPC

/// A chain of the host's nftables, without its rules.
package struct FirewallChain: Sendable, Hashable {
    /// `ip`, `ip6`, `inet`, `bridge` …
    package var family: String
    /// The table it is in.
    package var table: String
    /// Its name.
    package var name: String
    /// Where in the kernel it sits; nil for a chain that other chains jump to.
    package var hook: Hook?
    /// Whether a packet that no rule decides on is dropped.
    package var dropsByDefault: Bool

    /// The points where a chain of the families ip, ip6 and inet can sit (`enum nf_inet_hooks`).
    package enum Hook: UInt32, Sendable {
        /// Before routing.
        case prerouting
        /// To this host.
        case input
        /// Through this host.
        case forward
        /// From this host.
        case output
        /// After routing.
        case postrouting
    }

    package init(family: String, table: String, name: String, hook: Hook?, dropsByDefault: Bool) {
        self.family = family
        self.table = table
        self.name = name
        self.hook = hook
        self.dropsByDefault = dropsByDefault
    }

    fileprivate init?(_ body: NetlinkBytes) {
        guard let family = body.number(UInt8.self), let word = Self.families[family] else { return nil }
        let attributes = body.from(MemoryLayout<nfgenmsg>.size)
        func content(_ attribute: nft_chain_attributes) -> NetlinkBytes? {
            attributes.attribute(Int(attribute.rawValue))
        }
        func bigEndian(_ bytes: NetlinkBytes?) -> UInt32? { bytes?.number(UInt32.self).map(UInt32.init(bigEndian:)) }
        let hook = content(NFTA_CHAIN_HOOK)?.attribute(Int(NFTA_HOOK_HOOKNUM.rawValue))
        self.init(
            family: word, table: content(NFTA_CHAIN_TABLE)?.text ?? "", name: content(NFTA_CHAIN_NAME)?.text ?? "",
            hook: bigEndian(hook).flatMap(Hook.init), dropsByDefault: bigEndian(content(NFTA_CHAIN_POLICY)) == 0)
    }

    // enum nfproto.
    private static let families: [UInt8: String] = [
        1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6",
    ]
}

extension FirewallChain {
    /// All chains of the host, without their rules.
    ///
    /// Asked of the kernel directly: Debian 12's `nft` has crashed on listing what a newer one made. Empty where the
    /// kernel has no nftables.
    package static func all() throws(SystemError) -> [FirewallChain] {
        let session = try NetlinkSession(family: NETLINK_NETFILTER)
        var found: [FirewallChain] = []
        let type = Int(NFNL_SUBSYS_NFTABLES) << 8 | Int(NFT_MSG_GETCHAIN.rawValue)
        let request = NetlinkRequest(
            type, header: nfgenmsg(nfgen_family: 0, version: UInt8(NFNETLINK_V0), res_id: 0))
        do {
            try session.ask(request, "the chains of the firewall") { _, body in
                if let chain = FirewallChain(body) { found.append(chain) }
            }
        } catch  where error.code == EINVAL || error.code == EOPNOTSUPP || error.code == EPROTONOSUPPORT {
            return []
        }
        return found
    }
}
