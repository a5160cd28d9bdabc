import Crypto
import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import NIOCore

/// An image file on its way in: written to disk as it arrives, its fingerprint counted on the way.
struct ImageUpload: Sendable {
    /// Where it lies.
    let path: String
    let fingerprint: Fingerprint
    let size: Int64

    /// Receives a body into a new file in `directory`. Nothing is left of one that fails.
    static func receive(_ body: RequestBody, into directory: String) async throws -> ImageUpload {
        let path = temporaryPath(in: directory)
        let file = try await blocking { FileBox(try OwnedDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL)) }
        do {
            var hash = SHA256()
            var size: Int64 = 0
            for try await part in body {
                hash.update(data: Data(part.readableBytesView))
                size += Int64(part.readableBytes)
                let part = part
                try await blocking { try file.descriptor.writeAll(part.readableBytesView, to: path) }
            }
            return try finish(hash, path, size)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// Takes over a file that is complete already.
    static func adopt(_ path: String) async throws -> ImageUpload {
        try await blocking {
            let file = try OwnedDescriptor.open(path, O_RDONLY)
            var hash = SHA256()
            var size: Int64 = 0
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let got = try checked("read", path) {
                    chunk.withUnsafeMutableBytes { read(file.number, $0.baseAddress, $0.count) }
                }
                if got == 0 { break }
                hash.update(data: chunk[..<got])
                size += Int64(got)
            }
            return try finish(hash, path, size)
        }
    }

    private static func finish(_ hash: SHA256, _ path: String, _ size: Int64) throws -> ImageUpload {
        guard let fingerprint = Fingerprint(hex(hash.finalize())) else {
            throw APIError.failed("cannot count the fingerprint of \(path)")
        }
        return ImageUpload(path: path, fingerprint: fingerprint, size: size)
    }

    /// A name no other upload has. Files of this kind that are found at the daemon's start are left-overs.
    static func temporaryPath(in directory: String) -> String {
        "\(directory)/\(temporaryPrefix)\(UUIDText.random())"
    }
    static let temporaryPrefix = ".new-"
}

/// A descriptor that closures can share.
private final class FileBox: Sendable {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
