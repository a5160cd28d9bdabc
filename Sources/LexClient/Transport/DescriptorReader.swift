import Glibc
import NIOCore
import NIOPosix

/// Reads a file, pipe or terminal of this process without ever changing its flags, and can be interrupted.
///
/// The descriptors 0 to 2 are shared with the shell that started this process: were they made non-blocking, the shell
/// would find them so afterwards. So a thread waits in `poll` for bytes or for the pipe that interrupts it.
final class DescriptorReader: Sendable {
    private let descriptor: Int32
    private let threads: NIOThreadPool
    private let wakeRead: Int32
    private let wakeWrite: Int32

    /// The descriptor stays the caller's; it must stay open until the reader is gone.
    init(_ descriptor: Int32, threads: NIOThreadPool) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ClientError.file("Cannot make a pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.descriptor = descriptor
        self.threads = threads
        wakeRead = ends[0]
        wakeWrite = ends[1]
    }

    deinit {
        close(wakeRead)
        close(wakeWrite)
    }

    /// The next bytes; nil at the end of the file or after the task was cancelled.
    func next(upTo count: Int = 128 << 10) async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await threads.runIfActive { try self.read(count) }
        } onCancel: {
            var byte: UInt8 = 0
            _ = write(wakeWrite, &byte, 1)
        }
    }

    private func read(_ count: Int) throws -> ByteBuffer? {
        while true {
            var wanted = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&wanted, 2, -1) < 0 {
                if errno == EINTR { continue }
                throw ClientError.file("Cannot wait for input: \(String(cString: strerror(errno)))")
            }
            if wanted[1].revents != 0 { return nil }
            var buffer = ByteBuffer()
            var failure: Int32 = 0
            let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
                let got = Glibc.read(descriptor, space.baseAddress, count)
                if got < 0 { failure = errno }
                return max(0, got)
            }
            if got > 0 { return buffer }
            switch failure {
            case EINTR, EAGAIN: continue
            // A terminal whose other side is gone says EIO; that is an end as well.
            case 0, EIO: return nil
            default: throw ClientError.file("Cannot read input: \(String(cString: strerror(failure)))")
            }
        }
    }
}
