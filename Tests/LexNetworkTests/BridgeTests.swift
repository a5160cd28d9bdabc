import LexAPI
import LexHost
import Testing

@testable import LexNetwork

/// The parts of a bridge's settings that tests vary.
func settings(_ changes: [String: String] = [:], name: String = "web0") throws -> BridgeSettings {
    let config = [
        "ipv4.address": "10.3.2.1/24", "ipv6.address": "fd42:1:2:3::1/64",
        "volatile.bridge.hwaddr": "00:16:3e:01:02:03",
    ]
    return try BridgeSettings(name: name, config: Config(config.merging(changes) { $1 }))
}

struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        // splitmix64
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

@Suite struct DnsmasqArgumentsTests {
    let account = Account(name: "dnsmasq", user: 999, group: 65534, groupName: "nogroup")

    func arguments(_ changes: [String: String] = [:]) throws -> [String] {
        try DnsmasqArguments.make(
            settings(changes), directory: NetworkDirectory("/l/networks/web0"), account: account) ?? []
    }

    @Test func bothFamilies() throws {
        let arguments = try arguments()
        for wanted in [
            "--pid-file=/l/networks/web0/dnsmasq.pid", "--conf-file=", "--no-hosts", "--user=dnsmasq",
            "--group=nogroup",
            "--interface=web0", "--except-interface=lo", "--bind-dynamic", "--no-ping", "--dhcp-authoritative",
            "--dhcp-ignore-names", "--dhcp-range=10.3.2.2,10.3.2.254,1h", "--dhcp-lease-max=253", "--domain=lexd",
            "--local=/lexd/", "--enable-ra", "--dhcp-range=::,constructor:web0,ra-stateless,ra-names",
        ] { #expect(arguments.contains(wanted), "\(wanted)") }
        #expect(!arguments.contains { $0.hasPrefix("--dhcp-option-force") })
    }

    @Test func onlyIPv4() throws {
        let arguments = try arguments(["ipv6.address": "none", "bridge.mtu": "1400"])
        #expect(!arguments.contains { $0.contains("ra-") })
        #expect(arguments.contains("--dhcp-option-force=26,1400"))
    }

    @Test func onlyIPv6() throws {
        let arguments = try arguments(["ipv4.address": "none", "ipv6.dhcp": "false"])
        #expect(arguments.contains("--dhcp-range=::,constructor:web0,ra-only"))
        #expect(arguments.filter { $0.hasPrefix("--dhcp-range") }.count == 1)
    }

    @Test func onlyNames() throws {
        let arguments = try arguments(["ipv4.dhcp": "false", "ipv6.address": "none", "dns.domain": "a.example"])
        #expect(!arguments.contains { $0.hasPrefix("--dhcp") })
        #expect(arguments.contains("--local=/a.example/"))
    }

    @Test func withoutAddressesNone() throws {
        let none = try settings(["ipv4.address": "none", "ipv6.address": "none"])
        #expect(DnsmasqArguments.make(none, directory: NetworkDirectory("/l"), account: account) == nil)
    }

    @Test(arguments: [
        ("10.0.0.1/30", "10.0.0.2", "10.0.0.2"), ("10.0.0.2/30", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.77/24", "10.0.0.1", "10.0.0.254"), ("10.255.255.254/8", "10.0.0.1", "10.255.255.253"),
    ])
    func ranges(_ subnet: String, _ first: String, _ last: String) throws {
        let range = DnsmasqArguments.range(of: try #require(IPv4Subnet(configText: subnet)))
        #expect("\(range.first)" == first && "\(range.last)" == last)
    }
}

@Suite struct RegistrationTests {
    func registration(
        _ instance: String, _ mac: String = "00:16:3e:00:00:01", name: String? = nil, ipv4: String? = nil,
        device: String = "eth0"
    ) throws -> Registration {
        Registration(
            owner: NICOwner(project: "default", instance: instance, device: device),
            hardwareAddress: try #require(MACAddress(configText: mac)), name: try InstanceName(name ?? instance),
            ipv4: ipv4.flatMap { IPv4Address(configText: $0) })
    }

    @Test func hostsFile() throws {
        #expect(
            try registration("web").hostsFile(domain: "lexd") == "# default/web/eth0\n00:16:3e:00:00:01,id:*,web.lexd\n"
        )
        #expect(
            try registration("ignore", ipv4: "10.3.2.9").hostsFile(domain: "a.b")
                == "# default/ignore/eth0\n00:16:3e:00:00:01,id:*,ignore.a.b,10.3.2.9\n")
    }

    @Test func readsWhatItWrote() throws {
        for one in [try registration("web", ipv4: "10.3.2.9"), try registration("a-1", name: "b")] {
            #expect(Registration(hostsFile: one.hostsFile(domain: "lexd")) == one)
        }
    }

    @Test(arguments: [
        "", "#", "# default/web/eth0\n", "# a/b\n00:16:3e:00:00:01,id:*\n", "# a/b/c\nxx,id:*\n",
        "# a/b/c\n00:16:3e:00:00:01,id:*,\n", "# a/b/c\n00:16:3e:00:00:01\n",
        "# a/b/c\n00:16:3e:00:00:01,id:*,-x\n\n\n",
        "# a/b/c\n00:16:3e:00:00:01,ignore\n",
    ])
    func refusesOtherFiles(_ text: String) { #expect(Registration(hostsFile: text) == nil) }

    @Test func namesFileOnlyWhereThereIsNoLease() throws {
        let web = try registration("web")
        #expect(web.namesFile(try settings()) == nil)
        #expect(web.namesFile(try settings(["ipv4.address": "none", "ipv6.address": "none"])) == nil)
        #expect(
            web.namesFile(try settings(["ipv4.address": "none"]))
                == "# default/web/eth0\nfd42:1:2:3:216:3eff:fe00:1 web.lexd web\n")
    }

    @Test func refusesWhatAnotherHas() throws {
        let settings = try settings()
        let other = [try registration("db", "00:16:3e:00:00:02", ipv4: "10.3.2.5")]
        try registration("web").check(against: other, settings)
        try registration("db", "00:16:3e:00:00:07", device: "eth1").check(against: other, settings)
        for bad in [
            try registration("web", "00:16:3e:00:00:02"), try registration("web", name: "DB"),
            try registration("web", ipv4: "10.3.2.5"),
        ] {
            let error = #expect(throws: APIError.self) { try bad.check(against: other, settings) }
            #expect(error?.status == 409 && error?.message.contains("default/db/eth0") == true)
        }
    }

    @Test(arguments: ["10.3.2.1", "10.3.2.0", "10.3.2.255", "10.3.3.5"])
    func refusesAddressesThatDoNotFit(_ address: String) throws {
        let error = #expect(throws: APIError.self) {
            try registration("web", ipv4: address).check(against: [Registration](), settings())
        }
        #expect(error?.status == 400)
    }

