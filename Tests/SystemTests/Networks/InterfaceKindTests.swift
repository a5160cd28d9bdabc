import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Interfaces of other kinds than bridged, and what can be changed of interfaces while an instance runs.
    @Suite struct InterfaceKinds {
        @Test func eachKind() async throws {
            try await withDaemon { try await $0.interfaceKinds() }
        }

        @Test func limitsFiltersAndProfiles() async throws {
            try await withDaemon {
                try await $0.filtersAndLimits()
                try await $0.interfacesOfProfiles()
            }
        }
    }
}

/// A cable of the test's own, one end of which stands for a card of the host's.
private struct Cable: Sendable {
    let card: String
    let other: String

    init() throws {
        let name = "lt" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        (card, other) = (name + "a", name + "b")
        try NetlinkSession().createVethPair(VethEnd(name: card), VethEnd(name: other), mtu: 1400)
        try NetlinkSession().change(other, LinkChange(up: true))
    }

    func link() throws -> Link? { try NetlinkSession().link(named: card) }
    func end() async {
        try? NetlinkSession().deleteLink(card)
        try? NetlinkSession().deleteLink(other)
    }
}

extension DaemonFixture {
    private func inside(_ command: String) async throws -> String { try await shell("c1", command) }

    private func add(_ device: String, _ options: String...) async throws {
        let output = try await lx.run(["config", "device", "add", "c1", device, "nic"] + options)
        #expect(output.status == 0, "\(device): \(output.errors)")
    }

    fileprivate func interfaceKinds() async throws {
        let cable = try Cable()
        do { try await kinds(cable) } catch {
            await cable.end()
            throw error
        }
        await cable.end()
    }

    private func kinds(_ cable: Cable) async throws {
        let own = try #require(try cable.link())
        try await create("c1")
        // What this host lacks is taken, and refused at the start with a reason. Where it has it, `make test-vm` looks.
        let session = try NetlinkSession()
        _ = try KernelSetting("net/ipv4/conf/\(cable.card)/forwarding").set("0")
        let lacking = [
            ("ipvlan", ["nictype": "ipvlan", "parent": cable.card, "mode": "l2"], "CONFIG_IPVLAN"),
            ("vlan", ["nictype": "macvlan", "parent": cable.card, "vlan": "7"], "CONFIG_VLAN_8021Q"),
            ("vlan", ["nictype": "physical", "parent": cable.card, "vlan": "7"], "CONFIG_VLAN_8021Q"),
        ]
        for (options, words) in lacking.filter({ !session.hasKind($0.0) }).map({ ($0.1, $0.2) }) + [
            (["nictype": "ipvlan", "parent": cable.card, "ipv4.address": "10.217.0.1"], "forwarding=1"),
            (["nictype": "ipvlan", "parent": "lexdnone0"], "no interface of this host"),
            (["nictype": "macvlan", "parent": "lexdnone0", "vlan": "7"], "no interface of this host"),
            (["nictype": "sriov", "parent": cable.card], "SR-IOV"),
            (["nictype": "macvlan", "parent": "lexdnone0"], "no interface of this host"),
            (["nictype": "physical", "parent": "lexdnone0"], "no interface of this host"),
        ] {
            var update = Instance.Update(config: [:])
            update.devices = ["extra": options.merging(["type": "nic", "name": "x0"]) { $1 }]
            let change = update
            try await client.call(API.instances.patch, path: ["name": "c1"], body: change)
            let refused = try await lx.run("start", "c1")
            #expect(refused.status == 1 && refused.errors.contains(words), "\(refused.errors)")
            try await lxc("config", "device", "remove", "c1", "extra")
        }
        try await coldAndHot(cable, own)
        try await afterCrashes(cable, own)
        #expect(try await disagreements() == [])
    }

