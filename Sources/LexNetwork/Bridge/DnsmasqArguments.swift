import LexAPI
package import LexHost

/// The arguments dnsmasq gets for one network (dnsmasq(8)). The running process is compared with them, so they are all
/// there is of its configuration.
package enum DnsmasqArguments {
    /// The arguments after the program's name; nil for a network that has no address, which needs no dnsmasq.
    package static func make(
        _ settings: BridgeSettings, directory: NetworkDirectory, account: Account
    ) -> [String]? {
        guard settings.ipv4 != nil || settings.ipv6 != nil else { return nil }
        var arguments = [
            // By this path `Dnsmasq` knows its own.
            "--pid-file=\(directory.pidFile)",
            // Nothing of the host's own configuration and hosts file.
            "--conf-file=\(settings.rawDnsmasq.isEmpty ? "" : directory.raw(settings.rawDnsmasq))", "--no-hosts",
            "--user=\(account.name)", "--group=\(account.groupName)",
            // Only on the bridge, so that other name servers keep theirs; addresses of the bridge may come later.
            "--interface=\(settings.name)", "--except-interface=lo", "--bind-dynamic", "--strict-order",
        ]
        if settings.dnsMode != .none {
            arguments += [
                "--domain=\(settings.domain)", "--local=/\(settings.domain)/",
                "--interface-name=_gateway.\(settings.domain),\(settings.name)",
            ]
        }
        arguments += ["--hostsdir=\(directory.names)", "--quiet-dhcp", "--quiet-dhcp6", "--quiet-ra"]
        if settings.givesIPv4 || settings.ipv6 != nil {
            arguments += ["--dhcp-leasefile=\(directory.leases)", "--dhcp-hostsdir=\(directory.hosts)"]
            // A guest's own word for its name counts for nothing: names come from the files lexd writes.
            if settings.dnsMode != .dynamic { arguments.append("--dhcp-ignore-names") }
            let count = leases(settings)
            // The default is 1000.
            if count > 0 { arguments.append("--dhcp-lease-max=\(min(count, 65536))") }
        }
        if settings.givesIPv4 { arguments += ipv4(settings) }
        if settings.ipv6 != nil { arguments += ipv6(settings) }
        return arguments
    }

    private static func ipv4(_ settings: BridgeSettings) -> [String] {
        var arguments = [
            "--dhcp-authoritative", "--dhcp-no-override", "--dhcp-rapid-commit",
            // Answer at once. The range is ours alone, and an address in use would be seen by its lease.
            "--no-ping",
        ]
        for range in ranges4(settings) {
            arguments.append("--dhcp-range=\(range.first),\(range.last),\(settings.ipv4Expiry?.text ?? "1h")")
        }
        if settings.mtu != 1500 { arguments.append("--dhcp-option-force=26,\(settings.mtu)") }
        if let gateway = settings.ipv4Gateway { arguments.append("--dhcp-option-force=3,\(gateway)") }
        if !settings.searchDomains.isEmpty {
            arguments.append("--dhcp-option-force=119,\(settings.searchDomains.joined(separator: ","))")
        }
        return arguments
    }

    private static func ipv6(_ settings: BridgeSettings) -> [String] {
        var arguments = ["--enable-ra"]
        if settings.givesIPv6, let subnet = settings.ipv6 {
            for range in ranges6(settings) {
                arguments.append(
                    "--dhcp-range=\(range.first),\(range.last),\(subnet.prefix),\(settings.ipv6Expiry?.text ?? "1h")")
            }
        } else {
            var modes = settings.ipv6DHCP ? "ra-stateless" : "ra-only"
            // The address a guest makes of its hardware address gets the name its IPv4 lease has, once it answered.
            if settings.givesIPv4, settings.dnsMode != .none { modes += ",ra-names" }
            arguments.append("--dhcp-range=::,constructor:\(settings.name),\(modes)")
        }
        if !settings.searchDomains.isEmpty {
            arguments.append(
                "--dhcp-option-force=option6:domain-search,\(settings.searchDomains.joined(separator: ","))")
        }
        return arguments
    }

    private static func ranges4(_ settings: BridgeSettings) -> [AddressRange] {
        if !settings.ipv4Ranges.isEmpty { return settings.ipv4Ranges }
        guard let subnet = settings.ipv4 else { return [] }
        let (first, last) = range(of: subnet)
        return [AddressRange(.v4(first), .v4(last))].compactMap(\.self)
    }

    private static func ranges6(_ settings: BridgeSettings) -> [AddressRange] {
        if !settings.ipv6Ranges.isEmpty { return settings.ipv6Ranges }
        guard let subnet = settings.ipv6 else { return [] }
        // From ::2 on, as LXD has it; dnsmasq leaves the bridge's own address out.
        var groups = subnet.firstAddress.groups
        if let last = groups.popLast() { groups.append(last | 2) }
        return [IPv6Address(groups: groups).flatMap { AddressRange(.v6($0), .v6(subnet.lastAddress)) }]
            .compactMap(\.self)
    }

    /// How many addresses can be given out.
    private static func leases(_ settings: BridgeSettings) -> UInt32 {
        var count: UInt32 = settings.givesIPv6 ? 65536 : 0
        for case (.v4(let first), .v4(let last)) in settings.givesIPv4
            ? ranges4(settings).map({ ($0.first, $0.last) }) : []
        {
            count = count.addingReportingOverflow(last.value - first.value + 1).partialValue
        }
        return count
    }

    /// The first and the last address that are given out: all of the subnet, without the bridge's own where that is
    /// at an end. (Elsewhere dnsmasq leaves it out by itself.)
    static func range(of subnet: IPv4Subnet) -> (first: IPv4Address, last: IPv4Address) {
        var first = subnet.network.value + 1
        var last = subnet.broadcast.value - 1
        if subnet.address.value == first { first += 1 }
        if subnet.address.value == last { last -= 1 }
        return (IPv4Address(first), IPv4Address(last))
    }
}
