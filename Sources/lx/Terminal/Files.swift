import Glibc

/// Small local files.
enum Files {
    static func read(_ path: String) throws -> String {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = Glibc.read(descriptor, &buffer, buffer.count)
            if got > 0 {
                bytes += buffer.prefix(got)
            } else if got == 0 {
                return String(decoding: bytes, as: UTF8.self)
            } else if errno != EINTR {
                throw Failure("Cannot read \(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    static func write(_ text: String, to path: String) throws {
        let descriptor = try open(path, O_WRONLY | O_TRUNC)
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if wrote >= 0 {
                rest = rest.dropFirst(wrote)
            } else if errno != EINTR {
                throw Failure("Cannot write \(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Opens a file, closed again in programs that are started; the caller closes it.
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o644) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw Failure("Cannot open \(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