    @Test func fixedAddressNeedsDHCP() throws {
        #expect(throws: APIError.self) {
            try registration("web", ipv4: "10.3.2.5").check(against: [], settings(["ipv4.dhcp": "false"]))
        }
    }
}

@Suite struct LeasesTests {
    let web = MACAddress(configText: "00:16:3e:00:00:01")
    let file = """
        1795422364 00:16:3e:00:00:01 10.3.2.90 web *
        1795422364 00:16:3e:00:00:02 10.3.2.91 * 01:00:16:3e:00:00:02
        1795422364 00:16:3e:00:00:09 10.3.2.99 stranger *
        duid 00:01:00:01:32:96:a6:f2:c6:63:60:17:ba:38
        1795422364 1507329 fd42:1:2:3::77 web 00:01:00:01
        """

    @Test func reads() throws {
        let lines = Leases.parse(file)
        #expect(lines.map(\.address) == ["10.3.2.90", "10.3.2.91", "10.3.2.99", "fd42:1:2:3::77"])
        #expect(lines[0].client == nil && lines[1].client == [1, 0, 0x16, 0x3e, 0, 0, 2])
        #expect(lines[3].hardwareAddress == nil)
    }

    @Test(arguments: [
        "", "\n\n", "x", "1 2 3", "1795422364 00:16:3e:00:00:01 10.3.2.900 web *", "a 00:16:3e:00:00:01 10.3.2.9 web *",
        "1795422364 zz:16:3e:00:00:01 10.3.2.9 web *", "1 06-00:16:3e:00:00:01 10.3.2.9 w *", "1 2 3 4 5 6",
        "1795422364 00:16:3e:00:00:01 10.3.2.9  web *", "\u{0} \u{0} \u{0} \u{0} \u{0}",
    ])
    func passesOverStrangeLines(_ text: String) { #expect(Leases.parse(text) == []) }

    @Test func listsAsLXDDoes() throws {
        let members = [
            NetworkMember(
                instance: "web", hardwareAddress: try #require(web), ipv4: IPv4Address(configText: "10.3.2.90")),
            NetworkMember(instance: "db", hardwareAddress: try #require(MACAddress(configText: "00:16:3e:00:00:02"))),
        ]
        let leases = Leases.list(try settings(), members: members, file: file)
        func lease(_ name: String, _ mac: String, _ address: String, _ type: String) -> Network.Lease {
            Network.Lease(
                hostname: name, hwaddr: mac, address: address, type: type, location: type == "gateway" ? "" : "none")
        }
        #expect(
            leases == [
                lease("web0.gw", "", "10.3.2.1", "gateway"), lease("web0.gw", "", "fd42:1:2:3::1", "gateway"),
                lease("web", "00:16:3e:00:00:01", "10.3.2.90", "static"),
                lease("web", "00:16:3e:00:00:01", "fd42:1:2:3:216:3eff:fe00:1", "dynamic"),
                lease("db", "00:16:3e:00:00:02", "fd42:1:2:3:216:3eff:fe00:2", "dynamic"),
                lease("db", "00:16:3e:00:00:02", "10.3.2.91", "dynamic"),
            ])
    }

    @Test func releaseMessage() throws {
        let message = LeaseRelease.message(
            server: IPv4Address(0x0a03_0201), address: IPv4Address(0x0a03_025a), hardwareAddress: try #require(web),
            client: [1, 2])
        #expect(message.count == 300)
        #expect(message[0..<4] == [1, 1, 6, 0] && message[12..<16] == [10, 3, 2, 90])
        #expect(message[28..<34] == [0, 0x16, 0x3e, 0, 0, 1])
        #expect(
            message[236..<254] == [99, 130, 83, 99, 53, 1, 7, 54, 4, 10, 3, 2, 1, 61, 2, 1, 2, 255])
    }
}

@Suite struct SubnetChoiceTests {
    func subnets(_ texts: String...) -> [IPv4Subnet] { texts.compactMap { IPv4Subnet(configText: $0) } }

