import Testing

@testable import LexAPI

private let common: [String: Sample] = [
    "type": .line, "name": .interface, "hwaddr": .mac,
    "nictype": Sample(
        valid: ["bridged", "p2p", "macvlan", "routed", "physical", "ipvlan", "sriov"],
        invalid: ["ovn", "Bridged", " bridged"]),
    "mtu": Sample(valid: ["68", "1500", "65535"], invalid: ["67", "65536", "x", "-1500"]),
]
private let number = Sample(valid: ["0", "7", "4294967295"], invalid: ["-1", "4294967296", "x", "1.5"])
private let boot = ["boot.priority": number]
private let rate = Sample(
    valid: ["8", "10Mbit", "512kbit", "1Gibit", "10Tbit"],
    invalid: ["0", "7bit", "-1", "10MB", "10mbit", "1.5Mbit", "99999999999999Ebit", "Mbit", "١bit"])
private let host: [String: Sample] = [
    "host_name": .interface, "queue.tx.length": number, "limits.ingress": rate, "limits.egress": rate,
    "limits.max": rate, "limits.priority": Sample(valid: ["0", "65535"], invalid: ["-1", "65536", "x"]),
]
private let routes4 = Sample(
    valid: ["192.0.2.0/24", "10.0.0.1/32, 10.1.0.0/16"],
    invalid: ["192.0.2.1/24", "192.0.2.0", "0.0.0.0/0", "fd42::/64", "x", "10.0.0.0/33", "10.0.0.0/8,"])
private let routes6 = Sample(
    valid: ["2001:db8::/32", "fd42::1/128"],
    invalid: ["2001:db8::1/32", "2001:db8::", "::/0", "10.0.0.0/8", "x", "fd42::/129"])
private let routes = ["ipv4.routes": routes4, "ipv6.routes": routes6]
private let vlan = Sample(valid: ["0", "4094", "none"], invalid: ["4095", "-1", "x", "1-2"])
private let parent: [String: Sample] = ["parent": .interface, "vlan": vlan, "gvrp": .bool]
private let outside: [String: Sample] = [
    "maas.subnet.ipv4": Sample(valid: [], invalid: ["x"]), "maas.subnet.ipv6": Sample(valid: [], invalid: ["x"]),
]
private let table = Sample(valid: ["1", "254", "4294967295"], invalid: ["0", "-1", "4294967296", "main"])

private func all(_ parts: [String: Sample]...) -> [String: Sample] {
    parts.reduce(into: [:]) { $0.merge($1) { $1 } }
}

@Suite struct DeviceKeyTests {
    @Test func bridged() {
        checkSamples(
            NICKeys.self,
            all(
                common, boot, host, routes, outside,
                [
                    "network": .line, "parent": .interface, "vlan": vlan,
                    "ipv4.address": Sample(
                        valid: ["10.0.3.17", "255.255.255.255", "0.0.0.0", "none"],
                        invalid: [
                            "10.0.3", "10.0.3.256", "10.0.3.1/24", "010.0.0.1", "10.0.0.-1", "10.0.0.+1", "a.b.c.d",
                            "10.0.0.1 ", "None",
                        ]),
                    "ipv6.address": Sample(
                        valid: ["fd42::5", "2001:db8::7", "none"],
                        invalid: ["10.0.3.17", "fd42::5/64", "fd42:::5", "x"]),
                    "ipv4.routes.external": routes4, "ipv6.routes.external": routes6,
                    "security.mac_filtering": .bool, "security.ipv4_filtering": .bool,
                    "security.ipv6_filtering": .bool, "security.port_isolation": .bool,
                    "vlan.tagged": Sample(valid: ["1", "1,2,10-20"], invalid: ["4095", "2-1", "1,", "x", "none"]),
                ]))
    }

