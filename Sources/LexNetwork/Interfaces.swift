import Glibc
package import LexAPI
package import LexHost
import LexIPC

/// A network interface of the host that may be shown beside the managed networks.
package struct HostInterface: Sendable, Equatable {
    /// Its name.
    package var name: String
    /// LXD's word for its kind: `loopback`, `bridge`, `vlan`, `physical`, `bond` or `unknown`.
    package var type: String

    package init(name: String, type: String) {
        self.name = name
        self.type = type
    }
}

extension HostInterface {
    /// The interfaces of the host, without those that a lexd made for NICs: ours or another's with a directory of its
    /// own. Inside an instance its own are the host's.
    package static func all() async throws -> [HostInterface] {
        try await blocking {
            try NetlinkSession().links().filter { !NetworkIdentity.isOfNIC($0) }.map {
                HostInterface(name: $0.name, type: type(of: $0))
            }
        }
    }

    /// The interface of that name; nil when there is none.
    package static func named(_ name: String) async throws -> HostInterface? {
        try await all().first { $0.name == name }
    }

    private static func type(of link: Link) -> String {
        if link.flags.contains(.loopback) { return "loopback" }
        switch link.kind {
        case "bridge", "vlan", "bond": return link.kind
        // A real device has one behind it, a virtual link has none. (ifb0 is `unknown` to LXD too.)
        default: return access("/sys/class/net/\(link.name)/device", F_OK) == 0 ? "physical" : "unknown"
        }
    }
}

extension Network.State {
    /// What an interface of the host does at this moment; nil when there is none of that name.
    package static func read(_ name: String) async throws -> Network.State? {
        try await blocking {
            let session = try NetlinkSession()
            guard let link = try session.link(named: name) else { return nil }
            let addresses = try session.addresses().filter { $0.index == link.index }
            let counters = Network.Counters(
                bytesReceived: Int64(clamping: link.counters.receivedBytes),
                bytesSent: Int64(clamping: link.counters.sentBytes),
                packetsReceived: Int64(clamping: link.counters.receivedPackets),
                packetsSent: Int64(clamping: link.counters.sentPackets))
            return Network.State(
                addresses: addresses.map(Instance.Address.init), counters: counters, hwaddr: link.hardwareAddressText,
                mtu: Int(link.mtu), state: link.stateText, type: link.typeText,
                bond: link.kind == "bond" ? try Network.Bond.read(name) : nil,
                bridge: link.kind == "bridge" ? try Network.Bridge.read(name) : nil,
                vlan: try Network.VLAN.read(link, session))
        }
    }
}

/// A file of an interface in sysfs without the end of its line; empty when this kernel has none.
private func fact(_ interface: String, _ file: String) -> String {
    String((try? readFile("/sys/class/net/\(interface)/\(file)"))?.prefix { $0 != "\n" } ?? "")
}

extension Network.Bond {
    fileprivate static func read(_ name: String) throws -> Network.Bond {
        // A mode is a word and its number: `802.3ad 4`.
        func word(_ file: String) -> String { String(fact(name, "bonding/" + file).prefix { $0 != " " }) }
        func milliseconds(_ file: String) -> UInt64 { UInt64(word(file)) ?? 0 }
        return Network.Bond(
            mode: word("mode"), transmitPolicy: word("xmit_hash_policy"), upDelay: milliseconds("updelay"),
            downDelay: milliseconds("downdelay"), miiFrequency: milliseconds("miimon"), miiState: word("mii_status"),
            lowerDevices: fact(name, "bonding/slaves").split(separator: " ").map(String.init))
    }
}

extension Network.VLAN {
    /// Nil for what is no VLAN interface.
    fileprivate static func read(_ link: Link, _ session: NetlinkSession) throws -> Network.VLAN? {
        guard let vid = link.vlan else { return nil }
        // An interface below that lies in another namespace has no name here.
        let lower = try session.links().first { $0.index == link.peer }
        return Network.VLAN(lowerDevice: lower?.name ?? "", vid: UInt64(vid))
    }
}

extension Network.Bridge {
    fileprivate static func read(_ name: String) throws -> Network.Bridge {
        func text(_ file: String) -> String { fact(name, "bridge/" + file) }
        // The VLAN files are missing on kernels without bridge VLANs.
        return Network.Bridge(
            id: text("bridge_id"), stp: text("stp_state") == "1", forwardDelay: UInt64(text("forward_delay")) ?? 0,
            vlanDefault: UInt64(text("default_pvid")) ?? 0, vlanFiltering: text("vlan_filtering") == "1",
            upperDevices: try directoryEntries("/sys/class/net/\(name)/brif"))
    }
}

extension Instance.Network {
    /// The interfaces of an instance by name, as seen inside it.
    ///
    /// `session` is a netlink socket that was opened in the instance's network namespace. `hostNames` are the names of
    /// the NICs' ends on the host by the name inside.
    package static func all(
        _ session: NetlinkSession, hostNames: [String: String]
    ) throws -> [String: Instance.Network] {
        let links = try session.links()
        let addresses = Dictionary(grouping: try session.addresses(), by: \.index)
        return Dictionary(
            links.map { link in
                let addresses = addresses[link.index] ?? []
                let network = Instance.Network(
                    addresses: addresses.map(Instance.Address.init), counters: Instance.Counters(link.counters),
                    hwaddr: link.hardwareAddressText, hostName: hostNames[link.name] ?? "", mtu: Int(link.mtu),
                    state: link.stateText, type: link.typeText)
                return (link.name, network)
            }, uniquingKeysWith: { first, _ in first })
    }
}

extension Instance.Address {
    /// LXD's words for an address. The scope goes by the address, as LXD's does, not by what the kernel was told.
    package init(_ address: InterfaceAddress) {
        let bytes = address.bytes
        let scope =
            switch (bytes.count, bytes.first ?? 0, bytes.dropFirst().first ?? 0) {
            case (4, 127, _): "local"
            case (4, 169, 254): "link"
            case (16, 0xfe, 0x80...0xbf): "link"
            case (16, _, _) where bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1: "local"
            default: "global"
            }
        self.init(
            family: address.isIPv6 ? "inet6" : "inet", address: address.text, netmask: "\(address.prefix)", scope: scope
        )
    }
}

extension Instance.Counters {
    /// The counters of a link in LXD's words.
    package init(_ counters: Link.Counters) {
        self.init(
            bytesReceived: Int64(clamping: counters.receivedBytes), bytesSent: Int64(clamping: counters.sentBytes),
            packetsReceived: Int64(clamping: counters.receivedPackets),
            packetsSent: Int64(clamping: counters.sentPackets),
            errorsReceived: Int64(clamping: counters.receiveErrors),
            errorsSent: Int64(clamping: counters.sendErrors),
            packetsDroppedOutbound: Int64(clamping: counters.sendDropped),
            packetsDroppedInbound: Int64(clamping: counters.receiveDropped))
    }
}

extension Link {
    /// Hexadecimal digits with colons; empty for the loopback, which has none but zeros.
    fileprivate var hardwareAddressText: String {
        if hardwareAddress.allSatisfy({ $0 == 0 }) { return "" }
        return hardwareAddress.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
    fileprivate var stateText: String { flags.contains(.up) ? "up" : "down" }
    fileprivate var typeText: String {
        if flags.contains(.pointToPoint) { return "point-to-point" }
        if flags.contains(.loopback) { return "loopback" }
        return flags.contains(.broadcast) ? "broadcast" : "unknown"
    }
}
