import Glibc
import LexIPC

/// A name as the kernel has it: bytes of any kind, ended with a NUL. Guests give their files such names.
typealias RawName = [CChar]

func text(_ name: RawName) -> String {
    String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The names in a directory, one after the other: a guest may give it more than memory holds.
struct DirectoryNames: ~Copyable {
    private let stream: OpaquePointer
    /// The directory itself, as long as this is there.
    var number: Int32 { dirfd(stream) }

    init(_ directory: consuming OwnedDescriptor, _ path: String) throws(SystemError) {
        guard let stream = fdopendir(directory.number) else { throw SystemError("read directory", path) }
        self.stream = stream
        // The stream closes it.
        _ = directory.release()
    }

    deinit { closedir(stream) }

    /// The next name but `.` and `..`; nil at the end.
    func next() -> RawName? {
        let dot = CChar(UInt8(ascii: "."))
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
            }
            if name != [dot, 0], name != [dot, dot, 0] { return name }
        }
        return nil
    }

    /// Begins anew: what was added or removed meanwhile may have been missed.
    func rewind() { rewinddir(stream) }
}
