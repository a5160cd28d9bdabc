import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Testing

/// VLAN and ipvlan interfaces: with real packets in `make test-vm`; here what the kernel of this machine says.
@Suite struct NetworkVLANTests {
    private static let owner = NICOwner(project: "default", instance: "c1", device: "eth0")
    private static func nic() throws -> NIC {
        NIC(
            owner: owner, name: try InstanceName("c1"),
            hardwareAddress: try #require(MACAddress(configText: "00:16:3e:01:02:03")))
    }

    /// A pair of interfaces of the test's own; the first one's name.
    private func withCard(_ body: (String, NetlinkSession) async throws -> Void) async throws {
        let session = try NetlinkSession()
        let name = "lv" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try session.createVethPair(VethEnd(name: name + "a"), VethEnd(name: name + "b"), mtu: 1500)
        do { try await body(name + "a", session) } catch {
            try? session.deleteLink(name + "a")
            throw error
        }
        try session.deleteLink(name + "a")
    }

    /// Made once for two, and gone with the second; where the kernel has none, refused with the option it lacks.
    @Test func sharedVLANInterface() async throws {
        try await withCard { card, session in
            let parents = VLANParents(identity: NetworkIdentity(directory: "/run/\(card)"))
            let other = NICOwner(project: "default", instance: "c2", device: "eth0")
            try await parents.removeUnused()
            guard session.hasKind("vlan") else {
                let refused = await #expect(throws: APIError.self) {
                    try await parents.take(7, of: card, gvrp: false, for: Self.owner, isAlone: false)
                }
                #expect(refused?.status == 400 && refused?.message.contains("CONFIG_VLAN_8021Q") == true)
                return
            }
            let first = try await parents.take(7, of: card, gvrp: true, for: Self.owner, isAlone: false)
            let second = try await parents.take(7, of: card, gvrp: false, for: other, isAlone: false)
            #expect(first.isOurs && second.isOurs && first.name == "\(card).7" && second.name == first.name)
            #expect(try session.link(named: first.name)?.flags.contains(.up) == true)
            await #expect(throws: APIError.self) {
                try await parents.take(7, of: card, gvrp: false, for: Self.owner, isAlone: true)
            }
            try await parents.giveBack(first.name, by: Self.owner)
            #expect(try session.link(named: first.name) != nil)
            try await parents.giveBack(first.name, by: other)
            #expect(try session.link(named: first.name) == nil)
        }
    }

    /// What fails half-way leaves nothing: neither the VLAN interface nor the ipvlan one nor an answer for its address.
    @Test func nothingIsLeftOfAFailure() async throws {
        try await withCard { card, session in
            let identity = NetworkIdentity(directory: "/run/\(card)")
            let options = ["type": "nic", "nictype": "ipvlan", "parent": card, "ipv4.address": "127.0.0.1"]
            guard case .nic(let device) = try Device("eth0", options), let wish = device.ipvlan else {
                throw APIError.failed("no ipvlan")
            }
            // As a host has it that passes no packets on.
            _ = try KernelSetting("net/ipv4/conf/\(card)/forwarding").set("0")
            // The settings are refused first, unless the parent is lexd's own.
            for isOurs in [false, true] {
                let place = IPVLANInterface(parent: card, setsParent: isOurs, wish: wish, identity: identity)
                let refused = await #expect(throws: APIError.self) {
                    let made = try await place.attach(Self.nic())
                    try await place.detach(made)
                    throw APIError.badRequest("made, and taken away again: CONFIG_IPVLAN")
                }
                let words = isOurs ? "CONFIG_IPVLAN" : "net.ipv4.conf.\(card).forwarding=1"
                #expect(refused?.message.contains(words) == true, "\(refused?.message ?? "")")
                #expect(try session.links().allSatisfy { $0.kind != "ipvlan" && $0.kind != "vlan" })
            }
        }
    }

    /// A managed bridge filters VLANs where the kernel can; where not, one that asks for some leaves nothing.
    @Test func portsOfBridges() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let filtering = try? readFile("/sys/class/net/\(await driver.settings.name)/bridge/vlan_filtering")
            var nic = try Self.nic()
            nic.vlans = PortVLANs(untagged: .id(7), tagged: [try #require(VLANRange(configText: "10-12"))])
            if let filtering {
                #expect(filtering.hasPrefix("1"))
                try await driver.detach(try await driver.attach(nic))
            } else {
                await #expect(throws: (any Error).self) { try await driver.attach(nic) }
            }
            let alias = "\(bench.identity.tag) nic \(Self.owner)"
            #expect(try NetlinkSession().links().allSatisfy { $0.alias != alias })
        }
    }
}
