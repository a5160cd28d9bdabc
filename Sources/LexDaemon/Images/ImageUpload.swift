import Crypto
import FoundationEssentials
import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import NIOCore

/// The files of an image on their way in: written to disk as they arrive, their fingerprint counted on the way.
struct ImageUpload: Sendable {
    /// Where the file lies, or of two the one with the metadata.
    let path: String
    /// Where the one with the root file system lies; nil when there is one for all.
    let rootPath: String?
    /// What the sender calls the file with the root file system.
    let rootFilename: String?
    let fingerprint: Fingerprint
    /// The bytes of all files.
    let size: Int64

    var files: ImageFiles { ImageFiles(path: path, rootPath: rootPath) }

    /// Removes what is still there.
    func discard() { files.remove() }

    /// Receives a body into new files in `directory`. Nothing is left of one that fails.
    static func receive(_ body: RequestBody, contentType: String, into directory: String) async throws -> ImageUpload {
        guard contentType.lowercased().hasPrefix("multipart/") else {
            let file = try await blocking { try ArrivingFile(in: directory) }
            do {
                var counter = Counter()
                for try await part in body { try await counter.write(part, to: file) }
                return try counter.finish(file.path)
            } catch {
                unlink(file.path)
                throw error
            }
        }
        guard let splitter = FormSplitter(contentType: contentType) else {
            throw APIError.badRequest(
                "The Content-Type of the upload is no multipart/form-data that names the boundary of its parts")
        }
        var form = ArrivingForm(directory: directory)
        do {
            return try await form.receive(body, splitter)
        } catch {
            form.discard()
            throw error
        }
    }

    /// Takes over a file that is complete already.
    static func adopt(_ path: String) async throws -> ImageUpload {
        try await blocking {
            let file = try OwnedDescriptor.open(path, O_RDONLY)
            var counter = Counter()
            var chunk = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let got = try checked("read", path) {
                    chunk.withUnsafeMutableBytes { read(file.number, $0.baseAddress, $0.count) }
                }
                if got == 0 { break }
                counter.count(chunk[..<got])
            }
            return try counter.finish(path)
        }
    }

    /// A name no other upload has. Files of this kind that are found at the daemon's start are left-overs.
    static func temporaryPath(in directory: String) -> String {
        "\(directory)/\(temporaryPrefix)\(UUIDText.random())"
    }
    static let temporaryPrefix = ".new-"
}

/// An upload in two parts, metadata and then root file system, as it comes.
private struct ArrivingForm {
    /// The most bytes of the part with the metadata: a `metadata.yaml` and some templates.
    private static let longestMetadata: Int64 = 64 << 20

    let directory: String
    private var files: [ArrivingFile] = []
    private var rootFilename: String?

    init(directory: String) { self.directory = directory }

    func discard() { for file in files { unlink(file.path) } }

    mutating func receive(_ body: RequestBody, _ splitter: FormSplitter) async throws -> ImageUpload {
        var splitter = splitter
        var counter = Counter()
        for try await chunk in body {
            let pieces: [FormSplitter.Piece]
            do { pieces = try splitter.take(chunk) } catch { throw APIError.badRequest("Invalid upload: \(error)") }
            for piece in pieces {
                switch piece {
                case .part(let headers): try await begin(headers["content-disposition"])
                case .bytes(let bytes):
                    guard let file = files.last else { continue }
                    try await counter.write(bytes, to: file)
                    guard files.count > 1 || counter.size <= Self.longestMetadata else {
                        throw APIError(
                            status: 413,
                            "The part \"metadata\" of the upload is larger than \(Self.longestMetadata) bytes: it holds "
                                + "metadata.yaml and templates, nothing else")
                    }
                }
            }
        }
        guard splitter.isComplete else { throw APIError.badRequest("Invalid multipart image: the upload was cut off") }
        guard let metadata = files.first, let root = files.dropFirst().first else {
            throw APIError.badRequest("Invalid multipart image: it has no part \"rootfs\"")
        }
        return try counter.finish(metadata.path, root: root.path, filename: rootFilename)
    }

    private mutating func begin(_ disposition: String?) async throws {
        let name = FormSplitter.value("name", of: disposition) ?? ""
        switch (files.count, name) {
        case (0, "metadata"): break
        case (1, "rootfs"): rootFilename = FormSplitter.value("filename", of: disposition)
        case (1, "rootfs.img"):
            throw APIError.badRequest(
                "The image is the disk of a virtual machine (its second part is \"rootfs.img\"); lexd runs containers, "
                    + "whose root comes as a tar or squashfs in a part \"rootfs\"")
        default:
            throw APIError.badRequest(
                "Invalid multipart image: part \(files.count + 1) is \"\(name.prefix(64))\"; there must be two parts, "
                    + "\"metadata\" and then \"rootfs\"")
        }
        let directory = directory
        files.append(try await blocking { try ArrivingFile(in: directory) })
    }
}

/// The fingerprint and size of what has come so far.
private struct Counter {
    private var hash = SHA256()
    private(set) var size: Int64 = 0

    mutating func count(_ bytes: ArraySlice<UInt8>) {
        hash.update(data: bytes)
        size += Int64(bytes.count)
    }

    mutating func write(_ part: ByteBuffer, to file: ArrivingFile) async throws {
        hash.update(data: Data(part.readableBytesView))
        size += Int64(part.readableBytes)
        try await blocking { try file.descriptor.writeAll(part.readableBytesView, to: file.path) }
    }

    func finish(_ path: String, root: String? = nil, filename: String? = nil) throws -> ImageUpload {
        guard let fingerprint = Fingerprint(hex(hash.finalize())) else {
            throw APIError.failed("cannot count the fingerprint of \(path)")
        }
        return ImageUpload(
            path: path, rootPath: root, rootFilename: filename, fingerprint: fingerprint, size: size)
    }
}

/// A new file that is being written.
private final class ArrivingFile: Sendable {
    let path: String
    let descriptor: OwnedDescriptor

    init(in directory: String) throws {
        path = ImageUpload.temporaryPath(in: directory)
        descriptor = try OwnedDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
    }
}