    @Test func others() {
        checkSamples(PointToPointNICKeys.self, all(common, boot, host, routes))
        checkSamples(MacvlanNICKeys.self, all(common, boot, parent, outside))
        checkSamples(PhysicalNICKeys.self, all(common, boot, parent, outside))
        checkSamples(SRIOVNICKeys.self, all(common, boot, parent, outside, ["security.mac_filtering": .bool]))
    }

    @Test func routed() {
        let gateway = Sample(valid: ["auto", "none"], invalid: ["Auto", "10.0.0.1", "x"])
        checkSamples(
            RoutedNICKeys.self,
            all(
                common, host, routes, parent,
                [
                    "ipv4.address": Sample(
                        valid: ["10.0.0.1", "10.0.0.1,10.0.0.2"],
                        invalid: ["10.0.0.1/32", "10.0.0.1,10.0.0.1", "none", "fd42::1", "10.0.0.1,", "x"]),
                    "ipv6.address": Sample(
                        valid: ["fd42::1", "fd42::1, fd42::2"], invalid: ["fd42::1/128", "fd42::1,fd42::1", "10.0.0.1"]),
                    "ipv4.gateway": gateway, "ipv6.gateway": gateway,
                    "ipv4.host_address": Sample(valid: ["10.0.0.1"], invalid: ["fd42::1", "x", "10.0.0.1/24"]),
                    "ipv6.host_address": Sample(valid: ["fe80::1"], invalid: ["10.0.0.1", "x", "fe80::1/64"]),
                    "ipv4.host_table": table, "ipv6.host_table": table, "ipv4.neighbor_probe": .bool,
                    "ipv6.neighbor_probe": .bool,
                ]))
        let gateways = Sample(valid: ["auto", "none", "10.0.0.1"], invalid: ["x", "fd42::1"])
        let gateways6 = Sample(valid: ["auto", "none", "fd42::1"], invalid: ["x", "10.0.0.1"])
        checkSamples(
            IPVLANNICKeys.self,
            all(
                common, parent,
                [
                    "mode": Sample(valid: ["l2", "l3s"], invalid: ["l3", "L2"]),
                    "ipv4.address": Sample(valid: ["10.0.0.1", "10.0.0.1/24"], invalid: ["fd42::1", "x"]),
                    "ipv6.address": Sample(valid: ["fd42::1", "fd42::1/64"], invalid: ["10.0.0.1", "x"]),
                    "ipv4.gateway": gateways, "ipv6.gateway": gateways6, "ipv4.host_table": table,
                    "ipv6.host_table": table,
                ]))
    }

    @Test func proxies() {
        let address = Sample(
            valid: [
                "tcp:127.0.0.1:80", "tcp:[::1]:80-90,100", "udp:0.0.0.0:53", "tcp::80", "unix:/run/a b", "unix:@name",
                "tcp:0.0.0.0:1-16384",
            ],
            invalid: [
                "80", "tcp:80", "tcp:127.0.0.1", "tcp:127.0.0.1:0", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:90-80",
                "tcp:::1:80", "tcp:[127.0.0.1]:80", "tcp:localhost:80", "sctp:127.0.0.1:80", "unix:", "unix:a",
                "unix:/", "unix:@", "tcp:127.0.0.1:80,80", "tcp:127.0.0.1:80,", "tcp:1.2.3.4:1-65535",
                "unix:/" + String(repeating: "a", count: 107), "unix:/a\u{7f}", "TCP:127.0.0.1:80",
            ])
        let id = Sample(valid: ["0", "1000", "4294967294"], invalid: ["-1", "4294967295", "root", "1.5"])
        checkSamples(
            ProxyKeys.self,
            [
                "type": .line, "listen": address, "connect": address,
                "bind": Sample(valid: ["host", "instance", "guest", "container"], invalid: ["Host", "both"]),
                "mode": Sample(valid: ["644", "0777", "7"], invalid: ["888", "-1", "17777", "rw", "0o644"]), "uid": id,
                "gid": id, "security.uid": id, "security.gid": id, "nat": .bool, "proxy_protocol": .bool,
            ])
    }

