import CLexLinux
import Glibc
import LexIPC
import LexSFTP

/// One SFTP connection: reads requests, carries them out one after the other, answers.
///
/// Who asks may send many at once; answers go out together when there is no whole request left, or many of them wait.
struct FileService: ~Copyable {
    private let files: GuestFiles
    private let connection: OwnedDescriptor
    private var frames = SFTPFrames()
    private var answers = SFTPWriter()
    private var handles: [UInt32: FileHandle] = [:]
    private var nextHandle: UInt32 = 1

    /// The most that can be open at once.
    private static let mostHandles = 512
    /// How many bytes of answers may wait to be sent together.
    private static let heldBack = 64 << 10

    init(_ files: consuming GuestFiles, _ connection: consuming OwnedDescriptor) {
        self.files = files
        self.connection = connection
    }

    /// Serves until the other side closes or says what is no SFTP.
    consuming func run() {
        var chunk = [UInt8](repeating: 0, count: SFTP.largestPacket)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(connection.number, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            frames.append(chunk[..<count])
            guard answerAll(), send() else { break }
        }
        for handle in handles.values { handle.close() }
    }

    /// False when it makes no sense to go on.
    private mutating func answerAll() -> Bool {
        while true {
            let packet: ArraySlice<UInt8>?
            do { packet = try frames.next() } catch { return false }
            guard let packet else { return true }
            guard packet.count >= 5 else { return false }
            do {
                let (id, request) = try SFTPRequest.read(packet)
                answers.put(answer(request), id: id)
            } catch {
                // What it says of its length fits, what is in it does not.
                let id = packet.dropFirst().prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                answers.put(.status(.badMessage, message: error.description), id: id)
            }
            if answers.bytes.count >= Self.heldBack, !send() { return false }
        }
    }

    private mutating func send() -> Bool {
        defer { answers.removeAll() }
        return (try? connection.writeAll(answers.bytes, to: "")) != nil
    }

    private mutating func answer(_ request: SFTPRequest) -> SFTPReply {
        do throws(SystemError) {
            return try carryOut(request)
        } catch {
            let status: SFTPStatus =
                switch error.code {
                case ENOENT: .noSuchFile
                case EACCES, EPERM: .permissionDenied
                default: .failure
                }
            return .status(status, message: error.reason)
        }
    }

    private static let done = SFTPReply.status(.ok, message: "")

    private mutating func carryOut(_ request: SFTPRequest) throws(SystemError) -> SFTPReply {
        switch request {
        case .initialize: return .version(SFTP.version, extensions: SFTP.extensions.map(\.name))
        case .open(let path, let flags, let attributes): return try open(path, flags, attributes)
        case .close(let handle):
            guard let number = Self.number(handle), let handle = handles.removeValue(forKey: number) else {
                throw SystemError("close", "", code: EBADF)
            }
            return try handle.closeOrFail()
        case .read(let handle, let offset, let length): return try file(handle).read(offset, length)
        case .write(let handle, let offset, let data):
            try file(handle).write(data, offset)
        case .fstat(let handle): return try file(handle).attributes()
        case .fsetstat(let handle, let wish): try file(handle).change(wish)
        case .fsync(let handle): try file(handle).sync()
        case .opendir(let path):
            let number = try checked("open", "") {
                lex_open_in_root(
                    files.root.number, GuestFiles.text(path), O_RDONLY | O_DIRECTORY | O_NONBLOCK)
            }
            guard let stream = fdopendir(number) else {
                let code = errno
                Glibc.close(number)
                throw SystemError("list", "", code: code)
            }
            return try keep(.directory(stream))
        case .readdir(let handle):
            guard let number = Self.number(handle), case .directory(let stream)? = handles[number] else {
                throw SystemError("list", "", code: EBADF)
            }
            return try FileHandle.next(of: stream)
        default: return try carryOutByPath(request)
        }
        return Self.done
    }