    @Test func avoidsWhatIsTaken() throws {
        var numbers = SeededNumbers(state: 1)
        // Everything but 10.200.7.0/24.
        let taken = (0..<16).compactMap { bit -> IPv4Subnet? in
            let value: UInt32 = (200 << 8 | 7) ^ (1 << bit)
            return IPv4Subnet(
                address: IPv4Address(10 << 24 | (value & ~((1 << bit) - 1)) << 8), prefix: 24 - UInt32(bit))
        }
        for _ in 0..<20 {
            #expect(SubnetChoice.ipv4(avoiding: taken, using: &numbers)?.description == "10.200.7.1/24")
        }
    }

    @Test func aDefaultRouteTakesNothing() {
        var numbers = SeededNumbers(state: 2)
        #expect(SubnetChoice.ipv4(avoiding: subnets("0.0.0.0/0"), using: &numbers) != nil)
    }

    @Test func goesElsewhereWhenTenIsTaken() throws {
        var numbers = SeededNumbers(state: 3)
        let first = SubnetChoice.ipv4(avoiding: subnets("10.0.0.0/8"), using: &numbers)
        #expect(first?.description.hasPrefix("192.168.") == true && first?.description.hasSuffix(".1/24") == true)
        let second = SubnetChoice.ipv4(avoiding: subnets("10.0.0.0/8", "192.168.0.0/16"), using: &numbers)
        #expect(try #require(IPv4Subnet(configText: "172.16.0.0/12")).overlaps(try #require(second)))
        let none = SubnetChoice.ipv4(
            avoiding: subnets("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"), using: &numbers)
        #expect(none == nil)
    }

    @Test func startsAtARandomPlace() {
        var numbers = SeededNumbers(state: 4)
        let found = Set((0..<50).compactMap { _ in SubnetChoice.ipv4(avoiding: [], using: &numbers) })
        #expect(found.count > 45)
    }

    @Test func uniqueLocalAddresses() throws {
        var numbers = SeededNumbers(state: 5)
        let subnet = try #require(SubnetChoice.ipv6(avoiding: [], using: &numbers))
        #expect(subnet.address.groups.first == 0xfd42 && subnet.address.groups.last == 1 && subnet.prefix == 64)
        let all = try #require(IPv6Subnet(configText: "fd00::/8"))
        #expect(SubnetChoice.ipv6(avoiding: [all], using: &numbers) == nil)
    }

    @Test(arguments: [
        ("fd42:1::1/64", "fd42:1::/32", true), ("fd42:1::1/64", "fd42:1:0:1::/64", false), ("::/0", "fd42::/16", true),
        ("fd42:8000::/17", "fd42::/17", false), ("fd42:1::/63", "fd42:1:0:1::/64", true),
    ])
    func overlapOfIPv6(_ left: String, _ right: String, _ expected: Bool) throws {
        let (left, right) = (IPv6Subnet(configText: left), IPv6Subnet(configText: right))
        #expect(try #require(left).overlaps(try #require(right)) == expected)
        #expect(try #require(right).overlaps(try #require(left)) == expected)
    }

