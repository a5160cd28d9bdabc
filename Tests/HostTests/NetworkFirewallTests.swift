import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import Testing

/// Other firewalls on the host. They drop only what comes from the links of one test: the rest of the machine is not
/// disturbed.
@Suite(.serialized) struct NetworkFirewallTests {
    /// Rules as Docker, or a person, would make them, for both families.
    private func nft(_ bench: NetworkBench, _ rules: String, tables: [String]) async throws {
        for table in tables {
            let words = table.split(separator: " ").map(String.init)
            let exists = try FirewallChain.all().contains { $0.family == words[0] && $0.table == words[1] }
            try #require(!exists, "a test of firewalls needs a host without the table \(table)")
        }
        await bench.undoing.add {
            for table in tables {
                _ = try await Tool("nft").run(["delete", "table"] + table.split(separator: " ").map(String.init))
            }
        }
        try await Tool("nft").check(["-f", "-"], input: rules, doing: "make another firewall")
    }

    private func dockerRules(_ family: String, _ bench: NetworkBench) -> String {
        """
        table \(family) filter {
            chain DOCKER-USER { }
            chain FORWARD {
                type filter hook forward priority 0; policy drop;
                jump DOCKER-USER
                iifname != "\(bench.id)*" accept
            }
        }

        """
    }