    private func coldAndHot(_ cable: Cable, _ own: Link) async throws {
        try await add("pp", "nictype=p2p", "name=pp0", "ipv4.routes=10.213.0.0/24,10.214.0.0/24")
        try await add(
            "ph", "nictype=physical", "parent=\(cable.card)", "name=ph0", "hwaddr=02:00:00:00:00:77", "mtu=1300")
        try await add("mv", "nictype=macvlan", "parent=\(cable.other)", "name=mv0")
        try await add(
            "ro", "nictype=routed", "name=ro0", "ipv4.address=10.215.0.5,10.215.0.6", "ipv6.address=fd99:1::5",
            "ipv4.routes=10.216.0.0/24", "ipv4.host_table=4711")
        try await start("c1")
        try await looksRight(cable)
        try await stop("c1")
        #expect(try cable.link()?.hardwareAddress == own.hardwareAddress)
        #expect(try cable.link()?.mtu == own.mtu)
        // The same, one after another into an instance that runs, and out again.
        let devices = try await instance("c1").devices
        for device in ["pp", "ph", "mv", "ro"] { try await lxc("config", "device", "remove", "c1", device) }
        try await start("c1")
        for device in ["pp", "ph", "mv", "ro"] {
            var update = Instance.Update(config: [:])
            update.devices = [device: try #require(devices[device])]
            let change = update
            try await client.call(API.instances.patch, path: ["name": "c1"], body: change)
        }
        try await looksRight(cable)
        try await lxc("config", "device", "remove", "c1", "ph")
        try await lxc("config", "device", "remove", "c1", "mv")
        #expect(try cable.link()?.hardwareAddress == own.hardwareAddress)
        #expect(try await !inside("ls /sys/class/net").contains("mv0"))
        try await lxc("config", "device", "set", "c1", "pp", "ipv4.routes", "10.214.0.0/24")
        let routes = try await Program("ip")("route")
        #expect(!routes.contains("10.213.0.0/24") && routes.contains("10.214.0.0/24"))
        for device in ["ph", "mv"] {
            var update = Instance.Update(config: [:])
            update.devices = [device: try #require(devices[device])]
            let change = update
            try await client.call(API.instances.patch, path: ["name": "c1"], body: change)
        }
    }

    private func looksRight(_ cable: Cable) async throws {
        let addresses = try await inside(
            "ip addr show ro0; ip route; ip -6 route; cat /sys/class/net/ph0/address /sys/class/net/ph0/mtu")
        for word in [
            "10.215.0.5/32", "10.215.0.6/32", "fd99:1::5/128", "169.254.0.1 dev ro0", "fe80::1 dev ro0",
            "02:00:00:00:00:77", "1300",
        ] { #expect(addresses.contains(word), "\(word)") }
        #expect(try cable.link() == nil)
        #expect(try await inside("ls /sys/class/net").contains("mv0"))
        let routes = try await Program("ip")("route")
        for word in ["10.213.0.0/24", "10.215.0.5 ", "10.215.0.6 ", "10.216.0.0/24 via 10.215.0.5"] {
            #expect(routes.contains(word), "\(word)")
        }
        #expect(try await Program("ip")("route", "show", "table", "4711").contains("10.215.0.5"))
        #expect(try await Program("busybox").run("ping", "-c", "1", "-W", "3", "10.215.0.5").status == 0)
        #expect(try await Program("busybox").run("ping6", "-c", "1", "-W", "3", "fd99:1::5").status == 0)
        #expect(try await inside("ping -c 1 -W 3 -I ro0 169.254.0.1").contains("1 packets received"))
    }

    /// lexd, and then everything of an instance, is killed: the host has its interface back all the same.
    private func afterCrashes(_ cable: Cable, _ own: Link) async throws {
        try await kill()
        try await start()
        let lent = try #require(try await instance("c1").config["volatile.ph.last_state.hwaddr"])
        #expect(MACAddress(configText: lent)?.bytes == own.hardwareAddress)
        #expect(try await disagreements() == [])
        // The monitor, which would give it back, is killed as well; lexd still holds the network.
        let process = try await initProcess("c1")
        let monitor = try parentProcess(of: process)
        Glibc.kill(monitor, SIGKILL)
        try await waitFor("c1", "Stopped")
        #expect(try cable.link()?.hardwareAddress == own.hardwareAddress)
        #expect(try cable.link()?.mtu == own.mtu)
        #expect(try await instance("c1").config["volatile.ph.host_name"] == nil)
        // It ends while no lexd is there: liblxc gives the card back, and the next lexd its address.
        try await start("c1")
        let second = try await initProcess("c1")
        try await kill()
        Glibc.kill(second, SIGKILL)
        try await eventually("the card is back") { try cable.link() != nil }
        try await start()
        #expect(try cable.link()?.hardwareAddress == own.hardwareAddress)
        #expect(try cable.link()?.mtu == own.mtu)
        #expect(try await instance("c1").status == "Stopped")
    }

    // MARK: limits and filters

    private func card(_ device: String = "eth0") async throws -> Link {
        let name = try #require(try await instance("c1").config["volatile.\(device).host_name"])
        return try #require(try NetlinkSession().link(named: name))
    }

    /// How long it takes the instance to have 2 MiB from the host, or the host from it.
    private func seconds(toInstance: Bool, _ instance: String, _ host: String) async throws -> Double {
        let start = ContinuousClock.now
        let from = "http://\(toInstance ? host : instance):7009/zero"
        if toInstance {
            #expect(try await shell("c1", "wget -q -O - \(from) | wc -c").contains("\(2 << 20)"))
        } else {
            #expect(try await Program("sh")("-c", "busybox wget -q -O - \(from) | wc -c").contains("\(2 << 20)"))
        }
        let taken = start.duration(to: .now)
        return Double(taken.components.seconds) + Double(taken.components.attoseconds) / 1e18
    }

    fileprivate func filtersAndLimits() async throws {
        let network = try await network()
        try await launch("c1", devices: ["eth0": ["type": "nic", "network": network, "name": "eth0"]])
        var address = ""
        try await eventually("there is an address") {
            address = try await shell("c1", "ip -4 addr show eth0 | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p'")
            return !address.isEmpty
        }
        let subnet = try await client.call(API.networks.get, as: Network.self, path: ["name": network])
            .config["ipv4.address"]
        let gateway = try #require(IPv4Subnet(configText: subnet ?? ""))
        try makeDirectories(path("www"))
        _ = try file("www/zero", [UInt8](repeating: 0, count: 2 << 20))
        let server = try Program("busybox").start(
            "httpd", "-f", "-p", "\(gateway.address):7009", "-h", path("www"))
        defer { try? server.signal(SIGKILL) }
        try await shell("c1", "mkdir /www; head -c \(2 << 20) /dev/zero >/www/zero; httpd -p 7009 -h /www")
        let before = try await card()
        try await lxc("config", "device", "set", "c1", "eth0", "limits.max", "8Mbit")
        // 2 MiB at 1 MB a second, less what passes at once: on the way out a second's worth.
        let (there, back) = (
            try await seconds(toInstance: true, address, "\(gateway.address)"),
            try await seconds(toInstance: false, address, "\(gateway.address)")
        )
        #expect(there > 1.5 && back > 0.6 && there < 20 && back < 40, "\(there) \(back)")
        try await lxc("config", "device", "unset", "c1", "eth0", "limits.max")
        #expect(try await seconds(toInstance: true, address, "\(gateway.address)") < 1.5)

        // With filters it keeps the address it has, and no other one.
        for key in ["security.ipv4_filtering", "security.ipv6_filtering", "security.port_isolation"] {
            try await lx("config", "device", "set", "c1", "eth0", "\(key)=true")
        }
        try await configure("c1", ["limits.network.priority": "4"])
        #expect(try await card().index == before.index)
        let rules = try await Program("nft")("list", "table", "netdev", tag)
        #expect(rules.contains(address) && rules.contains("priority set 0:4") && rules.contains("drop"))
        let isolated = try readFile("/sys/class/net/\(before.name)/brport/isolated")
        #expect(isolated.hasPrefix("1"))
        #expect(try await shell("c1", "ping -c 1 -W 3 \(gateway.address)").contains("1 packets received"))
        let stolen = IPv4Address(gateway.network.value + 99)
        try await shell("c1", "ip addr add \(stolen)/32 dev eth0")
        let ping = try await exec("c1", "ping", "-c", "1", "-W", "1", "-I", "\(stolen)", "\(gateway.address)")
        #expect(ping.status != 0)
        // The next lexd knows the rules.
        try await kill()
        try await start()
        try await lx("config", "device", "set", "c1", "eth0", "security.ipv4_filtering=false")
        #expect(try await Program("nft")("list", "table", "netdev", tag).contains(address) == false)
        let again = try await exec("c1", "ping", "-c", "1", "-W", "3", "-I", "\(stolen)", "\(gateway.address)")
        #expect(again.status == 0)
        try await configure("c1", ["limits.network.priority": ""])
        for key in ["security.ipv6_filtering", "security.port_isolation"] {
            try await lx("config", "device", "unset", "c1", "eth0", key)
        }
        #expect(try await Program("nft").run("list", "table", "netdev", tag).status != 0)
    }

    fileprivate func interfacesOfProfiles() async throws {
        try await lxc("profile", "device", "add", "default", "more", "nic", "nictype=p2p", "name=more0")
        #expect(try await shell("c1", "ls /sys/class/net").contains("more0"))
        let first = try await card("more")
        #expect(first.flags.contains(.up))
        let address = try await shell("c1", "cat /sys/class/net/more0/address")
        #expect(try await instance("c1").config["volatile.more.hwaddr"] == address)
        try await lxc("profile", "device", "set", "default", "more", "limits.ingress", "1Mbit")
        #expect(try await card("more").index == first.index)
        #expect(try await Program("tc")("qdisc", "show", "dev", first.name).contains("htb"))
        // What one instance cannot take changes none, nor the profile.
        let refused = try await lx.run(
            "profile", "device", "add", "default", "bad", "nic", "nictype=macvlan", "parent=lexdnone0")
        #expect(refused.status == 1 && refused.errors.contains("c1") && refused.errors.contains("lexdnone0"))
        #expect(
            try await client.call(API.profiles.get, as: Profile.self, path: ["name": "default"]).devices["bad"] == nil)
        try await kill()
        try await start()
        try await lxc("profile", "device", "remove", "default", "more")
        #expect(try await !shell("c1", "ls /sys/class/net").contains("more0"))
        #expect(try NetlinkSession().links().allSatisfy { $0.index != first.index })
        #expect(try await disagreements() == [])
        try await stop("c1", force: true)
    }
}
