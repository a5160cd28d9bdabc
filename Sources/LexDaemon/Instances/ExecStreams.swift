import CLexLinux
import Glibc
import LexHost
import LexIPC
import NIOCore
import Synchronization

/// One end of a pipe or the master side of a terminal, read and written without ever blocking a thread.
final class ExecStream: Sendable {
    /// The descriptor; -1 once it is closed.
    private let descriptor: Mutex<Int32>
    private static let chunk = 64 << 10

    /// Takes the descriptor over.
    init(taking number: Int32) throws(SystemError) {
        descriptor = Mutex(number)
        let flags = try checked("read the flags of", "a stream") { fcntl(number, F_GETFL) }
        try checked("set the flags of", "a stream") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }

    deinit { close() }

    private var number: Int32 { descriptor.withLock { $0 } }

    /// Closes it, which is how the other side learns of the end. What waits on it must have been cancelled.
    func close() {
        descriptor.withLock { number in
            if number >= 0 { Glibc.close(number) }
            number = -1
        }
    }

    /// A second stream for the same thing: one to read and one to write wait apart.
    func duplicate() throws(SystemError) -> ExecStream {
        try ExecStream(taking: try checked("duplicate", "a stream") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// What can be read now; nil when there is nothing yet; empty at the end.
    private func readNow() throws(SystemError) -> ByteBuffer? {
        var buffer = ByteBuffer()
        var got = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.chunk) { space in
            got = read(number, space.baseAddress, Self.chunk)
            return max(0, got)
        }
        if got >= 0 { return buffer }
        switch errno {
        case EAGAIN, EINTR: return nil
        // Linux's word for a terminal whose other side is closed.
        case EIO: return ByteBuffer()
        default: throw SystemError("read", "the output of the command")
        }
    }

    /// Hands everything on until the end. When `stopped` opens before - the command has ended, and something it left
    /// behind holds the stream open - what is there is handed on, and no more is waited for.
    func forEach(until stopped: Gate, _ handle: (ByteBuffer) async throws -> Void) async throws {
        while true {
            // What has always something to say would hold up the end of the daemon.
            try Task.checkCancellation()
            // The gate first: what was written before it opened is then surely seen by the read.
            let isLast = stopped.isOpen
            if let buffer = try readNow() {
                if buffer.readableBytes == 0 { return }
                try await handle(buffer)
                continue
            }
            if isLast { return }
            await waitUntilReadable(or: stopped)
        }
    }

    private func waitUntilReadable(or stopped: Gate) async {
        let number = number
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Readiness.shared.readable(number) }
            group.addTask { await stopped.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Writes everything, waiting as long as the other side takes to read. False when there is nobody to read.
    func write(_ buffer: ByteBuffer) async throws -> Bool {
        var rest = buffer
        while rest.readableBytes > 0 {
            let written = rest.withUnsafeReadableBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest.moveReaderIndex(forwardBy: written)
            } else if errno == EAGAIN {
                try await Readiness.shared.writable(number)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// Sets the size of a terminal.
    func resize(rows: Int, columns: Int) {
        _ = lex_set_window_size(number, UInt16(clamping: rows), UInt16(clamping: columns))
    }
}

/// Both ends of a new pipe (pipe(2)), close-on-exec.
struct ExecPipe: ~Copyable {
    let read: OwnedDescriptor
    let write: OwnedDescriptor

    init() throws(SystemError) {
        let ends = try OwnedDescriptor.pipe()
        read = OwnedDescriptor(taking: ends.read)
        write = OwnedDescriptor(taking: ends.write)
    }
}
