import Glibc
import LexHost
import LexIPC

/// Where the one or two files of an image lie.
struct ImageFiles: Sendable {
    /// The file, or of two the one with the metadata.
    let path: String
    /// The file with the root file system, when that is another one.
    let rootPath: String?

    private static let rootEnding = ".rootfs"

    init(path: String, rootPath: String?) {
        self.path = path
        self.rootPath = rootPath
    }

    /// Those of an image that is kept.
    init(directory: String, fingerprint: String, isSplit: Bool) {
        path = "\(directory)/\(fingerprint)"
        rootPath = isSplit ? path + Self.rootEnding : nil
    }

    var isSplit: Bool { rootPath != nil }

    /// The fingerprint of the image that a file of this name belongs to.
    static func fingerprint(of name: String) -> String {
        name.hasSuffix(rootEnding) ? String(name.dropLast(rootEnding.utf8.count)) : name
    }

    /// Whether they are all there.
    func exist() -> Bool { access(path, F_OK) == 0 && rootPath.map { access($0, F_OK) == 0 } ?? true }

    func remove() {
        unlink(path)
        if let rootPath { unlink(rootPath) }
    }

    /// Gives both the names of others, which must be as many.
    func rename(to other: ImageFiles) throws {
        try checked("rename", path) { Glibc.rename(path, other.path) }
        if let rootPath, let target = other.rootPath {
            try checked("rename", rootPath) { Glibc.rename(rootPath, target) }
        }
    }
}

/// The bytes of a file.
func fileSize(_ path: String) throws -> Int64 {
    var status = stat()
    try checked("look at", path) { lstat(path, &status) }
    return Int64(status.st_size)
}

/// What an image file is, by its first bytes, in the words that end its name.
enum ImageFormat: String, Sendable, CaseIterable {
    case bzip2 = ".tar.bz2"
    case gzip = ".tar.gz"
    case xz = ".tar.xz"
    case lzma = ".tar.lzma"
    case zstd = ".tar.zst"
    case squashfs = ".squashfs"
    case tar = ".tar"

    private var magic: [UInt8] {
        switch self {
        case .bzip2: Array("BZh".utf8)
        case .gzip: [0x1f, 0x8b]
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a]
        case .lzma: [0x5d, 0, 0]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        case .squashfs: Array("hsqs".utf8)
        case .tar: Array("ustar".utf8)
        }
    }

    /// Nil for something else.
    init?(beginning: [UInt8]) {
        let found = Self.allCases.first { format in
            beginning.dropFirst(format == .tar ? 257 : 0).starts(with: format.magic)
        }
        guard let found else { return nil }
        self = found
    }

    /// Looks at a file.
    static func of(_ path: String) throws -> ImageFormat? {
        let file = try OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW)
        var bytes = [UInt8](repeating: 0, count: 512)
        let got = try checked("read", path) {
            bytes.withUnsafeMutableBytes { read(file.number, $0.baseAddress, $0.count) }
        }
        return ImageFormat(beginning: Array(bytes.prefix(got)))
    }
}
