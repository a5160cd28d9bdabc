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
            "--conf-file=", "--no-hosts",
            "--user=\(account.name)", "--group=\(account.groupName)",
            // Only on the bridge, so that other name servers keep theirs; addresses of the bridge may come later.
            "--interface=\(settings.name)", "--except-interface=lo", "--bind-dynamic",
            "--strict-order", "--domain=\(settings.domain)", "--local=/\(settings.domain)/",
            "--interface-name=_gateway.\(settings.domain),\(settings.name)",
            "--hostsdir=\(directory.names)",
            "--quiet-dhcp", "--quiet-dhcp6", "--quiet-ra",
        ]
        if settings.givesIPv4 || settings.ipv6 != nil {
            arguments += [
                "--dhcp-leasefile=\(directory.leases)", "--dhcp-hostsdir=\(directory.hosts)",
                // A guest's own word for its name counts for nothing: names come from the files lexd writes.
                "--dhcp-ignore-names",
            ]
        }
        if let subnet = settings.ipv4, settings.ipv4DHCP {
            let range = Self.range(of: subnet)
            arguments += [
                "--dhcp-authoritative", "--dhcp-no-override", "--dhcp-rapid-commit",
                // Answer at once. The range is ours alone, and an address in use would be seen by its lease.
                "--no-ping",
                "--dhcp-range=\(range.first),\(range.last),1h",
                // The default is 1000.
                "--dhcp-lease-max=\(min(range.last.value - range.first.value + 1, 65536))",
            ]
            if settings.mtu != 1500 { arguments.append("--dhcp-option-force=26,\(settings.mtu)") }
        }
        if settings.ipv6 != nil {
            var modes = settings.ipv6DHCP ? "ra-stateless" : "ra-only"
            // The address a guest makes of its hardware address gets the name its IPv4 lease has, once it answered.
            if settings.givesIPv4 { modes += ",ra-names" }
            arguments += ["--enable-ra", "--dhcp-range=::,constructor:\(settings.name),\(modes)"]
        }
        return arguments
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
