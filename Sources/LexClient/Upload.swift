import Glibc
import NIOCore
import NIOPosix

/// What is uploaded: one file as the body, or several as the parts of a form.
public struct Upload: Sendable {
    /// A part of a form.
    public struct Part: Sendable {
        /// The name of the field.
        public let name: String
        /// The name of the file.
        public let filename: String
        /// The open file, read from where it stands; it stays the caller's.
        public let descriptor: Int32

        /// Makes the value.
        public init(name: String, filename: String, descriptor: Int32) {
            self.name = name
            self.filename = filename
            self.descriptor = descriptor
        }
    }

    let contentType: String
    let segments: [UploadBody.Segment]

    /// The bytes altogether; nil when a part is a pipe.
    public var length: Int64? {
        var sum: Int64 = 0
        for segment in segments {
            guard let length = segment.length else { return nil }
            sum += length
        }
        return sum
    }

    /// One file as the body; it stays the caller's.
    public static func file(_ descriptor: Int32) -> Upload {
        Upload(contentType: "application/octet-stream", segments: [.descriptor(descriptor)])
    }

    /// Several files as the parts of a form, in this order.
    public static func form(_ parts: [Part]) -> Upload {
        let boundary = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        var segments: [UploadBody.Segment] = []
        for part in parts {
            // RFC 7578 has no escape for a quote; browsers write %22.
            let names = [part.name, part.filename].map { text in
                text.map { $0 == "\"" ? "%22" : $0.isNewline ? "_" : String($0) }.joined()
            }
            segments.append(
                .text(
                    "\(segments.isEmpty ? "" : "\r\n")--\(boundary)\r\n"
                        + "Content-Disposition: form-data; name=\"\(names[0])\"; filename=\"\(names[1])\"\r\n"
                        + "Content-Type: application/octet-stream\r\n\r\n"))
            segments.append(.descriptor(part.descriptor))
        }
        segments.append(.text("\r\n--\(boundary)--\r\n"))
        return Upload(contentType: "multipart/form-data; boundary=\(boundary)", segments: segments)
    }
}

/// The bytes of an upload, read as fast as they are sent.
struct UploadBody: AsyncSequence, Sendable {
    enum Segment: Sendable {
        case text(String)
        case descriptor(Int32)

        /// Nil for what is not a regular file.
        var length: Int64? {
            switch self {
            case .text(let text): return Int64(text.utf8.count)
            case .descriptor(let descriptor):
                var status = stat()
                guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
                let position = Int64(lseek(descriptor, 0, SEEK_CUR))
                return position < 0 ? nil : Int64(status.st_size) - Swift.min(position, Int64(status.st_size))
            }
        }
    }

    let segments: [Segment]
    let threads: NIOThreadPool
    let sent: @Sendable (Int64) -> Void

    func makeAsyncIterator() -> Iterator { Iterator(rest: segments[...], threads: threads, sent: sent) }

    struct Iterator: AsyncIteratorProtocol {
        var rest: ArraySlice<Segment>
        let threads: NIOThreadPool
        let sent: @Sendable (Int64) -> Void
        var reader: DescriptorReader?
        var total: Int64 = 0

        mutating func next() async throws -> ByteBuffer? {
            while true {
                if let reader {
                    if let chunk = try await reader.next(upTo: 256 << 10) { return counted(chunk) }
                    self.reader = nil
                }
                guard let segment = rest.popFirst() else { return nil }
                switch segment {
                case .text(let text): return counted(ByteBuffer(string: text))
                case .descriptor(let descriptor): reader = try DescriptorReader(descriptor, threads: threads)
                }
            }
        }

        private mutating func counted(_ chunk: ByteBuffer) -> ByteBuffer {
            total += Int64(chunk.readableBytes)
            sent(total)
            return chunk
        }
    }
}
