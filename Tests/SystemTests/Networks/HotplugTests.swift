import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// Interfaces that a running instance is given and that are taken from it, with both clients.
    @Suite struct NICHotplug {
        @Test(arguments: ClientProgram.allCases)
        func givenAndTaken(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.givesInterfaces(name) }
        }

        @Test func whatIsRefusedChangesNothing() async throws {
            try await withDaemon { try await $0.refusesInterfaces() }
        }
    }
}

extension DaemonFixture {
    private func host(_ device: String) async throws -> Link? {
        guard let name = try await instance("c1").config["volatile.\(device).host_name"] else { return nil }
        return try NetlinkSession().link(named: name)
    }

    /// The interfaces inside, without the loopback.
    private func interfaces() async throws -> Set<String> {
        Set(try await shell("c1", "ls /sys/class/net").split(whereSeparator: \.isWhitespace).map(String.init))
            .subtracting(["lo"])
    }

    fileprivate func givesInterfaces(_ name: ClientProgram) async throws {
        let client = program(name)
        let network = "lt\(UInt16.random(in: 0...UInt16.max))"
        try await launch("c1")
        try await client("network", "create", network, "ipv6.address=none")
        try await client("network", "attach", network, "c1", "extra", "eth1")
        #expect(try await interfaces() == ["eth0", "eth1"])
        let device = try await instance("c1").config
        let address = try #require(device["volatile.extra.hwaddr"])
        #expect(try await shell("c1", "cat /sys/class/net/eth1/address") == address)
        let link = try #require(try await host("extra"))
        #expect(try NetlinkSession().link(named: network)?.index == link.master)
        try await shell("c1", "ip link set eth1 up; udhcpc -i eth1 -n -q -s /usr/share/udhcpc/default.script")
        #expect(try await client("list", "-f", "csv", "-c", "4").contains("(eth1)"))
        #expect(try await client("network", "list-leases", network).contains(address))
        #expect(try await client.run("network", "delete", network).errors.contains("in use"))

        // What it is made of is changed: it is made anew; what a person says beside that leaves it alone.
        try await client("config", "set", "c1", "user.note=x")
        #expect(try await host("extra")?.index == link.index)
        try await client("config", "device", "set", "c1", "extra", "mtu", "1400")
        #expect(try await shell("c1", "cat /sys/class/net/eth1/mtu /sys/class/net/eth1/address") == "1400\n\(address)")
        try await client("config", "device", "set", "c1", "extra", "name", "lan0")
        #expect(try await interfaces() == ["eth0", "lan0"])

        // Another daemon knows it as well, and takes it away, without a trace on either side.
        try await stop()
        try await start()
        let left = try #require(try await host("extra"))
        try await client("network", "detach", network, "c1")
        #expect(try await interfaces() == ["eth0"])
        #expect(try NetlinkSession().links().allSatisfy { $0.index != left.index })
        #expect(try await instance("c1").config.keys.filter { $0.hasPrefix("volatile.extra.") } == [])
        try await client("network", "delete", network)
        try await stop("c1", force: true)
    }

    fileprivate func refusesInterfaces() async throws {
        let network = try await network()
        try await launch("c1")
        // Busybox calls the other end veth0.
        try await shell("c1", "ip link add eth1 type veth")
        let before = try await instance("c1")
        let links = try NetlinkSession().links().count
        let taken = try await lx.run("network", "attach", network, "c1", "extra", "eth1")
        #expect(taken.status == 1 && taken.errors.contains("eth1") && taken.errors.contains("another name"))
        #expect(try await instance("c1").devices == before.devices)
        #expect(try NetlinkSession().links().count == links)
        // One of several: those that went well are taken back, and what is there stays in use.
        let address = try await shell("c1", "cat /sys/class/net/eth0/address")
        var update = Instance.Update(config: [:])
        update.devices = [
            "eth0": ["type": "nic", "network": network, "name": "other0"],
            "good": ["type": "nic", "network": network, "name": "good0"],
            "late": ["type": "nic", "network": network, "name": "veth0"],
        ]
        let change = update
        let error = await #expect(throws: APIError.self) {
            _ = try await client.call(API.instances.patch, path: ["name": "c1"], body: change)
        }
        #expect(error?.status == 400 && error?.message.contains("late") == true)
        #expect(try await interfaces() == ["eth0", "eth1", "veth0"])
        #expect(try await shell("c1", "cat /sys/class/net/eth0/address") == address)
        #expect(try NetlinkSession().links().count == links)
        #expect(try await instance("c1").devices == before.devices)
    }
}
