import FoundationEssentials
import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// Networks that are changed, their forwards and ACLs, through both clients.
    @Suite struct NetworkChanges {
        @Test(arguments: ClientProgram.allCases)
        func keysAreBroughtToTheBridge(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.changesKeys(daemon.program(name))
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func whatCannotBeChangesNothing(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.refusesKeys(daemon.program(name))
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func renaming(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.renamesNetwork(daemon.program(name))
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func forwards(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.managesForwards(daemon.program(name))
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func acls(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.managesACLs(daemon.program(name))
            }
        }

        /// A pair of somebody's own is an interface like others; those of instances are not.
        @Test(arguments: ClientProgram.allCases)
        func pairsOfOthers(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let pair = "lt" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
                try NetlinkSession().createVethPair(VethEnd(name: pair + "a"), VethEnd(name: pair + "b"), mtu: 1400)
                do { try await daemon.usePair(pair + "a", daemon.program(name)) } catch {
                    try? NetlinkSession().deleteLink(pair + "a")
                    throw error
                }
                try NetlinkSession().deleteLink(pair + "a")
            }
        }

        /// Both clients print the same.
        @Test func listsAreTheSame() async throws {
            try await withDaemon { daemon in
                try await daemon.comparesNetworkLists()
            }
        }

        /// A forward and an ACL do to packets of containers what they say, also after lexd was killed.
        @Test func packetsOfContainers() async throws {
            try await withDaemon { daemon in
                try await daemon.sendsPackets()
            }
        }
    }
}

extension DaemonFixture {
    fileprivate func bridge() -> String { "lt\(UInt16.random(in: 0...UInt16.max))" }

    fileprivate func config(_ network: String) async throws -> [String: String] {
        try await client.call(API.networks.get, path: ["name": network]).config
    }

    fileprivate func changesKeys(_ client: Program) async throws {
        let name = bridge()
        try await client("network", "create", name, "ipv4.address=10.213.81.1/24", "ipv6.address=none")
        let before = try await config(name)
        try await client("launch", "busybox", "c1", "-n", name)
        let address = try await eventually("an address") {
            try await self.state("c1").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
        }
        try await client(
            "network", "set", name, "ipv4.dhcp.ranges=10.213.81.200-10.213.81.210", "ipv4.routes=10.213.82.0/24",
            "bridge.mtu=1400", "dns.search=a.example,b.example", "user.a=b")
        try await client("network", "set", name, "bridge.hwaddr", "00:16:3e:0a:0b:0c")
        let ip = try await Program("ip")("-d", "link", "show", name)
        #expect(ip.contains("mtu 1400") && ip.contains("00:16:3e:0a:0b:0c"), "\(ip)")
        #expect(try await Program("ip")("route", "show", "10.213.82.0/24").contains("dev \(name)"))
        // The instance keeps its link and its address, and takes one of the new ones when it asks again.
        #expect(try await Program("ip")("link", "show", "master", name).contains("lexd"))
        #expect(try await exec("c1", "ip", "addr").text.contains(address))
        try await self.client.call(
            API.networks.patch, path: ["name": name], body: .init(description: "d", config: ["user.a": ""]))
        try await client("network", "unset", name, "ipv4.routes")
        #expect(try await Program("ip")("route", "show", "10.213.82.0/24").isEmpty)
        let after = try await config(name)
        #expect(after["user.a"] == nil && after["ipv4.routes"] == nil && after["dns.search"] == "a.example,b.example")
        #expect(after["volatile.bridge.hwaddr"] == before["volatile.bridge.hwaddr"])
        try await changeState("c1", "restart", timeout: 20)
        try await eventually("an address of the new range") {
            try await self.state("c1").network?["eth0"]?.addresses.contains {
                $0.address.hasPrefix("10.213.81.20") || $0.address == "10.213.81.210"
            } == true
        }
        try await client("delete", "-f", "c1")

        // A fixed address is given, and the network cannot be changed away from under it.
        try await client("init", "busybox", "c2", "-n", name)
        try await client("config", "device", "set", "c2", "eth0", "ipv4.address=10.213.81.77")
        try await client("start", "c2")
        try await eventually("its fixed address") {
            try await self.state("c2").network?["eth0"]?.addresses.contains { $0.address == "10.213.81.77" } == true
        }
        #expect(try await client("network", "list-leases", name, "-f", "csv").contains("10.213.81.77,STATIC"))
        let refused = try await client.run(
            "network", "set", name, "ipv4.address=10.213.83.1/24", "ipv4.dhcp.ranges=10.213.83.2-10.213.83.9")
        #expect(refused.status == 1 && refused.errors.contains("10.213.81.77"), "\(refused.errors)")
        #expect(try await config(name)["ipv4.address"] == "10.213.81.1/24")
        try await client("delete", "-f", "c2")

        // The whole of it from a file.
        let edited = try await client.run(
            ["network", "edit", name], input: .text("config:\n  ipv4.address: 10.213.83.1/24\ndescription: edited\n"))
        #expect(edited.status == 0, "\(edited.errors)")
        #expect(try await client("network", "show", name).contains("description: edited\n"))
        #expect(try await Program("ip")("addr", "show", name).contains("10.213.83.1/24"))
        try await client("network", "delete", name)
    }

    fileprivate func usePair(_ card: String, _ client: Program) async throws {
        try await client("launch", "busybox", "c1")
        // The tables of both clients leave out what is of no kind LXD has a word for.
        let list = try await self.client.call(API.networks.list, as: [String].self)
        #expect(list.contains("/1.0/networks/\(card)"), "\(list)")
        let end = try #require(try await instance("c1").config["volatile.eth0.host_name"])
        #expect(!list.contains("/1.0/networks/\(end)"), "\(list)")
        #expect(try await client("network", "show", card).contains("managed: false"))
        #expect(try await client.run("network", "show", end).status == 1)
        try await client("network", "attach", card, "c1", "eth1")
        #expect(try await instance("c1").devices["eth1"]?["parent"] == card)
        try await client("delete", "-f", "c1")

        // What the way of a tunnel lets through is said, also where bridge.mtu is set.
        let name = bridge()
        try await client("network", "create", name, "ipv4.address=none", "ipv6.address=none", "bridge.mtu=1400")
        let wish = ["network", "set", name, "tunnel.a.protocol=vxlan", "tunnel.a.interface=\(card)"]
        let refused = try await client.run(wish)
        #expect(refused.status == 1 && refused.errors.contains("set bridge.mtu to 1350 or less"), "\(refused.errors)")
        let taken = try await client.run(wish + ["bridge.mtu=1350"])
        #expect(taken.status == 0, "\(taken.errors)")
        for family in ["ipv4", "ipv6"] {
            let route = "\(family).routes=" + (family == "ipv4" ? "10.213.89.0/24" : "fd42:9::/64")
            let refused = try await client.run("network", "set", name, route)
            #expect(refused.status == 1 && refused.errors.contains("\(family).routes"), "\(refused.errors)")
        }
        try await client("network", "delete", name)
    }

    fileprivate func refusesKeys(_ client: Program) async throws {
        let name = bridge()
        try await client(
            "network", "create", name, "ipv4.address=10.213.84.1/24", "ipv6.address=none", "user.a=b")
        let before = try await config(name)
        let links = try await Program("ip")("-o", "addr", "show", name)
        for bad in [
            "nonsense=1", "ipv4.address=nonsense", "bridge.driver=openvswitch", "bridge.mode=fan", "bgp.peers.a.asn=1",
            "maas.subnet.ipv4=x", "raw.dnsmasq=dhcp-script=/bin/sh", "raw.dnsmasq=dhcp-range=nonsense",
            "ipv4.dhcp.ranges=10.9.9.1-10.9.9.2", "security.acls=nope", "bridge.external_interfaces=lo",
            "ipv4.routes=10.213.84.0/24", "volatile.bridge.hwaddr=00:16:3e:00:00:01",
            "ipv4.ovn.ranges=10.213.84.9-10.213.84.10",
            "tunnel.a.protocol=ipip",
        ] {
            let result = try await client.run("network", "set", name, bad)
            #expect(result.status == 1, "\(bad)")
            #expect(!result.errors.isEmpty)
        }
        #expect(try await config(name) == before)
        #expect(try await Program("ip")("-o", "addr", "show", name) == links)
        // With the network working as before.
        try await client("launch", "busybox", "c1", "-n", name)
        _ = try await eventually("an address") {
            try await self.state("c1").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
        }
        let update = Network.Update(description: "", config: [:])
        await #expect(throws: (any Error).self) {
            try await self.client.call(
                API.networks.update, path: ["name": name], body: update, ifMatch: "\"abc\"")
        }
        #expect(try await config(name) == before)
        for bad in [
            ["network", "set", "lo", "user.a=b"], ["network", "rename", "lo", "abc"],
            ["network", "set", "nope0", "user.a=b"],
        ] {
            #expect(try await client.run(bad).status == 1, "\(bad)")
        }
        try await client("delete", "-f", "c1")
        try await client("network", "delete", name)
    }

    fileprivate func renamesNetwork(_ client: Program) async throws {
        let (old, new) = (bridge(), bridge())
        try await client("network", "create", old, "ipv4.address=10.213.85.1/24", "ipv6.address=none")
        try await client("network", "forward", "create", old, "203.0.113.5", "target_address=10.213.85.9")
        try await client("init", "busybox", "c1", "-n", old)
        let used = try await client.run("network", "rename", old, new)
        #expect(used.status == 1 && used.errors.contains("Network is currently in use"), "\(used.errors)")
        try await client("delete", "c1")
        for bad in ["x", "eth0", "lo", try await network()] {
            #expect(try await client.run("network", "rename", old, bad).status == 1, "\(bad)")
        }
        #expect(try await client("network", "rename", old, new) == "Network \(old) renamed to \(new)\n")
        #expect(try await Program("ip").run("link", "show", old).status != 0)
        #expect(try await Program("ip")("addr", "show", new).contains("10.213.85.1/24"))
        #expect(try await client("network", "forward", "list", new, "-f", "csv") == "203.0.113.5,,10.213.85.9,0\n")
        try await client("launch", "busybox", "c1", "-n", new)
        _ = try await eventually("an address") {
            try await self.state("c1").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
        }
        try await client("delete", "-f", "c1")
        try await client("network", "delete", new)
    }

    fileprivate func managesForwards(_ client: Program) async throws {
        let name = bridge()
        try await client("network", "create", name, "ipv4.address=10.213.86.1/24", "ipv6.address=fd42:213:86::1/64")
        let address = "203.0.113.50"
        #expect(
            try await client("network", "forward", "create", name, address, "user.x=y")
                == "Network forward \(address) created\n")
        try await client("network", "forward", "set", name, address, "target_address=10.213.86.9")
        #expect(try await client("network", "forward", "get", name, address, "target_address") == "10.213.86.9\n")
        try await client("network", "forward", "unset", name, address, "target_address")
        try await client("network", "forward", "port", "add", name, address, "tcp", "80,90-91", "10.213.86.5")
        try await client("network", "forward", "port", "add", name, address, "udp", "53", "10.213.86.5", "5353")
        try await client("network", "forward", "port", "add", name, address, "udp", "54", "10.213.86.5")
        #expect(
            try await client("network", "forward", "show", name, address) == """
                description: ""
                config:
                  user.x: "y"
                ports:
                - description: ""
                  protocol: tcp
                  listen_port: 80,90-91
                  target_port: ""
                  target_address: 10.213.86.5
                - description: ""
                  protocol: udp
                  listen_port: "53"
                  target_port: "5353"
                  target_address: 10.213.86.5
                - description: ""
                  protocol: udp
                  listen_port: "54"
                  target_port: ""
                  target_address: 10.213.86.5
                listen_address: \(address)
                location: none

                """)
        #expect(try await client("network", "forward", "ls", name, "-f", "csv") == "\(address),,,3\n")
        let several = try await client.run("network", "forward", "port", "remove", name, address, "udp")
        #expect(several.status == 1 && several.errors.contains("Multiple ports match. Use --force to remove them all"))
        try await client("network", "forward", "port", "remove", name, address, "udp", "54")
        try await client("network", "forward", "port", "remove", name, address, "--force")
        try await client("network", "forward", "create", name, "2001:DB8:ffff:0::5", "target_address=fd42:213:86::9")
        for bad in [
            [address], ["bad"], ["10.213.86.77"], ["127.0.0.1"], ["0.0.0.0"], ["224.0.0.1"], ["2001:db8:ffff::5"],
            ["203.0.113.51", "target_address=8.8.8.8"], ["203.0.113.51", "nonsense=1"],
            ["10.213.86.1", "target_address=10.213.86.9"], [try await network4()],
        ] { #expect(try await client.run(["network", "forward", "create", name] + bad).status == 1, "\(bad)") }
        // The network cannot leave its forwards behind.
        #expect(try await client.run("network", "set", name, "ipv6.address=fd42:213:87::1/64").status == 1)
        let edited = try await client.run(
            ["network", "forward", "edit", name, address], input: .text("description: edited\n"))
        #expect(edited.status == 0, "\(edited.errors)")
        #expect(try await client("network", "forward", "list", name, "-f", "csv").contains("\(address),edited,,0\n"))
        #expect(
            try await client("network", "forward", "delete", name, address) == "Network forward \(address) deleted\n")
        #expect(
            try await client.run("network", "forward", "show", name, address).errors.contains(
                "Network forward not found"))
        try await client("network", "delete", name)
    }

    /// The address of the first network's bridge.
    private func network4() async throws -> String {
        String((try await config(network())["ipv4.address"] ?? "").prefix { $0 != "/" })
    }

    fileprivate func managesACLs(_ client: Program) async throws {
        let name = bridge()
        #expect(try await client("network", "acl", "create", "web", "user.a=b") == "Network ACL web created\n")
        try await client(
            "network", "acl", "rule", "add", "web", "ingress", "action=allow", "protocol=tcp", "destination_port=80")
        try await client("network", "acl", "rule", "add", "web", "ingress", "action=allow", "protocol=udp")
        try await client(
            "network", "acl", "rule", "add", "web", "egress", "action=drop", "destination=192.0.2.4", "state=logged",
            "description=hi")
        for (words, text) in [
            (["foo", "action=allow"], "The direction argument must be one of: ingress, egress"),
            (["ingress", "foo=bar"], "Unknown key: foo"), (["ingress", "action=x"], "Action must be one of"),
            (["ingress", "action=allow", "protocol=udp"], "Duplicate of ingress rule 1"),
        ] {
            let result = try await client.run(["network", "acl", "rule", "add", "web"] + words)
            #expect(result.status == 1 && result.errors.contains(text), "\(words) \(result.errors)")
        }
        #expect(
            try await client("network", "acl", "show", "web") == """
                name: web
                description: ""
                egress:
                - action: drop
                  destination: 192.0.2.4
                  description: hi
                  state: logged
                ingress:
                - action: allow
                  protocol: tcp
                  destination_port: "80"
                  state: enabled
                - action: allow
                  protocol: udp
                  state: enabled
                config:
                  user.a: b
                used_by: []

                """)
        try await client(
            "network", "create", name, "ipv4.address=10.213.88.1/24", "ipv6.address=none", "security.acls=web")
        #expect(try await client("network", "acl", "list", "-f", "csv") == "web,,1\n")
        for words in [["delete", "web"], ["rename", "web", "other"]] {
            let result = try await client.run(["network", "acl"] + words)
            #expect(result.status == 1 && result.errors.contains("that is in use"), "\(result.errors)")
        }
        // What a bridge cannot have is refused while one uses it, and nothing is changed.
        let named = try await client.run(
            "network", "acl", "rule", "add", "web", "ingress", "action=allow", "source=@internal")
        #expect(named.status == 1 && named.errors.contains("@internal"), "\(named.errors)")
        #expect(try await !client("network", "acl", "show", "web").contains("@internal"))
        let log = try await client.run("network", "acl", "show-log", "web")
        #expect(log.status == 1 && log.errors.contains("Only OVN log entries may be retrieved at this time"))
        #expect(
            try await client.run("network", "acl", "rule", "remove", "web", "ingress", "action=allow").errors.contains(
                "Multiple rules match. Use --force to remove them all"))
        try await client("network", "acl", "rule", "remove", "web", "ingress", "protocol=udp")
        try await client("network", "acl", "set", "web", "user.c=d")
        #expect(try await client("network", "acl", "get", "web", "user.c") == "d\n")
        try await client("network", "acl", "unset", "web", "user.c")
        try await client("network", "unset", name, "security.acls")
        #expect(try await client("network", "acl", "rename", "web", "db") == "Network ACL web renamed to db\n")
        let edited = try await client.run(
            ["network", "acl", "edit", "db"],
            input: .text("description: ed\ningress:\n- action: allow\n  state: enabled\n"))
        #expect(edited.status == 0, "\(edited.errors)")
        #expect(try await client("network", "acl", "list", "-f", "csv") == "db,ed,0\n")
        for bad in ["1abc", "a_b", "db"] { #expect(try await client.run("network", "acl", "create", bad).status == 1) }
        #expect(try await client("network", "acl", "delete", "db") == "Network ACL db deleted\n")
        #expect(try await client.run("network", "acl", "show", "db").errors.contains("Network ACL not found"))
        try await client("network", "delete", name)
    }

    fileprivate func comparesNetworkLists() async throws {
        let name = bridge()
        try await lx("network", "create", name, "ipv4.address=10.213.89.1/24", "ipv6.address=none")
        try await lx("network", "acl", "create", "a1", "user.a=b")
        try await lx(
            "network", "acl", "rule", "add", "a1", "ingress", "action=allow", "source=10.0.0.0/8", "protocol=tcp")
        try await lx("network", "forward", "create", name, "203.0.113.60", "user.x=y")
        try await lx("network", "forward", "port", "add", name, "203.0.113.60", "tcp", "80", "10.213.89.5")
        for format in ["table", "csv", "compact", "json", "yaml"] {
            for words in [["network", "acl", "list"], ["network", "forward", "list", name]] {
                let (ours, theirs) = (
                    try await lx.run(words + ["-f", format]), try await lxc.run(words + ["-f", format])
                )
                #expect(ours.status == 0 && ours.text == theirs.text, "\(words) \(format)")
            }
        }
        for words in [
            ["network", "acl", "show", "a1"], ["network", "forward", "show", name, "203.0.113.60"],
            ["network", "show", name],
        ] {
            let (ours, theirs) = (try await lx.run(words), try await lxc.run(words))
            #expect(ours.status == 0 && ours.text == theirs.text, "\(words)")
        }
        // Interfaces of instances and profiles.
        for client in [program(.lx), program(.lxc)] {
            try await client("init", "busybox", "c1")
            try await client("network", "attach", name, "c1", "eth1", "eth7")
            let device = try await self.client.call(API.instances.get, path: ["name": "c1"]).devices["eth1"]
            #expect(device?["network"] == name && device?["name"] == "eth7")
            #expect(try await client.run("network", "detach", name, "c1", "eth9").status == 1)
            try await client("network", "detach", name, "c1")
            #expect(
                try await client.run("network", "detach", name, "c1").errors.contains(
                    "No device found for this network"))
            try await client("profile", "create", "p1")
            try await client("network", "attach-profile", name, "p1", "eth1")
            #expect(try await client.run("network", "delete", name).errors.contains("currently in use"))
            try await client("network", "detach-profile", name, "p1", "eth1")
            try await client("profile", "delete", "p1")
            try await client("delete", "c1")
        }
        try await lx("network", "delete", name)
        try await lx("network", "acl", "delete", "a1")
    }

    fileprivate func sendsPackets() async throws {
        let name = bridge()
        try await lx("network", "create", name, "ipv4.address=10.213.90.1/24", "ipv6.address=none")
        for (instance, address) in [("web", "10.213.90.5"), ("db", "10.213.90.6")] {
            try await lx("init", "busybox", instance, "-n", name)
            try await lx("config", "device", "set", instance, "eth0", "ipv4.address=\(address)")
            try await lx("start", instance)
            try await eventually("its address") {
                try await self.state(instance).network?["eth0"]?.addresses.contains { $0.address == address } == true
            }
        }
        try await shell("web", "mkdir -p /www; echo hello >/www/index; busybox httpd -p 8080 -h /www")
        try await lx("network", "forward", "create", name, "203.0.113.70")
        try await lx("network", "forward", "port", "add", name, "203.0.113.70", "tcp", "80", "10.213.90.5", "8080")
        let fetch = "printf 'GET /index HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 203.0.113.70 80"
        func reaches() async throws -> Bool { try await exec("db", "sh", "-c", fetch).text.hasSuffix("hello\n") }
        try await eventually("the web server by its forward") { try await reaches() }
        #expect(try await Program("sh").run("-c", fetch).text.hasSuffix("hello\n"))

        // What the instances may ask of elsewhere is decided; what they ask of each other is not.
        try await lx("network", "acl", "create", "closed")
        try await lx("network", "set", name, "security.acls=closed")
        func reachesHost() async throws -> Bool {
            try await exec("db", Instance.Exec(command: ["ping", "-c", "1", "-W", "2", "10.213.90.1"])).status == 0
        }
        #expect(try await !reachesHost())
        #expect(
            try await exec("db", Instance.Exec(command: ["ping", "-c", "1", "-W", "5", "10.213.90.5"])).status == 0)
        try await lx("network", "acl", "rule", "add", "closed", "egress", "action=allow", "protocol=icmp4")
        #expect(try await reachesHost())

        try await kill()
        try await start()
        #expect(try await reachesHost())
        #expect(try await lx("network", "forward", "list", name, "-f", "csv") == "203.0.113.70,,,1\n")
        try await lx("network", "acl", "rule", "remove", "closed", "egress", "action=allow")
        #expect(try await !reachesHost())
        try await lx("network", "unset", name, "security.acls")
        #expect(try await reaches())
        try await lx("delete", "-f", "web", "db")
        try await lx("network", "delete", name)
    }
}
