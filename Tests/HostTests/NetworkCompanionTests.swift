import Glibc
import LexAPI
import LexHost
import LexIPC
import LexNetwork
import LexTestKit
import Testing

/// dnsmasq across the ends of lexd and its own.
@Suite struct NetworkCompanionTests {
    @Test func aKilledDnsmasqIsStartedAgain() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            await bench.watch(driver)
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await web.dhcp(bench.dhcpScript))
            let address = try await web.addresses("4")
            let server = "\(try #require(await driver.settings.ipv4).address)"
            for _ in 0..<2 {
                let old = try #require(bench.dnsmasq(bench.name()))
                try RunningProcess(old)?.signal(SIGKILL)
                try await eventually("another dnsmasq") { bench.dnsmasq(bench.name()).map { $0 != old } == true }
                // It remembers its leases and their names.
                try await eventually("an answer") {
                    try await web.resolve("web.lexd", "a", server: server) == address
                }
            }
            #expect(try await web.dhcp(bench.dhcpScript))
            #expect(try await web.addresses("4") == address)
            #expect(try bench.dnsmasqs().count == 1)
            #expect(bench.log.all.contains { $0.hasPrefix("warning dnsmasq ended") })
            // Ended on purpose, it stays away.
            try await driver.stop()
            try await Task.sleep(for: .milliseconds(300))
            #expect(try bench.dnsmasqs().isEmpty)
        }
    }

    @Test func aDnsmasqThatCannotStartIsTriedMoreAndMoreSeldom() async throws {
        try await withNetworkBench { bench in
            // A program that works once.
            let program = bench.directory + "/dnsmasq"
            try placeFile(
                program,
                "#!/bin/sh\nif [ -e \(program).once ]; then echo no luck >&2; exit 7; fi\n"
                    + "touch \(program).once; exec dnsmasq \"$@\"\n", mode: 0o755)
            let driver = try await bench.driver(["ipv6.address": "none"], dnsmasq: Tool(program))
            _ = try await driver.start()
            await bench.watch(driver)
            let begin = ContinuousClock.now
            try RunningProcess(try #require(bench.dnsmasq(bench.name())))?.signal(SIGKILL)
            try await eventually("three tries") { bench.log.all.filter { $0.contains("no luck") }.count >= 3 }
            // At once, after half a second, and after another one.
            #expect(begin.duration(to: .now) > .milliseconds(1500))
            // As soon as it can be started it is.
            unlink(program + ".once")
            try await eventually("a dnsmasq") { try bench.dnsmasqs().count == 1 }
        }
    }

    @Test func aNewLexdAdoptsWhatRuns() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver()
            _ = try await driver.start()
            let (web, nic) = try await bench.guest(driver, bench.nic("web", 1))
            #expect(try await web.dhcp(bench.dhcpScript))
            let process = try #require(bench.dnsmasq(bench.name()))
            let index = try #require(try NetlinkSession().link(named: bench.name())?.index)

            let second = try await bench.successor(driver)
            _ = try await second.start()
            #expect(bench.dnsmasq(bench.name()) == process)
            #expect(try bench.dnsmasqs() == [process])
            #expect(try NetlinkSession().link(named: bench.name())?.index == index)
            // It knows what the first one registered.
            let error = await #expect(throws: APIError.self) { try await second.attach(bench.nic("WEB", 2)) }
            #expect(error?.status == 409)
            // And looks after the process as its own.
            let stopSecond = await bench.watch(second)
            try RunningProcess(process)?.signal(SIGKILL)
            try await eventually("another dnsmasq") { bench.dnsmasq(bench.name()).map { $0 != process } == true }

            await stopSecond()

            // With other settings there is another process, and still one.
            let old = try #require(bench.dnsmasq(bench.name()))
            let third = try await bench.successor(driver, ["dns.domain": "other"])
            _ = try await third.start()
            #expect(bench.dnsmasq(bench.name()) != old)
            #expect(try bench.dnsmasqs().count == 1)
            let server = "\(try #require(await driver.settings.ipv4).address)"
            #expect(try await web.resolve("web.other", "a", server: server) == web.addresses("4"))

            // Its pid file was lost.
            let kept = try #require(bench.dnsmasq(bench.name()))
            try removeFile("\(bench.directory)/networks/\(bench.name())/dnsmasq.pid")
            _ = try await bench.successor(driver, ["dns.domain": "other"]).start()
            #expect(try bench.dnsmasqs().count == 1)
            #expect(bench.dnsmasq(bench.name()) != kept)
            try await third.detach(nic)
        }
    }

    @Test func aPidFileThatNamesAnotherProcessHarmsNobody() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            let other = try ChildProcess("sleep", ["infinity"], environment: [:])
            defer { try? other.signal(SIGKILL) }
            let path = "\(bench.directory)/networks/\(bench.name())"
            try placeDirectory(path, mode: 0o711)
            try placeFile(path + "/dnsmasq.pid", "\(other.id)\n", mode: 0o644)
            _ = try await driver.start()
            #expect(bench.dnsmasq(bench.name()) != other.id)
            try placeFile(path + "/dnsmasq.pid", "\(other.id)\n", mode: 0o644)
            try await driver.stop()
            #expect(!other.hasEnded)
            // The one it could not find any more is a leftover.
            let left = try await Leftovers.find(
                identity: bench.identity, directory: bench.directory + "/networks", networks: [], hostNames: [])
            await left.remove(bench.logger)
            #expect(try bench.dnsmasqs().isEmpty)
        }
    }

    @Test func leftoversAreFoundAndRemoved() async throws {
        try await withNetworkBench { bench in
            let (kept, gone) = (
                try await bench.driver(name: bench.name("0")), try await bench.driver(name: bench.name("1"))
            )
            _ = try await kept.start()
            _ = try await gone.start()
            let (running, dead) = (
                try await kept.attach(bench.nic("run", 1)), try await kept.attach(bench.nic("dead", 2))
            )
            func find() async throws -> Leftovers {
                try await Leftovers.find(
                    identity: bench.identity, directory: bench.directory + "/networks",
                    networks: [bench.name("0")], hostNames: [running.hostName])
            }
            let left = try await find()
            #expect(left.nics == [Leftovers.AttachedLink(owner: dead.owner, hostName: dead.hostName)])
            #expect(left.bridges == [bench.name("1")])
            #expect(left.directories == ["\(bench.directory)/networks/\(bench.name("1"))"])
            await left.remove(bench.logger)
            try await kept.forget(except: [running.owner])
            #expect(try await find().isEmpty)
            let names = Set(try NetlinkSession().links().map(\.name))
            #expect(names.isSuperset(of: [bench.name("0"), running.hostName]))
            #expect(names.isDisjoint(with: [bench.name("1"), dead.hostName]))
            #expect(try bench.dnsmasqs().count == 1)
            // The name of what was forgotten is free.
            let again = try await kept.attach(bench.nic("dead", 3))
            try await kept.detach(again)
            try await kept.detach(running)
        }
    }

    @Test func theSubnetAndTheRestCanBeChanged() async throws {
        try await withNetworkBench { bench in
            let driver = try await bench.driver(["ipv6.address": "none"])
            _ = try await driver.start()
            let (web, _) = try await bench.guest(driver, bench.nic("web", 1))
            var settings = await driver.settings
            settings.ipv4 = IPv4Subnet(configText: "10.254.253.1/24")
            settings.ipv6 = IPv6Subnet(configText: "fd42:fefd:1:1::1/64")
            settings.mtu = 1400
            _ = try await driver.reconfigure(settings)
            let state = try #require(try await Network.State.read(bench.name()))
            let addresses = state.addresses.filter { $0.scope == "global" }.map(\.address)
            #expect(addresses == ["10.254.253.1", "fd42:fefd:1:1::1"] && state.mtu == 1400)
            #expect(try await web.dhcp(bench.dhcpScript))
            #expect(try await web.addresses("4").first?.hasPrefix("10.254.253.") == true)
            settings.ipv4 = nil
            settings.ipv6 = nil
            _ = try await driver.reconfigure(settings)
            #expect(try bench.dnsmasqs().isEmpty)
            #expect(try await Network.State.read(bench.name())?.addresses == [])
        }
    }
}
