import CLexLinux
import Glibc
import LexIPC
import LexSFTP

/// What a client has open.
enum FileHandle {
    case file(Int32, appends: Bool)
    case directory(OpaquePointer)

    /// The most entries of a directory in one answer, and the most bytes they may take together.
    private static let mostNames = 256
    private static let mostNameBytes = 128 << 10

    func close() {
        switch self {
        case .file(let number, _): Glibc.close(number)
        case .directory(let stream): closedir(stream)
        }
    }

    /// Closes it; some file systems say only then that what was written is not.
    func closeOrFail() throws(SystemError) -> SFTPReply {
        guard case .file(let number, _) = self else {
            close()
            return .status(.ok, message: "")
        }
        // Closed in any case: no second try.
        if Glibc.close(number) != 0, errno != EINTR { throw SystemError("close", "") }
        return .status(.ok, message: "")
    }

    var openFile: OpenFile {
        switch self {
        case .file(let number, let appends): OpenFile(number: number, appends: appends)
        case .directory(let stream): OpenFile(number: dirfd(stream), appends: false)
        }
    }

    /// A file that is open.
    struct OpenFile {
        let number: Int32
        let appends: Bool

        func read(_ offset: UInt64, _ length: UInt32) throws(SystemError) -> SFTPReply {
            guard let offset = off_t(exactly: offset) else { throw SystemError("read", "", code: EINVAL) }
            let wanted = min(Int(length), SFTP.largestData)
            guard wanted > 0 else { return .data([]) }
            var bytes = [UInt8](repeating: 0, count: wanted)
            let count = try checked("read", "") {
                bytes.withUnsafeMutableBytes { pread(number, $0.baseAddress, $0.count, offset) }
            }
            return count == 0 ? .status(.end, message: "End of file") : .data(bytes[..<count])
        }

        func write(_ data: ArraySlice<UInt8>, _ offset: UInt64) throws(SystemError) {
            guard let offset = off_t(exactly: offset), !offset.addingReportingOverflow(off_t(data.count)).overflow
            else { throw SystemError("write", "", code: EFBIG) }
            var done = 0
            while done < data.count {
                done += try checked("write", "") {
                    data.withUnsafeBytes { bytes in
                        let rest = bytes.baseAddress?.advanced(by: done)
                        return appends
                            ? Glibc.write(number, rest, bytes.count - done)
                            : pwrite(number, rest, bytes.count - done, offset + off_t(done))
                    }
                }
            }
        }

        func attributes() throws(SystemError) -> SFTPReply {
            var status = stat()
            try checked("look at", "") { fstat(number, &status) }
            return .attributes(SFTPAttributes(status))
        }

        func change(_ wish: SFTPAttributes) throws(SystemError) {
            try GuestFiles.change(number, wish)
        }

        func sync() throws(SystemError) { try checked("sync", "") { fsync(number) } }
    }

    /// The next entries of a directory.
    static func next(of stream: OpaquePointer) throws(SystemError) -> SFTPReply {
        var names: [SFTPName] = []
        var bytes = 0
        while names.count < mostNames, bytes < mostNameBytes {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0, names.isEmpty { throw SystemError("list", "") }
                break
            }
            // Up to the NUL in place: the structure is shorter than its type says.
            let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19
            let text = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            let length = strlen(text)
            let name = (0..<length).map { UInt8(bitPattern: text[$0]) }
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            var status = stat()
            // One that is gone meanwhile is none any more.
            guard fstatat(dirfd(stream), text, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            names.append(SFTPName(name, line: line(name, status), attributes: SFTPAttributes(status)))
            bytes += 2 * length + 96
        }
        return names.isEmpty ? .status(.end, message: "End of directory") : .names(names)
    }

    /// As ls(1) would have it, but for the date: clients show it and do not read it.
    private static func line(_ name: [UInt8], _ status: stat) -> [UInt8] {
        let kinds: [mode_t: Character] = [
            S_IFDIR: "d", S_IFLNK: "l", S_IFCHR: "c", S_IFBLK: "b", S_IFIFO: "p", S_IFSOCK: "s",
        ]
        var mode = String(kinds[status.st_mode & S_IFMT] ?? "-")
        for (index, letter) in "rwxrwxrwx".enumerated() {
            mode.append(status.st_mode & (0o400 >> mode_t(index)) != 0 ? letter : "-")
        }
        return Array("\(mode) \(status.st_nlink) \(status.st_uid) \(status.st_gid) \(status.st_size) ".utf8) + name
    }
}
