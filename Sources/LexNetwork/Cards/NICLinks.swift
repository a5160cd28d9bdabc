import Glibc
import LexAPI
import LexHost
import LexIPC

/// The pair of links of a NIC: one end in a bridge of the host, the other for liblxc to move into the instance.
enum NICLinks {
    /// The name of the end that goes into the instance, by the name of the host's end.
    static func peerName(of hostName: String) -> String { "lexp" + eightDigits(hostName) }

    /// Makes the pair and puts the host's end into the bridge; answers the name of the host's end.
    ///
    /// The text kept with the host's end (`ifalias`) says whose it is, so that ``Leftovers`` finds it whatever
    /// happened to lexd. Until it is there, the link's group does.
    static func create(_ nic: NIC, in bridge: String, identity: NetworkIdentity) throws -> String {
        let session = try NetlinkSession()
        guard let link = try session.link(named: bridge) else {
            throw APIError.failed("cannot attach \(nic.owner): there is no bridge \"\(bridge)\" on this host")
        }
        guard link.kind == "bridge" else {
            throw APIError.badRequest("cannot attach \(nic.owner): the interface \"\(bridge)\" is not a bridge")
        }
        let mtu = nic.mtu ?? link.mtu
        let name = try createPair(nic, mtu: mtu, identity: identity, session)
        let hasIPv6 = mtu >= 1280 && access("/proc/sys/net/ipv6", F_OK) == 0
        do {
            // The bridge has the addresses, its ports have none.
            try session.change(
                name,
                LinkChange(
                    up: true, master: link.index, alias: identity.alias(of: nic.owner),
                    generatesLinkLocal: hasIPv6 ? false : nil, group: 0))
            if let vlans = nic.vlans { try join(vlans, name, bridge: bridge, session) }
        } catch {
            try? session.deleteLink(name)
            throw error
        }
        return name
    }

    /// Puts a port of a bridge that filters VLANs into those it is to have. Nothing has passed by it before: the other
    /// end is down.
    private static func join(
        _ vlans: PortVLANs, _ name: String, bridge: String, _ session: NetlinkSession
    ) throws {
        guard let port = try session.link(named: name) else { throw SystemError("find", name, code: ENODEV) }
        if let untagged = vlans.untagged {
            let usual = try readFile("/sys/class/net/\(bridge)/bridge/default_pvid").prefix { $0 != "\n" }
            let wanted: UInt16? = if case .id(let id) = untagged { id } else { nil }
            if let usual = UInt16(usual), usual != 0, usual != wanted {
                try session.leaveVLANs(usual...usual, port: port)
            }
            if let wanted { try session.joinVLANs(wanted...wanted, port: port, isUntagged: true) }
        }
        for range in vlans.tagged { try session.joinVLANs(range.ids, port: port, isUntagged: false) }
    }

    /// Makes the pair with an end that is the host's own; answers the name of the host's end, which is down.
    ///
    /// Without an MTU it has the kernel's.
    static func createAlone(
        _ nic: NIC, mtu: UInt32?, identity: NetworkIdentity, _ session: NetlinkSession
    ) throws -> String {
        let name = try createPair(nic, mtu: nic.mtu ?? mtu, identity: identity, session)
        do {
            try session.change(name, LinkChange(alias: identity.alias(of: nic.owner), group: 0))
        } catch {
            try? session.deleteLink(name)
            throw error
        }
        return name
    }

    private static func createPair(
        _ nic: NIC, mtu: UInt32?, identity: NetworkIdentity, _ session: NetlinkSession
    ) throws -> String {
        // False when a link of one of the names exists already.
        func create(_ name: String) throws(SystemError) -> Bool {
            let peer = VethEnd(name: peerName(of: name), hardwareAddress: nic.hardwareAddress.bytes)
            do {
                try session.createVethPair(VethEnd(name: name, group: identity.unfinished), peer, mtu: mtu)
                return true
            } catch {
                if error.code == EEXIST { return false }
                throw error
            }
        }
        guard let name = nic.hostName else {
            for _ in 0..<8 {
                let name = randomName("lexd")
                if try create(name) { return name }
            }
            throw SystemError("find a free name for", "the NIC \(nic.owner)", code: EEXIST)
        }
        if try !create(name) {
            let existing = try session.link(named: name)
            let isOurs = existing.map { identity.owner(fromAlias: $0.alias) == nic.owner } ?? false
            if isOurs { try session.deleteLink(name) }
            guard try isOurs && create(name) else {
                throw APIError.conflict(
                    "cannot attach \(nic.owner): an interface named \"\(name)\" exists on this host already")
            }
        }
        return name
    }

    /// A name for a link of ours that nobody has chosen.
    static func randomName(_ beginning: String) -> String { beginning + eightDigits(UInt32.random(in: 0...UInt32.max)) }

    private static func eightDigits(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
    private static func eightDigits(_ text: String) -> String { eightDigits(fnv1a(text)) }
}

/// FNV-1a, 32 bits: the same on every machine and in every release, short enough for names of 15 bytes.
func fnv1a(_ text: String) -> UInt32 {
    text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
}