    private func carryOutByPath(_ request: SFTPRequest) throws(SystemError) -> SFTPReply {
        switch request {
        case .stat(let path): return .attributes(SFTPAttributes(try GuestFiles.look(files.find(path))))
        case .lstat(let path):
            return .attributes(SFTPAttributes(try GuestFiles.look(files.find(path, following: false))))
        case .setstat(let path, let wish): try files.change(files.find(path), wish)
        case .put(let path, let attributes, let data): try files.put(path, attributes, data)
        case .remove(let path):
            let place = try files.parent(of: path)
            try checked("remove", "") { unlinkat(place.directory.number, place.name, 0) }
        case .rmdir(let path):
            let place = try files.parent(of: path)
            try checked("remove", "") { unlinkat(place.directory.number, place.name, AT_REMOVEDIR) }
        case .mkdir(let path, let attributes):
            let place = try files.parent(of: path)
            try checked("make", "") {
                mkdirat(place.directory.number, place.name, (attributes.permissions ?? 0o755) & 0o7777)
            }
        case .symlink(let target, let path):
            let place = try files.parent(of: path)
            try checked("make", "") { symlinkat(GuestFiles.text(target), place.directory.number, place.name) }
        case .rename(let from, let to, let replacing):
            let source = try files.parent(of: from)
            let target = try files.parent(of: to)
            try checked("rename", "") {
                replacing
                    ? renameat(source.directory.number, source.name, target.directory.number, target.name)
                    : lex_rename_new(source.directory.number, source.name, target.directory.number, target.name)
            }
        case .hardlink(let from, let to):
            let source = try files.parent(of: from)
            let target = try files.parent(of: to)
            try checked("link", "") {
                linkat(source.directory.number, source.name, target.directory.number, target.name, 0)
            }
        case .realpath(let path): return .names([SFTPName(GuestFiles.absolute(path), line: GuestFiles.absolute(path))])
        case .readlink(let path):
            let target = try files.target(of: path)
            return .names([SFTPName(target, line: target)])
        case .statvfs(let path): return try Self.room(files.find(path))
        default: return .status(.unsupported, message: "This server does not know that request")
        }
        return Self.done
    }

    private mutating func open(
        _ path: SFTPPath, _ flags: SFTPOpenFlags, _ attributes: SFTPAttributes
    ) throws(SystemError) -> SFTPReply {
        var kernel = flags.contains(.write) ? (flags.contains(.read) ? O_RDWR : O_WRONLY) : O_RDONLY
        if flags.contains(.append) { kernel |= O_APPEND }
        if flags.contains(.truncate), flags.contains(.write) { kernel |= O_TRUNC }
        let opened = try files.open(
            path, kernel, creates: flags.contains(.create), exclusively: flags.isSuperset(of: [.create, .exclusive]),
            mode: attributes.permissions ?? 0o644)
        return try keep(.file(opened.release(), appends: flags.contains(.append)))
    }

    private mutating func keep(_ handle: FileHandle) throws(SystemError) -> SFTPReply {
        guard handles.count < Self.mostHandles else {
            handle.close()
            throw SystemError("open", "", code: EMFILE)
        }
        let number = nextHandle
        nextHandle &+= 1
        handles[number] = handle
        return .handle((0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) })
    }

    private static func number(_ handle: [UInt8]) -> UInt32? {
        handle.count == 4 ? handle.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }

    private func file(_ handle: [UInt8]) throws(SystemError) -> FileHandle.OpenFile {
        guard let number = Self.number(handle), let found = handles[number] else {
            throw SystemError("use", "", code: EBADF)
        }
        return found.openFile
    }

    private static func room(_ found: borrowing OwnedDescriptor) throws(SystemError) -> SFTPReply {
        var room = statvfs()
        let number = found.number
        try checked("look at", "") { fstatvfs(number, &room) }
        return .numbers([
            UInt64(room.f_bsize), UInt64(room.f_frsize), UInt64(room.f_blocks), UInt64(room.f_bfree),
            UInt64(room.f_bavail), UInt64(room.f_files), UInt64(room.f_ffree), UInt64(room.f_favail),
            UInt64(room.f_fsid), UInt64(room.f_flag & 3), UInt64(room.f_namemax),
        ])
    }
}
