import Glibc
import LexAPI
package import LexSFTP
import NIOCore
import NIOPosix

extension Client {
    /// A connection to the files of an instance, as a socket that speaks SFTP; the caller closes it.
    package func sftpSocket(_ instance: String) async throws -> Int32 {
        let path = try RequestPath(API.instances.sftp.path, ["name": instance], query: [:], project: project).text
        guard case .unix(let socket) = address else {
            throw ClientError.protocolViolation("files are reached through the socket of this machine only")
        }
        return try await NIOThreadPool.singleton.runIfActive { try SFTPSocket.connect(socket, path) }
    }

    /// Works on the files of an instance on a thread of its own, over one connection.
    package func withFiles<Result: Sendable>(
        of instance: String, _ body: @escaping @Sendable (inout SFTPSession) throws -> Result
    ) async throws -> Result {
        let socket = try await sftpSocket(instance)
        return try await NIOThreadPool.singleton.runIfActive {
            defer { Glibc.close(socket) }
            var session = try SFTPSession(socket)
            return try body(&session)
        }
    }
}

/// Asks for the change of protocol by hand: what comes after is no HTTP, and the socket itself is wanted.
enum SFTPSocket {
    static func connect(_ socketPath: String, _ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw unreachable(socketPath, errno) }
        do {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            try connect(descriptor, socketPath)
            try ask(descriptor, path)
            return descriptor
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func connect(_ descriptor: Int32, _ path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw unreachable(path, ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw unreachable(path, errno) }
    }

    private static func unreachable(_ path: String, _ code: Int32) -> ClientError {
        .unreachable(address: .unix(path: path), reason: String(cString: strerror(code)))
    }

    private static func ask(_ descriptor: Int32, _ path: String) throws {
        let request =
            "GET \(path) HTTP/1.1\r\nHost: lexd\r\nUser-Agent: lx\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n"
        var answer = HandshakeAnswer()
        try SFTPSession.write(Array(request.utf8), to: descriptor)
        // One byte at a time up to the end of the head: what follows belongs to SFTP.
        while true {
            var byte: UInt8 = 0
            let got = read(descriptor, &byte, 1)
            if got < 0 && errno == EINTR { continue }
            let outcome = got == 1 ? try answer.take(ByteBuffer(bytes: [byte])) : answer.end()
            switch outcome {
            case .agreed: return
            case .refused(let status, let body):
                throw WebSocketHandshake.refusal(status, body)
            case nil where got != 1:
                throw ClientError.connectionLost(during: "GET \(path)", reason: "the server closed it")
            case nil: continue
            }
        }
    }
}

/// One SFTP connection. Requests may be sent ahead of their answers, which come in the order of the requests.
package struct SFTPSession {
    private let socket: Int32
    private var frames = SFTPFrames()
    private var output = SFTPWriter()
    private var next: UInt32 = 0
    private var chunk = [UInt8](repeating: 0, count: 64 << 10)
    private typealias Waiting = (id: UInt32, take: (SFTPReply) throws -> Void)
    private var waiting: [Waiting] = []
    private var firstWaiting = 0
    /// What the server knows beside version 3.
    package private(set) var extensions: Set<String> = []

    /// How many answers may be under way; each of those to what is sent ahead is short.
    private static let mostAhead = 128
    private static let mostBytesAhead = 256 << 10

    init(_ socket: Int32) throws {
        self.socket = socket
        output.put(.initialize(version: SFTP.version), id: 0)
        try flush()
        guard case .version(_, let extensions) = try receive().reply else {
            throw ClientError.protocolViolation("the server of the files does not say its version")
        }
        self.extensions = Set(extensions)
    }

    /// Asks, and waits for the answer and all before it.
    package mutating func ask(_ request: SFTPRequest) throws -> SFTPReply {
        try drain()
        next &+= 1
        output.put(request, id: next)
        try flush()
        let (id, reply) = try receive()
        guard id == next else { throw ClientError.protocolViolation("an answer to another request for a file") }
        return reply
    }

    /// Asks, and has the answer handed over later, at the latest by ``drain()``.
    package mutating func askAhead(_ request: SFTPRequest, _ take: @escaping (SFTPReply) throws -> Void) throws {
        next &+= 1
        output.put(request, id: next)
        waiting.append((next, take))
        if output.bytes.count >= Self.mostBytesAhead { try flush() }
        if waiting.count - firstWaiting >= Self.mostAhead {
            try flush()
            // Half of them: so both sides have work all the time.
            while waiting.count - firstWaiting > Self.mostAhead / 2 { try takeOne() }
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    /// Waits for all answers.
    package mutating func drain() throws {
        try flush()
        while firstWaiting < waiting.count { try takeOne() }
        waiting = []
        firstWaiting = 0
    }

    private mutating func takeOne() throws {
        let (id, reply) = try receive()
        let first = waiting[firstWaiting]
        firstWaiting += 1
        guard id == first.id else { throw ClientError.protocolViolation("an answer to another request for a file") }
        try first.take(reply)
    }

    private mutating func flush() throws {
        guard !output.bytes.isEmpty else { return }
        try Self.write(output.bytes, to: socket)
        output.removeAll()
    }

    private mutating func receive() throws -> (id: UInt32, reply: SFTPReply) {
        while true {
            if let packet = try frames.next() { return try SFTPReply.read(packet) }
            let got = chunk.withUnsafeMutableBytes { read(socket, $0.baseAddress, $0.count) }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                throw ClientError.connectionLost(
                    during: "the transfer of files", reason: "the instance was started, stopped or deleted meanwhile")
            }
            frames.append(chunk[..<got])
        }
    }

    static func write(_ bytes: [UInt8], to socket: Int32) throws {
        var done = 0
        while done < bytes.count {
            let sent = bytes.withUnsafeBytes {
                send(socket, $0.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else {
                throw ClientError.connectionLost(
                    during: "the transfer of files", reason: String(cString: strerror(errno)))
            }
            done += sent
        }
    }
}
