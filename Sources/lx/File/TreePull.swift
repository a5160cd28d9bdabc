import Glibc
import LexClient
import LexSFTP

/// Copies directories of an instance to this machine over one connection.
///
/// What the instance says is not trusted: a name leads nowhere but into the directory it stands in, and nothing is
/// written through a link, not even one that came with the same copy.
struct TreePull {
    private let report: (String) -> Void
    private var count = 0
    private var bytes: Int64 = 0

    /// How many small files are asked for at once, and what is small.
    private static let mostAtOnce = 32
    private static let small: UInt64 = 64 << 10
    private static let chunk = 192 << 10
    /// What one directory may have: a file system of the instance's may list for ever.
    static let mostEntries = 1_000_000
    static let mostNameBytes = 64 << 20

    init(report: @escaping (String) -> Void) { self.report = report }

    private struct Entry {
        var name: [UInt8]
        var path: SFTPPath
        var attributes: SFTPAttributes
    }

    /// Copies what lies at a path, under its own name, into a local directory that is open.
    mutating func pull(_ path: SFTPPath, into directory: Int32, as name: [UInt8], _ session: inout SFTPSession) throws {
        guard case .attributes(let attributes) = try session.ask(.lstat(path: path)) else {
            throw Failure("Not Found: \(TreePush.shown(path)) in the instance")
        }
        try pull([Entry(name: name, path: path, attributes: attributes)], into: directory, &session)
    }

    private mutating func pull(_ entries: [Entry], into directory: Int32, _ session: inout SFTPSession) throws {
        var smallOnes: [Entry] = []
        for entry in entries {
            if entry.attributes.isDirectory {
                try pullDirectory(entry, into: directory, &session)
            } else if entry.attributes.isLink {
                try pullLink(entry, into: directory, &session)
            } else if entry.attributes.isFile {
                if entry.attributes.size ?? 0 <= Self.small {
                    smallOnes.append(entry)
                    if smallOnes.count == Self.mostAtOnce { try pullSmall(&smallOnes, into: directory, &session) }
                } else {
                    try pullLarge(entry, into: directory, &session)
                }
            }
            // Sockets, fifos and devices are nothing to copy.
            count += 1
            if count % 16 == 0 { tell() }
        }
        try pullSmall(&smallOnes, into: directory, &session)
    }

    private func tell() { report("\(count) files, \(Quantities.decimalSize(bytes))") }

    private mutating func pullDirectory(_ entry: Entry, into parent: Int32, _ session: inout SFTPSession) throws {
        let name = TreePush.text(entry.name)
        if mkdirat(parent, name, 0o700) != 0, errno != EEXIST { throw TreePush.failure("make", entry.name) }
        let directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { throw TreePush.failure("open", entry.name) }
        defer { close(directory) }
        let opened = try session.ask(.opendir(path: entry.path))
        guard case .handle(let handle) = opened else { return try TreePush.expectDone(opened, entry.path) }
        var entries: [Entry] = []
        var nameBytes = 0
        while case .names(let names) = try session.ask(.readdir(handle: handle)) {
            for name in names {
                guard Self.isName(name.name) else {
                    throw Failure("The instance has a file of an impossible name in \(TreePush.shown(entry.path))")
                }
                nameBytes += name.name.count
                guard entries.count < Self.mostEntries, nameBytes <= Self.mostNameBytes else {
                    throw Failure(
                        "Cannot pull \(TreePush.shown(entry.path)): it has more than \(Self.mostEntries) entries, or more"
                            + " than \(Self.mostNameBytes >> 20) MiB of names; make an archive of it in the instance")
                }
                entries.append(
                    Entry(
                        name: name.name, path: TreePush.join(entry.path, name.name), attributes: name.attributes))
            }
        }
        _ = try session.ask(.close(handle: handle))
        try pull(entries, into: directory, &session)
        fchmod(directory, (entry.attributes.permissions ?? 0o755) & 0o777)
    }

