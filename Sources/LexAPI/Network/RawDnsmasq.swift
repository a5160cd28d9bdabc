/// The rules for `raw.dnsmasq`.
///
/// dnsmasq reads its configuration as root, and some of its options run programs, or read and write files anywhere. So
/// the options that may stand there are listed, all of them about what is answered on the network; what is not in the
/// list is refused, also what a later dnsmasq may bring.
public enum RawDnsmasq {
    /// The options that are allowed.
    public static let options: Set<String> = [
        // Names.
        "address", "alias", "bogus-nxdomain", "bogus-priv", "caa-record", "cname", "dns-rr", "domain",
        "domain-needed", "domain-suffix", "dynamic-host", "expand-hosts", "filter-A", "filter-AAAA", "filterwin2k",
        "host-record", "ignore-address", "interface-name", "local", "localise-queries", "localmx", "mx-host",
        "mx-target", "naptr-record", "ptr-record", "rebind-domain-ok", "rebind-localhost-ok", "rev-server", "selfmx",
        "server", "srv-host", "stop-dns-rebind", "synth-domain", "txt-record",
        // How names are asked for elsewhere and kept.
        "add-mac", "add-subnet", "all-servers", "auth-ttl", "cache-size", "clear-on-reload", "dns-forward-max",
        "dns-loop-detect", "dnssec", "dnssec-check-unsigned", "dnssec-no-timecheck", "edns-packet-max",
        "fast-dns-retry", "local-ttl", "max-cache-ttl", "max-port", "max-ttl", "min-cache-ttl", "min-port", "neg-ttl",
        "no-ident", "no-negcache", "no-poll", "no-resolv", "no-round-robin", "query-port", "strict-order",
        "strip-mac", "strip-subnet", "trust-anchor", "use-stale-cache",
        // DHCP.
        "dhcp-alternate-port", "dhcp-boot", "dhcp-broadcast", "dhcp-circuitid", "dhcp-client-update", "dhcp-fqdn",
        "dhcp-generate-names", "dhcp-host", "dhcp-ignore", "dhcp-ignore-clid", "dhcp-ignore-names", "dhcp-mac",
        "dhcp-match", "dhcp-name-match", "dhcp-no-override", "dhcp-option", "dhcp-option-force", "dhcp-option-pxe",
        "dhcp-proxy", "dhcp-range", "dhcp-rapid-commit", "dhcp-relay", "dhcp-remoteid", "dhcp-reply-delay",
        "dhcp-sequential-ip", "dhcp-subscrid", "dhcp-ttl", "dhcp-userclass", "dhcp-vendorclass", "pxe-prompt",
        "pxe-service", "shared-network", "tag-if",
        // Router advertisements.
        "enable-ra", "ra-param",
        // What the system's log is told.
        "log-debug", "log-dhcp", "log-queries", "quiet-dhcp", "quiet-dhcp6", "quiet-ra",
    ]

    /// The words that end "X must be …" for the first line that may not stand there; nil when all may.
    static func fault(in text: String) -> String? {
        guard text.utf8.count <= 65536 else { return "at most 65536 bytes" }
        guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 10 || $0 == 9 }) else {
            return "without control characters"
        }
        guard text.contains(where: { !$0.isWhitespace }) else { return "lines of dnsmasq.conf(5)" }
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            let option = line.prefix { $0 != "=" && $0 != " " && $0 != "\t" && $0 != "#" }
            guard options.contains(String(option)) else {
                return
                    "lines of dnsmasq.conf(5) about names, DHCP or router advertisements; \"\(clipped(String(option)))\""
                    + " in line \(number + 1) is no such option. Options that run programs, read or write files, or"
                    + " change where dnsmasq listens or as whom it runs are not allowed"
            }
        }
        return nil
    }
}
