import Glibc
import LexClient
import LexSFTP

/// Copies local directories into an instance over one connection, asking far ahead of the answers.
struct TreePush {
    private let report: (String) -> Void
    private var count = 0
    private var bytes: Int64 = 0
    private let found = Found()

    /// What the answers tell, for the end.
    private final class Found {
        var newDirectories: [(path: SFTPPath, attributes: SFTPAttributes)] = []
        var presentDirectories: [SFTPPath] = []
        var presentLinks: [(path: SFTPPath, target: SFTPPath)] = []
    }

    init(report: @escaping (String) -> Void) { self.report = report }

    /// Copies a file or directory, under its own name, into a directory of the instance.
    mutating func push(_ source: String, into directory: SFTPPath, _ session: inout SFTPSession) throws {
        var local = Array(source.utf8)
        while local.count > 1, local.last == UInt8(ascii: "/") { local.removeLast() }
        var name = local.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        // "." and ".." are called what they are.
        if name.isEmpty || name == Array(".".utf8) || name == Array("..".utf8) {
            guard let real = realpath(source, nil) else { throw Self.failure("look at", local) }
            defer { free(real) }
            name = Array(String(cString: real).utf8.split(separator: UInt8(ascii: "/")).last ?? [])
        }
        try push(local, to: name.isEmpty ? directory : Self.join(directory, name), &session)
    }

    private mutating func push(_ local: [UInt8], to path: SFTPPath, _ session: inout SFTPSession) throws {
        var status = stat()
        guard lstat(Self.text(local), &status) == 0 else { throw Self.failure("look at", local) }
        let attributes = SFTPAttributes(
            owner: (status.st_uid, status.st_gid), permissions: UInt32(status.st_mode) & 0o777)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            try makeDirectory(path, attributes, &session)
            for name in try LocalDirectory.names(in: local) {
                try push(Self.join(local, name), to: Self.join(path, name), &session)
            }
        case S_IFREG: try pushFile(local, path, attributes, &session)
        case S_IFLNK: try pushLink(local, path, &session)
        default: throw Failure("'\(Self.shown(local))' isn't a supported file type")
        }
        count += 1
        if count % 16 == 0 { tell() }
    }

    private func tell() { report("\(count) files, \(Quantities.decimalSize(bytes))") }

    private func makeDirectory(
        _ path: SFTPPath, _ attributes: SFTPAttributes, _ session: inout SFTPSession
    ) throws {
        // One that is there stays as it is; of a new one the mode is set when everything is in it.
        try session.askAhead(.mkdir(path: path, attributes: SFTPAttributes(permissions: 0o700))) { [found] reply in
            if case .status(.ok, _) = reply {
                found.newDirectories.append((path, attributes))
            } else if case .status(.failure, _) = reply {
                found.presentDirectories.append(path)
            } else {
                try Self.expectDone(reply, path)
            }
        }
    }

    private func pushLink(_ local: [UInt8], _ path: SFTPPath, _ session: inout SFTPSession) throws {
        var buffer = [CChar](repeating: 0, count: SFTP.longestPath)
        let length = readlink(Self.text(local), &buffer, buffer.count)
        guard length >= 0 else { throw Self.failure("read the link", local) }
        let target = buffer.prefix(length).map { UInt8(bitPattern: $0) }
        try session.askAhead(.symlink(target: target, path: path)) { [found] reply in
            if case .status(.failure, _) = reply {
                found.presentLinks.append((path, target))
            } else {
                try Self.expectDone(reply, path)
            }
        }
    }

    private mutating func pushFile(
        _ local: [UInt8], _ path: SFTPPath, _ attributes: SFTPAttributes, _ session: inout SFTPSession
    ) throws {
        // What was a file may be a fifo by now.
        let descriptor = open(Self.text(local), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure("open", local) }
        defer { close(descriptor) }
        let limit = SFTP.largestPut
        var content = try Self.read(descriptor, limit + 1, local)
        if content.count <= limit, session.extensions.contains(SFTP.putName) {
            bytes += Int64(content.count)
            return try session.askAhead(.put(path: path, attributes: attributes, data: content[...])) {
                try Self.expectDone($0, path)
            }
        }
        var isNew = false
        if case .status(.noSuchFile, _) = try session.ask(.stat(path: path)) { isNew = true }
        let flags: SFTPOpenFlags = [.write, .create, .truncate]
        let opened = try session.ask(.open(path: path, flags: flags, attributes: SFTPAttributes(permissions: 0o600)))
        guard case .handle(let handle) = opened else { return try Self.expectDone(opened, path) }
        var offset: UInt64 = 0
        while !content.isEmpty {
            try session.askAhead(.write(handle: handle, offset: offset, data: content[...])) {
                try Self.expectDone($0, path)
            }
            offset += UInt64(content.count)
            bytes += Int64(content.count)
            tell()
            content = try Self.read(descriptor, 192 << 10, local)
        }
        if isNew {
            try session.askAhead(.fsetstat(handle: handle, attributes: attributes)) { try Self.expectDone($0, path) }
        }
        try session.askAhead(.close(handle: handle)) { try Self.expectDone($0, path) }
    }

    /// Waits for all answers, and does what waited for them.
    mutating func finish(_ session: inout SFTPSession) throws {
        try session.drain()
        for path in found.presentDirectories {
            guard case .attributes(let attributes) = try session.ask(.stat(path: path)), attributes.isDirectory else {
                throw Failure("Cannot make the directory \(Self.shown(path)) in the instance: something else is there")
            }
        }
        for (path, target) in found.presentLinks {
            guard case .names(let names) = try session.ask(.readlink(path: path)), names.first?.name == target else {
                throw Failure("Cannot make the link \(Self.shown(path)) in the instance: something else is there")
            }
        }
        for (path, attributes) in found.newDirectories.reversed() {
            try session.askAhead(.setstat(path: path, attributes: attributes)) { try Self.expectDone($0, path) }
        }
        try session.drain()
    }

    // MARK: small parts

    static func expectDone(_ reply: SFTPReply, _ path: SFTPPath) throws {
        switch reply {
        case .status(.ok, _): return
        case .status(.noSuchFile, _): throw Failure("Not Found: \(shown(path)) in the instance")
        case .status(_, let message): throw Failure("Cannot use \(shown(path)) in the instance: \(message)")
        default: throw Failure("Cannot use \(shown(path)) in the instance: the server's answer makes no sense")
        }
    }

    private static func read(_ descriptor: Int32, _ most: Int, _ local: [UInt8]) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: most)
        var done = 0
        while done < most {
            let start = done
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: start), most - start)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure("read", local) }
            if got == 0 { break }
            done += got
        }
        bytes.removeLast(most - done)
        return bytes
    }

    static func text(_ path: [UInt8]) -> [CChar] { path.map { CChar(bitPattern: $0) } + [0] }
    static func shown(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }
    static func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        directory + (directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + name
    }
    static func failure(_ call: String, _ local: [UInt8]) -> Failure {
        Failure("Cannot \(call) \(shown(local)): \(String(cString: strerror(errno)))")
    }
}

/// A directory of this machine.
enum LocalDirectory {
    /// The names in it, as bytes, in an order that is always the same.
    static func names(in path: [UInt8]) throws -> [[UInt8]] {
        guard let stream = opendir(TreePush.text(path)) else { throw TreePush.failure("list", path) }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw TreePush.failure("list", path) }
                break
            }
            // Up to the NUL in place: the structure is shorter than its type says.
            let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 19
            let text = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            let name = (0..<strlen(text)).map { UInt8(bitPattern: text[$0]) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
