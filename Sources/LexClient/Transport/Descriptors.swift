import Glibc
import NIOCore

/// Blocking calls on descriptors; only to be made on a thread that may wait.
enum Descriptors {
    /// Writes all of it.
    static func write(_ bytes: ByteBuffer, to descriptor: Int32) throws {
        try bytes.withUnsafeReadableBytes { space in
            var rest = space[...]
            while !rest.isEmpty {
                let wrote = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if wrote >= 0 {
                    rest = rest.dropFirst(wrote)
                } else if errno == EAGAIN {
                    // Someone else made the descriptor non-blocking.
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&wanted, 1, -1)
                } else if errno == EPIPE {
                    throw ClientError.nobodyReads
                } else if errno != EINTR {
                    throw ClientError.file("Cannot write: \(String(cString: strerror(errno)))")
                }
            }
        }
    }
}
