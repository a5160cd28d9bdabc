import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexSFTP
import Synchronization

/// Asks a file server, one thing at a time. The server is ours, but what it says comes out of a guest.
final class FileConnection: Sendable {
    let server: FileServer
    private let numbers = Atomic<UInt32>(0)

    init(_ server: FileServer) { self.server = server }

    /// What the server answers.
    func ask(_ request: SFTPRequest) async throws -> SFTPReply {
        let number = numbers.add(1, ordering: .relaxed).newValue
        var writer = SFTPWriter()
        writer.put(request, id: number)
        try await send(writer.bytes)
        let (id, reply) = try SFTPReply.read(try await packet()[...])
        guard id == number else { throw SFTPError("an answer to another question") }
        if case .status(let status, let message) = reply, status != .ok, status != .end {
            throw FileFailure(status: status, message: message)
        }
        return reply
    }

    /// The same where the answer says nothing but that it was done.
    func tell(_ request: SFTPRequest) async throws {
        guard case .status(.ok, _) = try await ask(request) else {
            throw SFTPError("another answer than that it is done")
        }
    }

    func attributes(_ request: SFTPRequest) async throws -> SFTPAttributes {
        guard case .attributes(let attributes) = try await ask(request) else { throw SFTPError("no attributes") }
        return attributes
    }

    func handle(_ request: SFTPRequest) async throws -> [UInt8] {
        guard case .handle(let handle) = try await ask(request) else { throw SFTPError("no handle") }
        return handle
    }

    /// So many bytes at most; nil at the end.
    func read(_ handle: [UInt8], at offset: UInt64, upTo count: Int) async throws -> ArraySlice<UInt8>? {
        switch try await ask(.read(handle: handle, offset: offset, length: UInt32(clamping: count))) {
        case .data(let data) where data.count <= count: return data
        case .status(.end, _): return nil
        default: throw SFTPError("no data")
        }
    }

    /// Where a link leads.
    func target(of path: SFTPPath) async throws -> SFTPPath {
        guard case .names(let names) = try await ask(.readlink(path: path)), let name = names.first else {
            throw SFTPError("no target")
        }
        return name.name
    }

    /// The names in a directory. A file system of the guest's can list for ever: so many, and no more.
    func names(in path: SFTPPath, most: Int = 1_000_000, mostBytes: Int = 64 << 20) async throws -> [SFTPPath] {
        let handle = try await handle(.opendir(path: path))
        var all: [SFTPPath] = []
        var bytes = 0
        while case .names(let names) = try await ask(.readdir(handle: handle)) {
            bytes += names.reduce(0) { $0 + $1.name.count }
            guard all.count + names.count <= most, bytes <= mostBytes else {
                throw APIError.badRequest(
                    "Cannot list \"\(FileFailure.text(path))\" in the instance: it has more than \(most) entries, or more"
                        + " than \(mostBytes) bytes of names; list it there, by lx exec")
            }
            all += names.map(\.name)
        }
        try await tell(.close(handle: handle))
        return all
    }

    // MARK: bytes

    private func send(_ bytes: [UInt8]) async throws {
        var done = 0
        while done < bytes.count {
            let sent = bytes.withUnsafeBytes {
                lex_send(server.number, $0.baseAddress?.advanced(by: done), bytes.count - done, nil, 0)
            }
            let code = errno
            if sent >= 0 {
                done += sent
            } else if code == EAGAIN {
                try await Readiness.shared.writable(server.number)
            } else if code != EINTR {
                throw FileServerGone()
            }
        }
    }

    private func packet() async throws -> [UInt8] {
        let length = try await receive(4).reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length <= SFTP.largestPacket else { throw SFTPError("a length of \(length) bytes") }
        return try await receive(length)
    }

    private func receive(_ count: Int) async throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let start = done
            let got = bytes.withUnsafeMutableBytes {
                lex_receive_bytes(server.number, $0.baseAddress?.advanced(by: start), count - start)
            }
            let code = errno
            if got > 0 {
                done += got
            } else if got < 0, code == EAGAIN {
                try await Readiness.shared.readable(server.number)
            } else if got == 0 || code != EINTR {
                throw FileServerGone()
            }
        }
        return bytes
    }
}

/// The process that served the files has ended in the middle.
struct FileServerGone: Error {}

/// Why a file server did not do what it was asked.
struct FileFailure: Error {
    let status: SFTPStatus
    let message: String

    /// As an answer to who asked for that path.
    func apiError(_ path: SFTPPath) -> APIError {
        switch status {
        case .noSuchFile: return .notFound("Not Found")
        case .permissionDenied: return .forbidden("Forbidden: \"\(Self.text(path))\" in the instance: \(message)")
        default:
            let sentence = "Cannot use \"\(Self.text(path))\" in the instance: \(message)"
            // What is wrong with the path and not with the machine.
            let wrong = [
                EISDIR, ENOTDIR, ENOTEMPTY, EEXIST, EINVAL, ELOOP, ENAMETOOLONG, EOPNOTSUPP, EXDEV, ETXTBSY, EROFS,
                EFBIG, ENXIO, EBUSY,
            ]
            let isWrong = status == .badMessage || wrong.contains { SystemError("", "", code: $0).reason == message }
            return isWrong ? .badRequest(sentence) : .failed(sentence)
        }
    }

    static func text(_ path: SFTPPath) -> String { String(decoding: path.prefix(256), as: UTF8.self) }
}