    // MARK: options together

    @Test(
        arguments: [
            (["nictype": "routed", "vlan": "5"], "vlan needs the option parent"),
            (["nictype": "macvlan", "parent": "eth0", "vlan": "none"], "number of a VLAN"),
            (["nictype": "macvlan", "parent": "eth0", "host_name": "x1"], "unknown option \"host_name\""),
            (["nictype": "macvlan", "parent": "eth0", "mode": "vepa"], "unknown option \"mode\""),
            (["nictype": "p2p", "parent": "eth0"], "unknown option \"parent\""),
            (["nictype": "physical"], "needs the option parent"), (["nictype": "ipvlan"], "needs the option parent"),
            (["nictype": "p2p", "limits.max": "1Mbit", "limits.egress": "1Mbit"], "limits.max stands for"),
            (["network": "a", "ipv4.address": "none"], "unless using security.ipv4_filtering"),
            (["network": "a", "ipv6.address": "none"], "unless using security.ipv6_filtering"),
            (
                ["nictype": "bridged", "parent": "br0", "security.ipv4_filtering": "true"],
                "requires a manually specified ipv4.address"
            ),
            (
                ["nictype": "bridged", "parent": "br0", "security.ipv6_filtering": "true"],
                "requires a manually specified ipv6.address"
            ),
            (["network": "a", "maas.subnet.ipv4": "x"], "MAAS"),
            (["nictype": "ipvlan", "parent": "eth0", "ipv4.address": "10.0.0.1/24"], "belongs to mode=l2"),
            (["nictype": "ipvlan", "parent": "eth0", "ipv4.address": "10.0.0.1,10.0.0.1"], "given twice"),
            (["nictype": "ipvlan", "parent": "eth0", "ipv4.gateway": "10.0.0.9"], "ipv4.gateway must be auto or none"),
            (["nictype": "ipvlan", "parent": "eth0", "mode": "l2", "ipv6.gateway": "auto"], "must be an address"),
            (["nictype": "ipvlan", "parent": "eth0", "hotplug": "1"], "unknown option \"hotplug\""),
        ])
    func interfacesAreRefused(options: [String: String], words: String) {
        refuse(options.merging(["type": "nic"]) { $1 }, words)
    }

    @Test(
        arguments: [
            (["listen": "tcp:1.2.3.4:80"], "\"connect\" is missing"),
            (["listen": "tcp:1.2.3.4:80", "connect": "tcp:1.2.3.4:80-81"], "single port to multiple"),
            (["listen": "tcp:1.2.3.4:80-82", "connect": "tcp:1.2.3.4:80-81"], "as many as listen: 3, not 2"),
            (["listen": "tcp:1.2.3.4:80", "connect": "tcp:1.2.3.4:80", "mode": "0600"], "non-abstract unix"),
            (["listen": "unix:@a", "connect": "tcp:1.2.3.4:80", "uid": "5"], "non-abstract unix"),
            (["listen": "tcp:1.2.3.4:80", "connect": "udp:1.2.3.4:80", "proxy_protocol": "true"], "PROXY header"),
            (["listen": "tcp:1.2.3.4:80", "connect": "udp:1.2.3.4:80", "nat": "true"], "tcp <-> udp"),
            (["listen": "tcp:0.0.0.0:80", "connect": "tcp:1.2.3.4:80", "nat": "true"], "wildcard"),
            (["listen": "tcp::80", "connect": "tcp:1.2.3.4:80", "nat": "true"], "wildcard"),
            (["listen": "tcp:[fd42::1]:80", "connect": "tcp:1.2.3.4:80", "nat": "true"], "Cannot mix IP versions"),
            (
                ["listen": "tcp:1.2.3.4:80", "connect": "tcp:1.2.3.4:80", "nat": "true", "bind": "instance"],
                "Only host-bound"
            ),
            (["listen": "tcp:1.2.3.4:80", "connect": "tcp:1.2.3.4:80", "x": "1"], "unknown option \"x\""),
        ])
    func proxiesAreRefused(options: [String: String], words: String) {
        refuse(options.merging(["type": "proxy"]) { $1 }, words)
    }

