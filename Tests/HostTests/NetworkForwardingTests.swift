import Glibc
import LexHost
import LexNetwork
import Testing

/// What becomes of the host's own way out when it begins to pass packets on. The test runs itself again in a network
/// namespace of its own, in the role of a host that has never passed any.
@Suite struct NetworkForwardingTests {
    private static let variable = "LEXD_TEST_IN_A_NAMESPACE"
    private static var isInside: Bool { getenv(variable) != nil }

    @Test(.enabled(if: !isInside)) func theHostKeepsItsDefaultRoute() async throws {
        let program = try #require(CommandLine.arguments.first)
        let output = try await Tool("unshare", environment: [Self.variable: "yes"]).run([
            "-n", program, "--testing-library", "swift-testing", "--filter", "inside_theHostKeepsItsDefaultRoute",
        ])
        #expect(output.status == 0, "\(output.text)\(output.errors)")
        #expect(output.text.contains("1 test") || output.errors.contains("1 test"))
    }

    @Test(.enabled(if: isInside)) func inside_theHostKeepsItsDefaultRoute() async throws {
        try await withNetworkBench { bench in
            func ip(_ arguments: String...) async throws { try await Tool("ip").check(arguments, doing: "make a host") }
            let router = try await bench.namespace("-rt")
            let uplink = bench.id + "u"
            try await ip("link", "set", "lo", "up")
            try await ip("link", "add", uplink, "type", "veth", "peer", "name", "eth0", "netns", router.namespace)
            _ = try await router.run("busybox", "sysctl", "-w", "net.ipv6.conf.all.forwarding=1")
            _ = try await router.run("ip", "link", "set", "eth0", "up")
            _ = try await router.run("ip", "-6", "addr", "add", "fd77::1/64", "dev", "eth0", "nodad")
            try await ip("link", "set", uplink, "up")
            _ = try await router.run(
                "dnsmasq", "--conf-file=", "--pid-file=", "--port=0", "--interface=eth0", "--bind-dynamic",
                "--enable-ra", "--dhcp-range=::,constructor:eth0,ra-only")
            func hasWayOut() async throws -> Bool {
                try await Tool("ip").run(["-6", "route", "show", "default"]).text.contains(uplink)
            }
            try await eventually("a default route", within: .seconds(20)) { try await hasWayOut() }
            #expect(KernelSetting("net/ipv6/conf/all/forwarding").value == "0")

            let driver = try await bench.driver()
            _ = try await driver.start()
            #expect(KernelSetting("net/ipv6/conf/all/forwarding").value == "1")
            #expect(KernelSetting("net/ipv6/conf/\(uplink)/accept_ra").value == "2")
            #expect(KernelSetting("net/ipv6/conf/default/accept_ra").value == "1")
            #expect(try await hasWayOut())
            #expect(bench.log.all.contains { $0.contains("\(uplink)/accept_ra=2") && $0.contains("all/forwarding=1") })
        }
    }
}
