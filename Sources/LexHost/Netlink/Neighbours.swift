import CNetlink
import Glibc
package import LexIPC

/// What the host knows of another machine on a network of its.
package struct Neighbour: Sendable, Equatable {
    /// The number of the interface.
    package var interface: Int32
    /// Four or sixteen bytes.
    package var bytes: [UInt8]
    /// Whether it has answered lately.
    package var isThere: Bool
}

extension NetlinkSession {
    /// The machines the host has spoken with.
    package func neighbours() throws(SystemError) -> [Neighbour] {
        var found: [Neighbour] = []
        try ask(NetlinkRequest(RTM_GETNEIGH, header: ndmsg()), "the neighbours of the host") { type, body in
            guard type == RTM_NEWNEIGH, let interface = body.number(Int32.self, at: 4),
                let state = body.number(UInt16.self, at: 8),
                let address = body.from(MemoryLayout<ndmsg>.size).attribute(Int(NDA_DST))
            else { return }
            found.append(
                Neighbour(
                    interface: interface, bytes: Array(address),
                    isThere: Int32(state) & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_STALE) != 0))
        }
        return found
    }

    /// Has the host answer on an interface for an address that is elsewhere; that it does already is fine.
    package func answerFor(_ address: [UInt8], on interface: Int32) throws(SystemError) {
        try order(
            proxy(RTM_NEWNEIGH, address, interface, flags: NLM_F_CREATE | NLM_F_REPLACE), "answer for",
            "an address on interface \(interface)")
    }

    /// Takes that back; that it does not is fine.
    package func doNotAnswerFor(_ address: [UInt8], on interface: Int32) throws(SystemError) {
        do {
            try order(proxy(RTM_DELNEIGH, address, interface), "no more answer for", "an address of \(interface)")
        } catch  where [ENOENT, ENODEV, ESRCH].contains(error.code) {
        }
    }

    private func proxy(_ type: Int, _ address: [UInt8], _ interface: Int32, flags: Int32 = 0) -> NetlinkRequest {
        var header = ndmsg()
        header.ndm_family = UInt8(address.count == 4 ? AF_INET : AF_INET6)
        header.ndm_ifindex = interface
        header.ndm_state = UInt16(NUD_PERMANENT)
        header.ndm_flags = UInt8(NTF_PROXY)
        var request = NetlinkRequest(type, flags: flags, header: header)
        request.put(Int(NDA_DST), bytes: address)
        return request
    }
}
