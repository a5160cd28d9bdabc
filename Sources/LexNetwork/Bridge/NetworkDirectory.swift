import LexHost

/// The files of one network, all in a directory of its own.
///
/// dnsmasq reads `hosts` and `names` as its own user, and writes only through what it opened as root.
package struct NetworkDirectory: Sendable {
    /// The directory.
    package let path: String

    package init(_ path: String) { self.path = path }

    /// What dnsmasq remembers of the addresses it gave.
    package var leases: String { path + "/dnsmasq.leases" }
    /// dnsmasq's process id. By this path among its arguments dnsmasq is known.
    package var pidFile: String { path + "/dnsmasq.pid" }
    /// One file per NIC: hardware address, name, fixed address (`dhcp-hostsdir`).
    package var hosts: String { path + "/hosts" }
    /// One file per NIC with its name and IPv6 address (`hostsdir`), where dnsmasq cannot find the address out itself.
    package var names: String { path + "/names" }

    /// The file for `raw.dnsmasq`. Its name says its content, so that a dnsmasq that runs with it runs with this.
    func raw(_ text: String) -> String {
        let hash = text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return path + "/dnsmasq-" + String(hash, radix: 16) + ".conf"
    }

    /// Places the file for `raw.dnsmasq` and removes those of other contents.
    func placeRaw(_ text: String) throws {
        let wanted = raw(text)
        if !text.isEmpty { try placeFile(wanted, text + "\n", mode: 0o600) }
        for name in try directoryEntries(path) where name.hasPrefix("dnsmasq-") && name.hasSuffix(".conf") {
            if text.isEmpty || path + "/" + name != wanted { try removeFile(path + "/" + name) }
        }
    }

    /// Makes the directories, the two that dnsmasq reads readable for its group.
    func make(group: UInt32) throws {
        try placeDirectory(path, mode: 0o711)
        try placeDirectory(hosts, mode: 0o750, group: group)
        try placeDirectory(names, mode: 0o750, group: group)
    }

    /// Removes everything that `make` and the network's life put there.
    func remove() throws {
        for directory in [hosts, names] {
            for name in try directoryEntries(directory) { try removeFile(directory + "/" + name) }
            try removeDirectory(directory)
        }
        for name in try directoryEntries(path) { try removeFile(path + "/" + name) }
        try removeDirectory(path)
    }
}
