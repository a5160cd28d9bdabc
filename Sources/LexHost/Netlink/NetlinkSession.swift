import CNetlink
import Glibc
package import LexIPC
import Synchronization

/// One netlink socket: questions and orders to the kernel about links, addresses and routes (rtnetlink(7)).
///
/// A socket belongs to the network namespace it was opened in. One opened inside an instance by a helper and handed
/// over therefore answers for that instance, and lexd never enters its namespace.
///
/// The messages are written and read here rather than by libnl-route: its read of a whole table starts again as long
/// as the table changes, without end, and the owner of a namespace can keep it changing (seen: 50 rounds, 180 000
/// entries, 0.7 s for one answer). A read here is one round; what changed meanwhile is in the next one.
///
/// A request takes microseconds, except the removal of links, where the kernel waits for other CPUs: call from
/// ``blocking(_:)``.
package final class NetlinkSession: Sendable {
    private struct Channel: ~Copyable {
        let descriptor: OwnedDescriptor
        var sequence: UInt32 = 0
        var buffer = [UInt8](repeating: 0, count: 65536)
    }
    private let channel: Mutex<Channel>

    /// A socket in the network namespace of this process. `family` is `NETLINK_ROUTE` or `NETLINK_NETFILTER`.
    package init(family: Int32 = NETLINK_ROUTE) throws(SystemError) {
        let descriptor = OwnedDescriptor(
            taking: try checked("open", "a netlink socket") {
                socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), family)
            })
        try Self.limitWaiting(descriptor.number)
        channel = Mutex(Channel(descriptor: descriptor))
    }

    /// A socket that was opened elsewhere, in the network namespace to ask about.
    package init(_ descriptor: consuming OwnedDescriptor) throws(SystemError) {
        try Self.limitWaiting(descriptor.number)
        channel = Mutex(Channel(descriptor: descriptor))
    }

    // The kernel answers at once. A descriptor that is something else, or that somebody else reads from, must not
    // hold a thread for ever.
    private static func limitWaiting(_ descriptor: Int32) throws(SystemError) {
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        try checked("set the time limit of", "a netlink socket") {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    /// Sends an order and waits for the kernel's yes; `doing` and `subject` name it in the error.
    func order(_ request: NetlinkRequest, _ doing: String, _ subject: String) throws(SystemError) {
        try exchange(request, flags: NLM_F_REQUEST | NLM_F_ACK, doing, subject) { _, _ in }
    }

    /// Asks for one thing or, with `NLM_F_DUMP` in `flags`, for a table; `each` gets the type and the body of every
    /// message of the answer. More than 64 MiB of answer is an error.
    func ask(
        _ request: NetlinkRequest, flags: Int32 = NLM_F_DUMP, _ subject: String, each: (Int, NetlinkBytes) -> Void
    ) throws(SystemError) {
        // NLM_F_DUMP has two bits; a question for one thing has an acknowledgement asked for, so that it ends too.
        let isDump = flags & NLM_F_DUMP == NLM_F_DUMP
        try exchange(request, flags: NLM_F_REQUEST | flags | (isDump ? 0 : NLM_F_ACK), "read", subject, each: each)
    }

    private func exchange(
        _ request: NetlinkRequest, flags: Int32, _ doing: String, _ subject: String,
        each: (Int, NetlinkBytes) -> Void
    ) throws(SystemError) {
        // `withLock` has no typed throws for a body that throws SystemError, hence the result.
        let result = channel.withLock { channel -> Result<Void, SystemError> in
            do throws(SystemError) {
                channel.sequence &+= 1
                let sequence = channel.sequence
                let message = request.encoded(sequence: sequence, flags: flags)
                try checked(doing, subject) {
                    message.withUnsafeBytes { send(channel.descriptor.number, $0.baseAddress, $0.count, 0) }
                }
                var total = 0
                while true {
                    let count = try checked(doing, subject) {
                        channel.buffer.withUnsafeMutableBytes {
                            recv(channel.descriptor.number, $0.baseAddress, $0.count, 0)
                        }
                    }
                    guard count > 0 else { throw SystemError(doing, subject, code: EPIPE) }
                    total += count
                    guard total <= 64 << 20 else { throw SystemError(doing, subject, code: EMSGSIZE) }
                    if let code = Self.read(channel.buffer.prefix(count), sequence: sequence, each: each) {
                        if code != 0 { throw SystemError(doing, subject, code: code) }
                        return .success(())
                    }
                }
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Walks the messages of one datagram. Answers the error number that ends the exchange (0 for success), or nil
    /// when more is to come.
    private static func read(
        _ datagram: NetlinkBytes, sequence: UInt32, each: (Int, NetlinkBytes) -> Void
    ) -> Int32? {
        let headerSize = MemoryLayout<nlmsghdr>.size
        var rest = datagram
        while let length = rest.number(UInt32.self).map(Int.init), length >= headerSize, length <= rest.count,
            let type = rest.number(UInt16.self, at: 4).map(Int32.init),
            let answered = rest.number(UInt32.self, at: 8)
        {
            let body = rest.prefix(length).dropFirst(headerSize)
            rest = rest.dropFirst((length + 3) & ~3)
            // What is left of an exchange that was given up.
            if answered != sequence { continue }
            switch type {
            case NLMSG_ERROR, NLMSG_DONE: return -(body.number(Int32.self) ?? 0)
            case NLMSG_NOOP: continue
            default: each(Int(type), body)
            }
        }
        return nil
    }
}
