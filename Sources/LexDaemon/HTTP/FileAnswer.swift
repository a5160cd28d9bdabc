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
        return Answer(
            headers: headers,
            .stream(length: file.size) { writer in
                var offset: Int64 = 0
                while offset < file.size {
                    let start = offset
                    let part = try await blocking { try file.read(at: start) }
                    // The length is promised: a file that has become shorter must not look complete.
                    guard part.readableBytes > 0 else { throw SystemError("read", path, code: EIO) }
                    offset += Int64(part.readableBytes)
                    try await writer.write(part)
                }
            })
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
