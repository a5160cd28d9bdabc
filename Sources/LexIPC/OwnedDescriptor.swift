import CLexLinux
import Glibc

/// A file descriptor with one owner, closed when the owner goes. Every descriptor is close-on-exec.
package struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number, for calls; do not keep it beyond the owner's life.
    package let number: Int32

    /// Takes over `number`; the caller no longer closes it.
    package init(taking number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives the number away: the receiver closes it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// A second descriptor for the same open file.
    package func duplicate() throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(taking: try checked("duplicate", "descriptor \(number)") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }
}

extension OwnedDescriptor {
    /// Opens a path by open(2), always close-on-exec.
    package static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(SystemError)
        -> OwnedDescriptor
    {
        OwnedDescriptor(
            taking: try checked("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Opens a directory for use as an anchor.
    package static func directory(_ path: String) throws(SystemError) -> OwnedDescriptor {
        try open(path, O_RDONLY | O_DIRECTORY)
    }

    /// Reads everything up to `limit` bytes; more than that is the error EFBIG.
    package func readAll(limit: Int, of subject: String) throws(SystemError) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = try checked("read", subject) {
                chunk.withUnsafeMutableBytes { read(number, $0.baseAddress, $0.count) }
            }
            if got == 0 { return result }
            if result.count + got > limit { throw SystemError("read", subject, code: EFBIG) }
            result.append(contentsOf: chunk[..<got])
        }
    }

    /// Writes every byte.
    package func writeAll(_ bytes: some Collection<UInt8>, to subject: String) throws(SystemError) {
        let array = Array(bytes)
        var done = 0
        while done < array.count {
            done += try checked("write", subject) {
                array.withUnsafeBytes { write(number, $0.baseAddress?.advanced(by: done), array.count - done) }
            }
        }
    }

    /// Two ends of a new stream socket, close-on-exec; whoever asks owns the numbers.
    package static func socketPair() throws(SystemError) -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        try checked("socketpair", "for a helper") { lex_socketpair_stream(&ends) }
        return (ends[0], ends[1])
    }

    /// Two ends of a new pipe, close-on-exec; whoever asks owns the numbers. One that never waits gives EAGAIN instead.
    package static func pipe(neverWaits: Bool = false) throws(SystemError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try checked("make", "a pipe") { neverWaits ? lex_pipe_nonblocking(&ends) : lex_pipe(&ends) }
        return (ends[0], ends[1])
    }
}

/// The whole content of a small file such as one in /proc or /sys.
package func readFile(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> String {
    String(decoding: try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: limit, of: path), as: UTF8.self)
}

/// Writes a small file in place, as files in /proc, /sys and cgroups want it: one write, no new file.
package func writeKernelFile(_ path: String, _ text: String) throws(SystemError) {
    let file = try OwnedDescriptor.open(path, O_WRONLY)
    let bytes = Array(text.utf8)
    try checked("write \"\(text)\" to", path) { bytes.withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) } }
}

/// The parent of a process, by /proc/PID/stat (proc(5)); ENOENT or ESRCH when the process is gone.
package func parentProcess(of process: Int32) throws(SystemError) -> Int32 {
    let path = "/proc/\(process)/stat"
    // The fields after the name, which may itself hold spaces and parentheses: the state, then the parent.
    let text = try readFile(path)
    let fields = (text.lastIndex(of: ")").map { text[text.index(after: $0)...] } ?? "").split(separator: " ")
    guard fields.count > 1, let parent = Int32(fields[1]) else { throw SystemError("understand", path, code: EINVAL) }
    return parent
}