    private func refuse(_ options: [String: String], _ words: String) {
        let error = #expect(throws: APIError.self) { try Device("dev0", options) }
        #expect(error?.status == 400 && error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    private func nic(_ options: [String: String]) throws -> NICDevice {
        guard case .nic(let nic) = try Device("eth0", options.merging(["type": "nic"]) { $1 }) else {
            throw APIError.failed("no nic")
        }
        return nic
    }

    /// An address without a prefix stands for itself in mode l3s, for its usual network in mode l2.
    @Test func addressesOfIPVLAN() throws {
        let base = [
            "nictype": "ipvlan", "parent": "eth0", "ipv4.address": "10.0.0.1, 10.0.0.2", "ipv6.address": "fd42::1",
        ]
        let more = ["ipv4.gateway": "none", "ipv6.host_table": "7"]
        let routed = try #require(try nic(base.merging(more) { $1 }).ipvlan)
        #expect(routed.isRouted && routed.ipv4Gateway == nil && routed.ipv6Gateway == .interface)
        #expect(routed.addresses.map { "\($0.address)/\($0.prefix)" } == ["10.0.0.1/32", "10.0.0.2/32", "fd42::1/128"])
        #expect(routed.ipv4Table == nil && routed.ipv6Table == 7)
        let direct = try #require(
            try nic(
                base.merging([
                    "mode": "l2", "ipv4.address": "10.0.0.1,10.0.0.9/16", "ipv4.gateway": "10.0.0.254",
                ]) { $1 }
            ).ipvlan)
        let way = try #require(IPAddress(configText: "10.0.0.254"))
        #expect(!direct.isRouted && direct.ipv4Gateway == .address(way) && direct.ipv6Gateway == nil)
        #expect(direct.addresses.map { "\($0.address)/\($0.prefix)" } == ["10.0.0.1/24", "10.0.0.9/16", "fd42::1/64"])
    }

    @Test func vlansOfBridgePorts() throws {
        let base = ["nictype": "bridged", "parent": "br0"]
        let plain = try #require(try nic(base).bridged)
        #expect(!plain.wantsVLANs)
        let port = try #require(try nic(base.merging(["vlan": "none", "vlan.tagged": "5, 10-12"]) { $1 }).bridged)
        #expect(port.wantsVLANs && port.vlan == VLANOrNone.none && port.taggedVLANs.map(\.ids) == [5...5, 10...12])
    }

    /// What is live is changed on the card; everything else makes it anew.
    @Test func whatIsMadeTheSame() throws {
        let base = ["network": "lexdbr0", "name": "eth0"]
        for (key, value) in [
            ("limits.ingress", "1Mbit"), ("security.mac_filtering", "true"), ("ipv4.address", "10.0.0.5"),
            ("ipv4.routes", "192.0.2.0/24"), ("queue.tx.length", "5"), ("security.port_isolation", "true"),
        ] {
            #expect(try nic(base.merging([key: value]) { $1 }).isMade(as: nic(base)), "\(key)")
        }
        for (key, value) in [("name", "eth1"), ("mtu", "1400"), ("host_name", "x1"), ("hwaddr", "02:00:00:00:00:01")] {
            #expect(try !nic(base.merging([key: value]) { $1 }).isMade(as: nic(base)), "\(key)")
        }
    }

    @Test func volatileKeysOfDevices() {
        #expect(InstanceKeys.Volatile.device(of: "volatile.a.b.last_state.hwaddr")?.device == "a.b")
        #expect(InstanceKeys.Volatile.device(of: "volatile.eth0.hwaddr")?.field == "hwaddr")
        #expect(InstanceKeys.Volatile.device(of: "volatile.last_state.power") == nil)
    }
}
