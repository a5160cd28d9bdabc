import LexHost

/// What the links, firewall tables and processes of one lexd are told apart by.
///
/// Two daemons with different directories run side by side. The one in the standard directory has plain names.
package struct NetworkIdentity: Sendable, Hashable {
    /// `lexd`, or `lexd_` and eight hexadecimal digits. The name of the firewall table and the first word of the text
    /// kept with links.
    package let tag: String

    /// The identity of the lexd that works in `directory`.
    package init(directory: String, standard: String = "/var/lib/lexd") {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let digits = String(fnv1a(path), radix: 16)
        tag = path == standard ? "lexd" : "lexd_" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The group of a link that is being made, until its text is kept with it.
    var unfinished: UInt32 { max(1, fnv1a(tag)) }

    /// The text kept with a bridge of ours.
    func alias(ofNetwork name: String) -> String { "\(tag) network \(name)" }
    /// The text kept with the tunnels of a network of ours.
    func alias(ofTunnelsOf name: String) -> String { "\(tag) tunnel \(name)" }
    /// The text kept with a VLAN interface of ours.
    func alias(ofVLAN name: String) -> String { "\(tag) vlan \(name)" }
    /// The text kept with the host's end of a NIC of ours.
    func alias(of owner: NICOwner) -> String { "\(tag) nic \(owner)" }

    /// The network whose bridge carries that text; nil when it is not one of ours.
    func network(fromAlias alias: String) -> String? { rest(of: alias, after: "\(tag) network ") }
    /// The network whose tunnel carries that text; nil when it is not one of ours.
    func networkOfTunnel(fromAlias alias: String) -> String? { rest(of: alias, after: "\(tag) tunnel ") }
    /// Whom the host's end of a NIC belongs to by its text; nil when it is not one of ours.
    func owner(fromAlias alias: String) -> NICOwner? { rest(of: alias, after: "\(tag) nic ").flatMap(NICOwner.init) }

    /// Whether a link was made for a NIC by some lexd: by the text kept with it, or, until that is there and for the end
    /// that goes into the instance, by its name.
    static func isOfNIC(_ link: Link) -> Bool {
        let tag = link.alias.prefix { $0 != " " }
        let isTag = tag == "lexd" || tag.hasPrefix("lexd_") && isEightDigits(tag.dropFirst("lexd_".count))
        if isTag, link.alias.dropFirst(tag.count).hasPrefix(" nic ") { return true }
        return ["lexd", "lexp", "lexm", "lexi"].contains(link.name.prefix(4)) && isEightDigits(link.name.dropFirst(4))
    }

    private static func isEightDigits(_ text: Substring) -> Bool {
        text.utf8.count == 8 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    private func rest(of text: String, after beginning: String) -> String? {
        text.hasPrefix(beginning) ? String(text.dropFirst(beginning.count)) : nil
    }
}