    /// Whether it is one name, and none that leads elsewhere.
    static func isName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && !name.contains(UInt8(ascii: "/")) && !name.contains(0) && name != Array(".".utf8)
            && name != Array("..".utf8)
    }

    private func pullLink(_ entry: Entry, into directory: Int32, _ session: inout SFTPSession) throws {
        let reply = try session.ask(.readlink(path: entry.path))
        guard case .names(let names) = reply, let target = names.first?.name, !target.contains(0) else {
            return try TreePush.expectDone(reply, entry.path)
        }
        if symlinkat(TreePush.text(target), directory, TreePush.text(entry.name)) == 0 { return }
        guard errno == EEXIST, unlinkat(directory, TreePush.text(entry.name), 0) == 0,
            symlinkat(TreePush.text(target), directory, TreePush.text(entry.name)) == 0
        else { throw TreePush.failure("make the link", entry.name) }
    }

    private func make(_ entry: Entry, in directory: Int32) throws -> Int32 {
        let mode = mode_t((entry.attributes.permissions ?? 0o644) & 0o777)
        let descriptor = openat(
            directory, TreePush.text(entry.name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
            mode)
        guard descriptor >= 0 else { throw TreePush.failure("write", entry.name) }
        fchmod(descriptor, mode)
        return descriptor
    }

    /// Many small files at once: all are opened, then all are read, then all are closed.
    private mutating func pullSmall(
        _ entries: inout [Entry], into directory: Int32, _ session: inout SFTPSession
    ) throws {
        final class Gathered {
            var handles: [Int: [UInt8]] = [:]
            var contents: [Int: ArraySlice<UInt8>] = [:]
        }
        let gathered = Gathered()
        for (index, entry) in entries.enumerated() {
            try session.askAhead(.open(path: entry.path, flags: .read, attributes: SFTPAttributes())) { reply in
                guard case .handle(let handle) = reply else { return try TreePush.expectDone(reply, entry.path) }
                gathered.handles[index] = handle
            }
        }
        try session.drain()
        for (index, entry) in entries.enumerated() {
            guard let handle = gathered.handles[index] else { continue }
            try session.askAhead(.read(handle: handle, offset: 0, length: UInt32(Self.chunk))) { reply in
                switch reply {
                case .data(let data): gathered.contents[index] = data
                case .status(.end, _): gathered.contents[index] = []
                default: try TreePush.expectDone(reply, entry.path)
                }
            }
        }
        for (index, entry) in entries.enumerated() {
            guard let handle = gathered.handles[index] else { continue }
            try session.askAhead(.close(handle: handle)) { try TreePush.expectDone($0, entry.path) }
        }
        try session.drain()
        for (index, entry) in entries.enumerated() {
            guard let content = gathered.contents[index] else { continue }
            let descriptor = try make(entry, in: directory)
            defer { close(descriptor) }
            try Self.write(content, at: 0, to: descriptor, entry.name)
            bytes += Int64(content.count)
            // Its size was not what there is, as in /proc: the rest is read until the end is said.
            if UInt64(content.count) != entry.attributes.size ?? 0 {
                try copy(entry.path, to: descriptor, name: entry.name, from: UInt64(content.count), &session)
            }
        }
        entries.removeAll()
    }

    /// A large file: several parts are under way at a time.
    private mutating func pullLarge(_ entry: Entry, into directory: Int32, _ session: inout SFTPSession) throws {
        let descriptor = try make(entry, in: directory)
        defer { close(descriptor) }
        try copy(entry.path, to: descriptor, name: entry.name, &session)
    }

    private mutating func copy(
        _ path: SFTPPath, to descriptor: Int32, name: [UInt8], from first: UInt64 = 0, _ session: inout SFTPSession
    ) throws {
        let opened = try session.ask(.open(path: path, flags: .read, attributes: SFTPAttributes()))
        guard case .handle(let handle) = opened else { return try TreePush.expectDone(opened, path) }
        let parts = PartsInOrder(at: first)
        while !parts.isAtEnd {
            let start = parts.next
            for index in 0..<(parts.wasShort ? 1 : 8) {
                let offset = start + UInt64(index * Self.chunk)
                try session.askAhead(.read(handle: handle, offset: offset, length: UInt32(Self.chunk))) { reply in
                    switch reply {
                    case .data(let data):
                        guard parts.take(data.count, of: Self.chunk, at: offset) else { return }
                        try Self.write(data, at: offset, to: descriptor, name)
                    case .status(.end, _): parts.end(at: offset)
                    default: try TreePush.expectDone(reply, path)
                    }
                }
            }
            parts.beginTurn()
            try session.drain()
            bytes += Int64(clamping: parts.next - start)
            tell()
        }
        _ = try session.ask(.close(handle: handle))
    }

    private static func write(
        _ content: ArraySlice<UInt8>, at offset: UInt64, to descriptor: Int32, _ name: [UInt8]
    ) throws {
        var done = 0
        while done < content.count {
            let start = done
            let wrote = content.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress?.advanced(by: start), content.count - start,
                    off_t(clamping: offset + UInt64(start)))
            }
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else { throw TreePush.failure("write", name) }
            done += wrote
        }
    }
}

/// Which parts of a file that are asked for ahead count. What comes behind a short one is asked for again, and the end is
/// the end only where the last part ended: a file in /proc gives less than it has.
final class PartsInOrder {
    /// Where the next part begins.
    private(set) var next: UInt64
    private(set) var isAtEnd = false
    /// Whether the last part was shorter than asked for: then the end is near, or parts come short.
    private(set) var wasShort = false

    init(at offset: UInt64) { next = offset }

    /// Forgets what the last turn was like.
    func beginTurn() { wasShort = false }

    /// Whether a part that came is the next one.
    func take(_ count: Int, of wanted: Int, at offset: UInt64) -> Bool {
        guard offset == next, count > 0 else { return false }
        next += UInt64(count)
        if count < wanted { wasShort = true }
        return true
    }

    func end(at offset: UInt64) {
        if offset == next { isAtEnd = true }
    }
}
