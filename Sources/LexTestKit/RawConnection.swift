import CLexLinux
import Glibc
import LexHost
import LexIPC
import Synchronization

/// A connection to a daemon's socket, for requests no client would send.
package final class RawConnection: Sendable {
    private let descriptor: Mutex<Int32>

    /// Connects to the daemon of a fixture.
    package convenience init(_ daemon: DaemonFixture) throws {
        try self.init(path: "\(daemon.directory)/unix.socket")
    }

    /// Connects to a daemon's socket.
    package init(path: String) throws {
        descriptor = Mutex(try checked("connect to", path) { lex_connect_unix(path) })
    }

    deinit { close() }

    /// Closes it.
    package func close() {
        descriptor.withLock { number in
            if number >= 0 { Glibc.close(number) }
            number = -1
        }
    }

    /// Sends text as it is.
    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends bytes as they are.
    package func send(_ bytes: [UInt8]) throws {
        let number = descriptor.withLock { $0 }
        var sent = 0
        while sent < bytes.count {
            sent += try checked("send to", "lexd") {
                // No SIGPIPE for a daemon that has gone.
                bytes[sent...].withUnsafeBytes {
                    Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// Everything the daemon says until it closes the connection, or until `enough` of it has come.
    package func receive(
        within patience: Duration = .seconds(30), until enough: (@Sendable (String) -> Bool)? = nil
    ) async throws -> String {
        // What is taken whole is read as text once: it may be a file of megabytes.
        let bytes = try await receiveBytes(within: patience) { bytes in
            enough.map { $0(String(decoding: bytes, as: UTF8.self)) } ?? false
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same, for what is not all text.
    package func receiveBytes(
        within patience: Duration = .seconds(30), until enough: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
    ) async throws -> [UInt8] {
        let number = descriptor.withLock { $0 }
        return try await LexTestKit.within(patience, "an answer of lexd") {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65536)
            while !enough(bytes) {
                try await Readiness.shared.readable(number)
                let got = chunk.withUnsafeMutableBytes { recv(number, $0.baseAddress, $0.count, 0) }
                guard got > 0 else { break }
                bytes += chunk[..<got]
            }
            return bytes
        }
    }

    /// Sends one request and reads its answer; the connection ends with it.
    package func exchange(_ request: String) async throws -> String {
        try send(request)
        return try await receive()
    }
}
