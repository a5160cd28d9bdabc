import FoundationEssentials
import Glibc
import LexAPI
import LexIPC
import LexSFTP
import NIOCore
import NIOHTTP1

/// `/1.0/instances/NAME/files` and `/1.0/instances/NAME/sftp`
extension InstanceRoutes {
    func mountFiles(on router: inout Router) {
        router.mount(API.instances.file) { try await file($0) }
        router.mount(API.instances.fileHead) { try await head($0) }
        router.mount(API.instances.putFile) { request in
            let (record, path) = (try await find(request), try Self.path(request))
            try await instances.putFile(record, path, try Self.wish(request.headers), request)
            return try .sync(Empty())
        }
        router.remove(API.instances.deleteFile) { request in
            let (record, path) = (try await find(request), try Self.path(request))
            try await instances.deleteFile(record, path, request)
        }
        router.mount(API.instances.sftp) { request in
            let record = try await find(request)
            guard request.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "sftp" }) else {
                throw APIError.badRequest("Missing or invalid upgrade header")
            }
            let (servers, server) = (instances.fileServers, try await instances.fileServer(of: record.key))
            request.closed.whenComplete { _ in Task { await servers.end(server, of: record.key) } }
            return Answer(
                status: .switchingProtocols,
                .upgrade("sftp") {
                    try await instances.relayFiles(server, of: record, $0, requestor: request.requestor)
                })
        }
    }

    private static func path(_ request: Request) throws(APIError) -> SFTPPath {
        guard let path = RequestTarget.bytes(of: "path", in: request.queryText), !path.isEmpty else {
            throw .badRequest("Missing path argument")
        }
        guard path.count < SFTP.longestPath else {
            throw .badRequest("The path has \(path.count) bytes; it can have \(SFTP.longestPath - 1)")
        }
        return path.first == UInt8(ascii: "/") ? path : [UInt8(ascii: "/")] + path
    }

    /// What is wished, as LXD reads it: a number that is none is no wish.
    static func wish(_ headers: HTTPHeaders) throws(APIError) -> FileWish {
        let type = headers.first(name: "X-LXD-type") ?? ""
        guard let kind = FileWish.Kind(rawValue: type.isEmpty ? "file" : type) else {
            throw .badRequest("Bad file type: \(type)")
        }
        let write = headers.first(name: "X-LXD-write") ?? ""
        guard ["", "overwrite", "append"].contains(write) else { throw .badRequest("Bad file write mode: \(write)") }
        func id(_ name: String) -> UInt32? { headers.first(name: name).flatMap { UInt32($0) } }
        let (user, group) = (id("X-LXD-uid"), id("X-LXD-gid"))
        var wish = FileWish(kind: kind, appends: write == "append", mode: nil, owner: nil)
        // -1 leaves one of them alone (chown(2)).
        if user != nil || group != nil { wish.owner = (user ?? .max, group ?? .max) }
        if let mode = headers.first(name: "X-LXD-mode") {
            wish.mode = Self.mode(mode)
            if let mode = wish.mode, mode > 0o7777 { throw .badRequest("The mode of a file is from 0 to 07777") }
        }
        return wish
    }

    /// A number as Go's `ParseInt` reads one in base 0: with 0 or 0o before it octal, with 0x hexadecimal, with 0b binary.
    private static func mode(_ text: String) -> UInt32? {
        let text = text.lowercased()
        for (start, radix) in [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)] where text.hasPrefix(start) && text != "0" {
            let digits = text.dropFirst(start.count)
            // A sign belongs before all of it.
            return digits.first?.isHexDigit == true ? UInt32(digits, radix: radix) : nil
        }
        return UInt32(text)
    }

    /// What something is, as LXD says it.
    private static func headers(_ attributes: SFTPAttributes) throws -> HTTPHeaders {
        let kind =
            switch attributes.kind {
            case 0o040000: "directory"
            case 0o100000: "file"
            case 0o120000: "symlink"
            default:
                throw APIError.badRequest(
                    "It is neither a file nor a directory nor a symbolic link; use lx exec to look at it")
            }
        let mode = String((attributes.permissions ?? 0) & 0o777, radix: 8)
        return [
            "X-LXD-uid": "\(attributes.owner?.user ?? 0)", "X-LXD-gid": "\(attributes.owner?.group ?? 0)",
            "X-LXD-mode": String(repeating: "0", count: max(0, 4 - mode.count)) + mode,
            "X-LXD-modified": goTime(time_t(attributes.times?.modified ?? 0)), "X-LXD-type": kind,
        ]
    }

    /// `2026-11-23 04:25:37 +0000 UTC`
    private static func goTime(_ seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000 UTC"
    }

    // MARK: reading

    private func head(_ request: Request) async throws -> Answer {
        let (record, path) = (try await find(request), try Self.path(request))
        let attributes = try await instances.fileAttributes(record, path, until: request.closed)
        var headers = try Self.headers(attributes)
        guard attributes.isFile else { return Answer(headers: headers, .stream(length: 0) { _ in }) }
        headers.add(name: "Last-Modified", value: HTTPDate.text(of: time_t(attributes.times?.modified ?? 0)))
        let size = Int64(clamping: attributes.size ?? 0)
        guard try await isSize(size, of: record, path, until: request.closed) else {
            return Answer(headers: headers, .stream(length: nil) { _ in })
        }
        headers.add(name: "Accept-Ranges", value: "bytes")
        return Answer(headers: headers, .stream(length: size) { _ in })
    }

    /// Whether a file has as much in it as it says, so that it is sent with its length.
    private func isSize(
        _ size: Int64, of record: InstanceRecord, _ path: SFTPPath, until closed: EventLoopFuture<Void>
    ) async throws -> Bool {
        guard size < SFTP.largestData else { return true }
        let lease = try await instances.files(of: record, until: closed)
        do {
            let connection = lease.connection
            let handle = try await connection.handle(
                .open(path: path, flags: .read, attributes: SFTPAttributes()))
            let first = try await connection.read(handle, at: 0, upTo: SFTP.largestData) ?? []
            try await connection.tell(.close(handle: handle))
            lease.giveBack()
            return Int64(first.count) == size
        } catch is FileFailure {
            // Some can be written only, and are looked at for that.
            lease.end()
            return false
        } catch {
            lease.end()
            throw Instances.fileError(error, path)
        }
    }

    private func file(_ request: Request) async throws -> Answer {
        let (record, path) = (try await find(request), try Self.path(request))
        let lease = try await instances.files(of: record, until: request.closed)
        do {
            let attributes = try await lease.connection.attributes(.lstat(path: path))
            var headers = try Self.headers(attributes)
            let answer: Answer
            if attributes.isDirectory {
                let names = try await lease.connection.names(in: path).sorted { $0.lexicographicallyPrecedes($1) }
                lease.giveBack()
                answer = try .sync(names.map { String(decoding: $0, as: UTF8.self) }, headers: headers)
            } else {
                headers.add(name: "Content-Type", value: "application/octet-stream")
                headers.add(name: "Content-Disposition", value: "inline;filename=\(Self.filename(path))")
                headers.add(name: "Accept-Ranges", value: "bytes")
                answer =
                    attributes.isLink
                    ? try await link(path, headers, lease)
                    : try await content(path, headers, lease, request.headers)
            }
            // Who is told that there is nothing for him has read nothing.
            if answer.status == .ok || answer.status == .partialContent {
                instances.fileEvent("instance-file-retrieved", record, path, request)
            }
            return answer
        } catch {
            lease.end()
            throw Instances.fileError(error, path)
        }
    }

    /// The last word of a path, without what a header cannot hold.
    private static func filename(_ path: SFTPPath) -> String {
        let name = path.split(separator: UInt8(ascii: "/")).last ?? []
        return String(decoding: name.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self)
    }

    /// Where a link leads from the root, as LXD guesses it by the words alone.
    private func link(_ path: SFTPPath, _ headers: HTTPHeaders, _ lease: FileLease) async throws -> Answer {
        var target = try await lease.connection.target(of: path)
        let slash = UInt8(ascii: "/")
        if target.first != slash { target = Array(path[..<(path.lastIndex(of: slash) ?? 0)]) + [slash] + target }
        guard case .names(let names) = try await lease.connection.ask(.realpath(path: target)), let name = names.first
        else { throw SFTPError("no path") }
        lease.giveBack()
        return Answer(headers: headers, .bytes(ByteBuffer(bytes: name.name)))
    }

    /// A file, part by part: as fast as it is read at the other end, and never much of it at once.
    private func content(
        _ path: SFTPPath, _ headers: HTTPHeaders, _ lease: FileLease, _ asked: HTTPHeaders
    ) async throws -> Answer {
        let connection = lease.connection
        let handle = try await connection.handle(
            .open(path: path, flags: .read, attributes: SFTPAttributes()))
        // Of what is open: another may lie there by now.
        let attributes = try await connection.attributes(.fstat(handle: handle))
        let size = Int64(clamping: attributes.size ?? 0)
        let modified = time_t(attributes.times?.modified ?? 0)
        var headers = headers
        headers.add(name: "Last-Modified", value: HTTPDate.text(of: modified))
        // Files of /proc have a size of 0, those of /sys one of a page, whatever is in them: it is read to be known.
        var held: ArraySlice<UInt8>?
        if size < SFTP.largestData {
            let first = try await connection.read(handle, at: 0, upTo: SFTP.largestData) ?? []
            if Int64(first.count) != size { return Self.ofUnknownLength(handle, headers, lease, from: first) }
            held = first
        }
        let request = ContentRequest(asked, size: size, modified: modified)
        let range: Range<Int64>
        switch request {
        case .whole: range = 0..<size
        case .part(let part):
            range = part
            headers.add(name: "Content-Range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)")
        case .notModified, .conditionFailed, .outside:
            try await connection.tell(.close(handle: handle))
            lease.giveBack()
            return Self.withoutContent(request, headers, size)
        }
        let status = request == .whole ? HTTPResponseStatus.ok : .partialContent
        if let held {
            try await connection.tell(.close(handle: handle))
            lease.giveBack()
            let part = held.dropFirst(Int(range.lowerBound)).prefix(range.count)
            return Answer(status: status, headers: headers, .bytes(ByteBuffer(bytes: part)))
        }
        return Answer(
            status: status, headers: headers,
            .stream(length: Int64(range.count)) { writer in
                var offset = range.lowerBound
                while offset < range.upperBound {
                    let wanted = Int(min(Int64(SFTP.largestData), range.upperBound - offset))
                    // The length is promised: a file that has become shorter must not look complete.
                    guard let bytes = try await connection.read(handle, at: UInt64(offset), upTo: wanted),
                        !bytes.isEmpty
                    else { throw SystemError("read", "a file of the instance", code: EIO) }
                    try await writer.write(ByteBuffer(bytes: bytes))
                    offset += Int64(bytes.count)
                }
                try await connection.tell(.close(handle: handle))
                lease.giveBack()
            })
    }

    /// The answer to who gets nothing of a file.
    private static func withoutContent(_ request: ContentRequest, _ headers: HTTPHeaders, _ size: Int64) -> Answer {
        var headers = headers
        if request == .notModified {
            headers.remove(name: "Content-Type")
            return Answer(status: .notModified, headers: headers, .bytes(ByteBuffer()))
        }
        var refusal = Answer.failure(
            request == .outside
                ? APIError(status: 416, "The range is not in the file, which has \(size) bytes")
                : APIError(status: 412, "Precondition failed: the file is not as the request says it should be"))
        if request == .outside { headers.add(name: "Content-Range", value: "bytes */\(size)") }
        headers.remove(name: "Content-Type")
        headers.add(contentsOf: refusal.headers)
        refusal.headers = headers
        return refusal
    }

    /// A file whose size says nothing: all there is, until the end comes.
    private static func ofUnknownLength(
        _ handle: [UInt8], _ headers: HTTPHeaders, _ lease: FileLease, from first: ArraySlice<UInt8>
    ) -> Answer {
        var headers = headers
        headers.remove(name: "Accept-Ranges")
        let connection = lease.connection
        return Answer(
            headers: headers,
            .stream(length: nil) { writer in
                var (part, offset) = (first, UInt64(0))
                while !part.isEmpty {
                    try await writer.write(ByteBuffer(bytes: part))
                    offset += UInt64(part.count)
                    part = try await connection.read(handle, at: offset, upTo: SFTP.largestData) ?? []
                }
                try await connection.tell(.close(handle: handle))
                lease.giveBack()
            })
    }
}
