import Glibc
import LexAPI
import LexHost
import LexIPC
import NIOCore
import NIOHTTP1

/// A file as an answer, read part by part.
enum FileAnswer {
    /// Answers with a plain file. `filename` is what a browser would save it as.
    static func make(_ path: String, filename: String) async throws -> Answer {
        let file = try await blocking { try OpenFile(path) }
        let headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream", "Content-Disposition": "inline;filename=\(filename)",
            "Last-Modified": HTTPDate.text(of: file.modified),
        ]
        return Answer(headers: headers, .stream(length: file.size) { try await file.send(to: $0) })
    }

    /// A file as a part of a form.
    struct Part: Sendable {
        let name: String
        let filename: String
        let path: String
    }

    /// Answers with several files as a form (RFC 7578).
    static func form(_ parts: [Part]) async throws -> Answer {
        let boundary = Secret.random()
        var files: [(head: ByteBuffer, file: OpenFile)] = []
        for part in parts {
            let head =
                "\(files.isEmpty ? "" : "\r\n")--\(boundary)\r\nContent-Disposition: form-data; "
                + "name=\"\(part.name)\"; filename=\"\(part.filename)\"\r\n"
                + "Content-Type: application/octet-stream\r\n\r\n"
            files.append((ByteBuffer(string: head), try await blocking { try OpenFile(part.path) }))
        }
        let end = ByteBuffer(string: "\r\n--\(boundary)--\r\n")
        let length = files.reduce(Int64(end.readableBytes)) { $0 + Int64($1.head.readableBytes) + $1.file.size }
        let all = files
        return Answer(
            headers: ["Content-Type": "multipart/form-data; boundary=\(boundary)"],
            .stream(length: length) { writer in
                for (head, file) in all {
                    try await writer.write(head)
                    try await file.send(to: writer)
                }
                try await writer.write(end)
            })
    }

    /// Answers with bytes as if they were a file.
    static func make(_ bytes: [UInt8], filename: String) -> Answer {
        Answer(
            headers: [
                "Content-Type": "application/octet-stream", "Content-Disposition": "inline;filename=\(filename)",
            ], .bytes(ByteBuffer(bytes: bytes)))
    }

    private final class OpenFile: Sendable {
        let descriptor: OwnedDescriptor
        let path: String
        let size: Int64
        let modified: time_t

        init(_ path: String) throws {
            self.path = path
            do {
                descriptor = try OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            } catch {
                throw error.code == ENOENT ? APIError.notFound("not found") : error
            }
            var status = stat()
            let number = descriptor.number
            try checked("look at", path) { fstat(number, &status) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw APIError.notFound("not found") }
            size = Int64(status.st_size)
            modified = status.st_mtim.tv_sec
        }

        func send(to writer: BodyWriter) async throws {
            var offset: Int64 = 0
            while offset < size {
                let start = offset
                let part = try await blocking { try self.read(at: start) }
                // The length is promised: a file that has become shorter must not look complete.
                guard part.readableBytes > 0 else { throw SystemError("read", path, code: EIO) }
                offset += Int64(part.readableBytes)
                try await writer.write(part)
            }
        }

        func read(at offset: Int64) throws -> ByteBuffer {
            var buffer = ByteBuffer()
            let wanted = Int(min(256 << 10, size - offset))
            try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                try checked("read", path) { pread(descriptor.number, space.baseAddress, wanted, off_t(offset)) }
            }
            return buffer
        }
    }
}
