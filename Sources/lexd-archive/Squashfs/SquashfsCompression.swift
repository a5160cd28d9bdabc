import CCompression

/// How the blocks of a squashfs are compressed.
enum SquashfsCompression {
    case gzip
    case xz
    case zstd

    /// Of the header's number.
    init(number: UInt16) throws(Refusal) {
        switch number {
        case 1: self = .gzip
        case 4: self = .xz
        case 6: self = .zstd
        default:
            let name = [2: "lzma", 3: "lzo", 5: "lz4"][Int(number)] ?? "no. \(number)"
            throw Refusal(
                "the squashfs is compressed with \(name); lexd reads gzip, xz and zstd. "
                    + "Make it again: mksquashfs DIRECTORY FILE -comp zstd")
        }
    }

    /// The most memory xz may ask for: a dictionary is never larger than a block of 1 MiB.
    private static let mostMemory: UInt64 = 64 << 20

    /// Unpacks one block into `output`; how many bytes that gave.
    func unpack(_ input: [UInt8], into output: UnsafeMutableRawBufferPointer) throws(Refusal) -> Int {
        let count = unpacked(input, output)
        guard let count, count <= output.count else { throw squashfsRefusal("a block is damaged, or too large") }
        return count
    }

    private func unpacked(_ input: [UInt8], _ output: UnsafeMutableRawBufferPointer) -> Int? {
        input.withUnsafeBufferPointer { input in
            let target = output.assumingMemoryBound(to: UInt8.self)
            switch self {
            case .gzip:
                var length = uLongf(target.count)
                let status = uncompress(target.baseAddress, &length, input.baseAddress, uLong(input.count))
                return status == Z_OK ? Int(length) : nil
            case .xz:
                var memory = Self.mostMemory
                var taken = 0
                var given = 0
                let status = lzma_stream_buffer_decode(
                    &memory, 0, nil, input.baseAddress, &taken, input.count, target.baseAddress, &given, target.count)
                return status == LZMA_OK ? given : nil
            case .zstd:
                let length = ZSTD_decompress(target.baseAddress, target.count, input.baseAddress, input.count)
                return ZSTD_isError(length) == 0 ? length : nil
            }
        }
    }
}