    @Test func throughDocker() async throws {
        try await withNetworkBench { bench in
            let outside = try await bench.outside()
            let driver = try await bench.driver()
            _ = try await driver.start()
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await web.dhcp(bench.dhcpScript))
            try await eventually("an IPv6 address") { try await web.addresses("6").count == 1 }
            try await eventually("an answer from outside") { try await web.ping(outside.ipv6) }

            // Docker comes after lexd.
            try await nft(
                bench, dockerRules("ip", bench) + dockerRules("ip6", bench),
                tables: ["ip filter", "ip6 filter"])
            #expect(try await !web.ping(outside.ipv4))
            #expect(try await !web.ping(outside.ipv6))
            #expect(try await bench.firewall.recheck() == [])
            #expect(try await web.ping(outside.ipv4))
            #expect(try await web.ping(outside.ipv6))

            // Told by the kernel, when Docker makes its chain anew.
            let task = Task { await bench.firewall.watch() }
            await bench.undoing.add {
                task.cancel()
                await task.value
            }
            try await Tool("nft").check(["flush", "chain", "ip", "filter", "DOCKER-USER"], doing: "flush")
            try await eventually("Docker's chain is right again") { try await web.ping(outside.ipv4) }
            task.cancel()
            await task.value

            // Docker first, then lexd: also fine; and twice is once.
            _ = try await driver.start()
            _ = try await bench.firewall.recheck()
            let list = try await Tool("nft").check(["list", "chain", "ip", "filter", "DOCKER-USER"], doing: "list")
            #expect(list.split(separator: "\n").filter { $0.contains(bench.identity.tag) }.count == 2)
            try await driver.delete()
            for family in ["ip", "ip6"] {
                let left = try await Tool("nft").check(
                    ["list", "chain", family, "filter", "DOCKER-USER"], doing: "list")
                #expect(!left.contains(bench.identity.tag))
            }
        }
    }

    /// Docker, or a person, changes the chain after lexd has looked and before it reads or writes.
    @Test func dockersChainGoesOrChangesMeanwhile() async throws {
        try await withNetworkBench { bench in
            let chain = "filter DOCKER-USER"
            for (moment, meddling) in [
                ("list chain", "nft delete table ip filter"),
                ("list chain", "nft flush chain ip \(chain); nft delete chain ip \(chain)"),
                // The rules of a bridge that was: lexd has their handles, and they are gone.
                ("-f -", "nft flush chain ip \(chain)"),
            ] {
                try await nft(
                    bench,
                    """
                    table ip filter {
                        chain DOCKER-USER { iifname "gone" accept comment "\(bench.identity.tag) from gone" ; }
                    }

                    """, tables: ["ip filter"])
                let (program, done) = ("\(bench.directory)/nft", "\(bench.directory)/meddled")
                // Only the first write after a look at the chain is meddled with.
                try placeFile(
                    program,
                    """
                    #!/bin/sh
                    case "$*" in *"list chain"*) : >\(done).looked ;; esac
                    case "$*" in
                    *"\(moment)"*) [ -e \(done).looked ] && [ ! -e \(done) ] && { : >\(done); \(meddling); } ;;
                    esac
                    exec nft "$@"

                    """, mode: 0o755)
                let firewall = Firewall(identity: bench.identity, nft: Tool(program), logger: bench.logger)
                let driver = try await bench.driver(["ipv6.address": "none"], firewall: firewall)
                _ = try await driver.start()
                #expect(access(done, F_OK) == 0, "nothing came between: \(moment)")
                if try FirewallChain.all().contains(where: { $0.family == "ip" && $0.name == "DOCKER-USER" }) {
                    let list = try await Tool("nft").check(
                        ["list", "chain", "ip", "filter", "DOCKER-USER"], doing: "list")
                    #expect(list.contains("\(bench.identity.tag) from \(bench.name())"))
                }
                try await driver.delete()
                for path in [done, done + ".looked"] { unlink(path) }
                _ = try await Tool("nft").run(["delete", "table", "ip", "filter"])
            }
        }
    }

    @Test func aForwardChainThatDropsIsReported() async throws {
        try await withNetworkBench { bench in
            let table = bench.id + "fw"
            try await nft(
                bench,
                """
                table inet \(table) {
                    chain forward {
                        type filter hook forward priority 0; policy drop;
                        iifname != "\(bench.id)*" accept
                    }
                }

                """, tables: ["inet \(table)"])
            let driver = try await bench.driver()
            let warnings = try await driver.start()
            #expect(warnings.count == 1)
            let text = warnings.first?.text ?? ""
            #expect(text.contains("inet \(table) forward") && text.contains("iifname \"\(bench.name())\""), "\(text)")
            // No longer when somebody has followed the advice.
            try await Tool("nft").check(
                ["add", "rule", "inet", table, "forward", "iifname", "{ \"\(bench.name())\", \"lo\" }", "accept"],
                doing: "allow it")
            #expect(try await bench.firewall.recheck() == [])
        }
    }

    @Test func aFlushedTableComesBack() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let task = Task { await bench.firewall.watch() }
            await bench.undoing.add {
                task.cancel()
                await task.value
            }
            // As `nft flush ruleset` does to all tables.
            for _ in 0..<2 {
                try await Tool("nft").check(["delete", "table", "inet", bench.identity.tag], doing: "delete")
                try await eventually("our table") { try bench.hasTable() }
            }
        }
    }

    @Test func aNewLexdDoesNotForgetTheOtherNetworks() async throws {
        try await withNetworkBench { bench in
            let (one, two) = (
                try await bench.driver(name: bench.name("0")), try await bench.driver(name: bench.name("1"))
            )
            _ = try await one.start()
            _ = try await two.start()
            let firewall = Firewall(identity: bench.identity, logger: bench.logger)
            await firewall.expect([await one.settings, await two.settings])
            _ = try await firewall.put(await one.settings)
            let list = try await Tool("nft").check(["list", "table", "inet", bench.identity.tag], doing: "list")
            #expect(list.contains("\"\(bench.name("0"))\"") && list.contains("\"\(bench.name("1"))\""))
        }
    }

    @Test func saysThatNftIsMissingOrFails() async throws {
        try await withNetworkBench { bench in
            for (program, word) in [
                ("/nonexistent/nft", "is the package nftables installed?"), ("/bin/false", "ended with 1"),
            ] {
                let firewall = Firewall(identity: bench.identity, nft: Tool(program), logger: bench.logger)
                let driver = try await bench.driver(["ipv6.address": "none"], firewall: firewall)
                let error = await #expect(throws: APIError.self) { _ = try await driver.start() }
                #expect(error?.message.contains("write the firewall table inet \(bench.identity.tag)") == true)
                #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
                #expect(try NetlinkSession().link(named: bench.name()) == nil)
            }
        }
    }
}
