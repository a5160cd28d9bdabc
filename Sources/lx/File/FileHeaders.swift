import Glibc
import LexAPI
import LexClient

/// What a file of an instance is to be, as the headers of a request say it.
struct FileHeaders {
    enum Kind: String { case file, directory, symlink }
    var kind = Kind.file
    var user: UInt32?
    var group: UInt32?
    var mode: UInt32?

    var list: [(String, String)] {
        var list = [("X-LXD-type", kind.rawValue), ("X-LXD-write", "overwrite")]
        if let user { list.append(("X-LXD-uid", "\(user)")) }
        if let group { list.append(("X-LXD-gid", "\(group)")) }
        if let mode { list.append(("X-LXD-mode", "0" + String(mode, radix: 8))) }
        return list
    }

    /// The mode that a person wrote: octal, with or without a zero before it.
    static func mode(_ text: String) throws -> UInt32? {
        if text.isEmpty { return nil }
        guard let mode = UInt32(text, radix: 8), mode <= 0o7777 else {
            throw Failure("\"\(text)\" is no mode; one looks like 0644")
        }
        return mode
    }

    /// An id that a person wrote; -1 stands for none.
    static func id(_ value: Int64, _ option: String) throws -> UInt32? {
        if value == -1 { return nil }
        guard let id = UInt32(exactly: value), id < .max else {
            throw Failure("--\(option) takes an id from 0 to 4294967294, not \(value)")
        }
        return id
    }
}

extension Client {
    /// Writes a file of an instance from an open one.
    func pushFile(
        _ instance: String, _ path: String, _ headers: FileHeaders, _ descriptor: Int32,
        progress: TransferReport? = nil
    ) async throws {
        _ = try await upload(
            API.instances.putFile, path: ["name": instance], query: ["path": path], headers: headers.list,
            .file(descriptor), progress: progress)
    }

    /// Makes a directory, a link or an empty file.
    func makeFile(_ instance: String, _ path: String, _ headers: FileHeaders, content: String = "") async throws {
        let answer = try await raw(
            API.instances.putFile, path: ["name": instance], query: ["path": path], body: Array(content.utf8),
            headers: headers.list)
        try Self.check(answer)
    }

    /// What lies at a path: its kind, nil when there is nothing.
    func fileKind(_ instance: String, _ path: String) async throws -> String? {
        let answer = try await raw(API.instances.fileHead, path: ["name": instance], query: ["path": path])
        // The answer to HEAD has no words.
        if answer.status == 404 { return nil }
        return answer.status < 400 ? answer.header("X-LXD-type") : "other"
    }

    private static func check(_ answer: RawAnswer) throws {
        guard answer.status >= 400 else { return }
        let text = (try? JSONValue.parse(answer.body))?["error"]?.text ?? "the server said \(answer.status)"
        throw APIError(status: answer.status, text)
    }

    /// Makes the directories that lead to a path.
    func makeDirectories(_ instance: String, _ path: String, user: UInt32?, group: UInt32?) async throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            try await makeFile(instance, made, FileHeaders(kind: .directory, user: user, group: group))
        }
    }
}
