import CNetlink
import Glibc
import LexIPC

/// Tells when anybody changes the host's nftables.
package final class FirewallChanges: Sendable {
    private let descriptor: OwnedDescriptor

    /// Begins to listen.
    package init() throws {
        descriptor = OwnedDescriptor(
            taking: try checked("open", "a netlink socket") {
                socket(
                    AF_NETLINK,
                    Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
                    NETLINK_NETFILTER)
            })
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = 1 << (UInt32(NFNLGRP_NFTABLES.rawValue) - 1)
        let number = descriptor.number
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = try checked("listen for", "changes of the firewall") {
                    bind(number, generic, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }
    }

    /// Waits until something changed since the last ``drain()``.
    package func next() async throws { try await Readiness.shared.readable(descriptor.number) }

    /// Forgets what was told so far. What the messages say does not matter: the state is read again.
    package func drain() {
        var buffer = [UInt8](repeating: 0, count: 65536)
        // ENOBUFS tells of messages that were lost, which is one more thing that changed.
        while recv(descriptor.number, &buffer, buffer.count, 0) > 0 || errno == ENOBUFS || errno == EINTR {}
    }
}
