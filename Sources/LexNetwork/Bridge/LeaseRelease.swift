import Glibc
package import LexAPI
import LexHost
import LexIPC

/// Gives an address back for a guest that is gone: a DHCPRELEASE (RFC 2131) in its name, from the host.
///
/// dnsmasq forgets a name only with its lease; without this a removed name would resolve until the lease runs out.
package enum LeaseRelease {
    /// The message.
    package static func message(
        server: IPv4Address, address: IPv4Address, hardwareAddress: MACAddress, client: [UInt8]?
    ) -> [UInt8] {
        func bytes(_ number: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }
        let nothing = [UInt8](repeating: 0, count: 4)
        // BOOTREQUEST, Ethernet, 6 bytes, no hops; a transaction; no seconds, no flags; ciaddr, yiaddr, siaddr, giaddr
        var message: [UInt8] = [1, 1, 6, 0] + bytes(UInt32.random(in: 0...UInt32.max)) + nothing
        message += bytes(address.value) + nothing + nothing + nothing
        message += hardwareAddress.bytes + [UInt8](repeating: 0, count: 10 + 64 + 128)
        // The magic cookie; message type RELEASE; server identifier; client identifier; end.
        message += [99, 130, 83, 99, 53, 1, 7, 54, 4] + bytes(server.value)
        if let client, (1...255).contains(client.count) {
            message += [61, UInt8(truncatingIfNeeded: client.count)] + client
        }
        message.append(255)
        return message + [UInt8](repeating: 0, count: max(0, 300 - message.count))
    }

    /// Sends it to the dnsmasq of `bridge`.
    static func send(_ message: [UInt8], to server: IPv4Address, on bridge: String) throws {
        let socket = OwnedDescriptor(
            taking: try checked("open", "a socket for DHCP") {
                Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            })
        // The packet never leaves the host; bound to the bridge it counts as one that came in there, which is where
        // dnsmasq listens (as in dnsmasq's own contrib/lease-tools/dhcp_release.c).
        let device = Array(bridge.utf8) + [0]
        try checked("bind a socket to", bridge) {
            setsockopt(socket.number, SOL_SOCKET, SO_BINDTODEVICE, device, socklen_t(device.count))
        }
        var destination = sockaddr_in()
        destination.sin_family = sa_family_t(AF_INET)
        destination.sin_port = UInt16(67).bigEndian
        destination.sin_addr.s_addr = server.value.bigEndian
        try withUnsafePointer(to: &destination) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = try checked("send a DHCP release to", "\(server)") {
                    sendto(
                        socket.number, message, message.count, Int32(MSG_DONTWAIT), generic,
                        socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }
}
