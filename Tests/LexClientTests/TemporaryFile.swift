import Glibc

/// A file that is gone when the test is over.
final class TemporaryFile {
    let descriptor: Int32

    init(_ content: [UInt8]) throws {
        struct NoFile: Error {}
        var template = Array("/tmp/lexclient-test-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw NoFile() }
        unlink(template)
        var rest = content[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard wrote > 0 else { throw NoFile() }
            rest = rest.dropFirst(wrote)
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit { close(descriptor) }

    var content: [UInt8] {
        lseek(descriptor, 0, SEEK_SET)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let got = read(descriptor, &buffer, buffer.count), got > 0 { bytes += buffer.prefix(got) }
        return bytes
    }
}