    @Test func completesAConfiguration() throws {
        var numbers = SeededNumbers(state: 6)
        let done = try BridgeDriver.completed(
            Config(["user.x": "y"]), name: "n0", taken: TakenSubnets(), hardwareAddresses: [], hasIPv6: true,
            using: &numbers)
        #expect(done.values["ipv4.nat"] == "true" && done.values["ipv6.nat"] == "true")
        let settings = try BridgeSettings(name: "n0", config: done)
        #expect(settings.ipv4 != nil && settings.ipv6 != nil && settings.ipv4Passage.nat && settings.ipv6Passage.nat)
        #expect(done.values["volatile.bridge.hwaddr"]?.hasPrefix("00:16:3e:") == true)
    }

    @Test func keepsWhatWasSaid() throws {
        var numbers = SeededNumbers(state: 7)
        let said = [
            "ipv4.address": "10.9.9.1/24", "ipv6.address": "none", "volatile.bridge.hwaddr": "00:16:3e:00:00:09",
        ]
        let done = try BridgeDriver.completed(
            Config(said), name: "n0", taken: TakenSubnets(), hardwareAddresses: [], hasIPv6: true, using: &numbers)
        #expect(done.values == said)
        let noNAT = try BridgeDriver.completed(
            Config(["ipv4.nat": "false", "ipv4.address": "auto"]), name: "n0", taken: TakenSubnets(),
            hardwareAddresses: [], hasIPv6: false, using: &numbers)
        #expect(noNAT.values["ipv4.nat"] == "false" && noNAT.values["ipv6.address"] == "none")
    }
}

@Suite struct NameTests {
    @Test func identities() {
        #expect(NetworkIdentity(directory: "/var/lib/lexd").tag == "lexd")
        #expect(NetworkIdentity(directory: "/var/lib/lexd/").tag == "lexd")
        let other = NetworkIdentity(directory: "/srv/lexd")
        #expect(other.tag.hasPrefix("lexd_") && other.tag.count == 13)
        #expect(other != NetworkIdentity(directory: "/srv/lexd2"))
    }

    @Test func aliases() {
        let (standard, other) = (NetworkIdentity(directory: "/var/lib/lexd"), NetworkIdentity(directory: "/srv/lexd"))
        let owner = NICOwner(project: "default", instance: "web", device: "my nic")
        #expect(other.owner(fromAlias: other.alias(of: owner)) == owner)
        #expect(standard.owner(fromAlias: other.alias(of: owner)) == nil)
        #expect(standard.network(fromAlias: standard.alias(ofNetwork: "web0")) == "web0")
        #expect(standard.owner(fromAlias: "lexd nic a/b") == nil)
        #expect(standard.owner(fromAlias: "lexd nic a//b") == nil)
    }

    @Test func linkNamesFit() {
        for name in ["lexd01234567", "a-name-of-15-ch", "x"] {
            #expect(NICLinks.peerName(of: name).utf8.count == 12)
        }
    }

    @Test func hardwareAddresses() throws {
        var numbers = SeededNumbers(state: 8)
        let first = MACAddress.random(avoiding: [], using: &numbers)
        #expect(first.description.hasPrefix("00:16:3e:"))
        numbers = SeededNumbers(state: 8)
        #expect(MACAddress.random(avoiding: [first], using: &numbers) != first)
        #expect(first.fileName.utf8.count == 12)
    }

    @Test(arguments: [
        ("00:16:3e:00:01:02", "fd42:1:2:3:216:3eff:fe00:102"), ("02:00:00:00:00:01", "fd42:1:2:3:0:ff:fe00:1"),
        ("fe:ff:ff:ff:ff:ff", "fd42:1:2:3:fcff:ffff:feff:ffff"),
    ])
    func modifiedEUI64(_ mac: String, _ expected: String) throws {
        let subnet = try #require(IPv6Subnet(configText: "fd42:1:2:3::1/64"))
        #expect(subnet.address(of: try #require(MACAddress(configText: mac)))?.description == expected)
    }

    @Test(
        arguments: [
            ([127, 0, 0, 1], "local"), ([169, 254, 1, 1], "link"), ([10, 0, 0, 1], "global"),
            ([0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1], "link"),
            ([UInt8](repeating: 0, count: 15) + [1], "local"), ([0xfd] + [UInt8](repeating: 0, count: 15), "global"),
        ] as [([UInt8], String)])
    func scopes(_ bytes: [UInt8], _ scope: String) {
        let address = Instance.Address(InterfaceAddress(index: 1, bytes: bytes, prefix: 8))
        #expect(address.scope == scope && address.netmask == "8")
        #expect(address.family == (bytes.count == 4 ? "inet" : "inet6"))
    }
}
