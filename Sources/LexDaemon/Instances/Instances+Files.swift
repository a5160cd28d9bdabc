import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexSFTP
import LexStorage
import LexStore
import NIOCore
import NIOPosix
import Synchronization

/// A file of an instance as clients wish it, by the headers `X-LXD-*`.
struct FileWish: Sendable {
    enum Kind: String { case file, directory, symlink }
    var kind: Kind
    var appends: Bool
    /// Nil to leave them as they come.
    var mode: UInt32?
    var owner: (user: UInt32, group: UInt32)?

    /// What is set of one that is new.
    func attributes(defaultMode: UInt32) -> SFTPAttributes {
        SFTPAttributes(owner: owner, permissions: mode ?? defaultMode)
    }
}

extension Instances {
    /// A server for the files of an instance, one that has nothing to do or a new one. It is ended when `closed` is done
    /// before it is given back.
    func files(of record: InstanceRecord, until closed: EventLoopFuture<Void>) async throws -> FileLease {
        let connection: FileConnection
        if let idle = fileServers.takeIdle(of: record.key) {
            connection = idle
        } else {
            connection = FileConnection(try await fileServer(of: record.key))
        }
        let lease = FileLease(connection, of: record.key, from: fileServers)
        closed.whenComplete { [weak lease] _ in lease?.end() }
        return lease
    }

    /// A new one. It sees what the instance sees; of one that does not run its root alone.
    func fileServer(of key: String) async throws -> FileServer {
        try await settle(key)
        if let server = try await fileServerInside(key) { return server }
        return try await locks.with(key) {
            guard var stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            // It may have been started while we waited.
            if let server = try await fileServerInside(key) { return server }
            let expansion = try await expansion(of: stored.value)
            let config = Config<InstanceKeys>(expansion.config)
            let ids = try await claimIDs(of: stored.value, config)
            try await giveOwners(&stored.value, config, ids)
            let directory = host.runDirectory + "/files"
            try await blocking { try makeDirectories(directory, mode: 0o711) }
            let driver = try pools.driver(of: stored.value.pool)
            let volume = try Self.volume(stored.value)
            let fingerprint = stored.value.image.flatMap { Fingerprint($0) }
            let root = try await driver.root(of: volume, from: fingerprint)
            let plain = try await driver.plainDirectories(of: volume, from: fingerprint, making: false)
            let server = try await host.runtime.files(
                FilesJob(
                    name: InstanceHost.flatName(key), root: root.mount(below: directory),
                    plain: plain.sorted { $0.key < $1.key }.map {
                        PlainDirectory(source: $0.value, place: String($0.key.drop { $0 == "/" }))
                    }, ids: ids), in: nil)
            fileServers.add(server, of: key)
            return server
        }
    }

    /// A new one inside an instance that runs; nil when it does not.
    private func fileServerInside(_ key: String) async throws -> FileServer? {
        let instance = liveInstance(key)
        guard let run = instance.run else { return nil }
        let server: FileServer
        do {
            server = try await host.runtime.files(
                FilesJob(name: InstanceHost.flatName(key), root: nil, ids: run.ids),
                in: run.process)
        } catch let failure as RuntimeFailure where failure.code == ESRCH {
            throw APIError.unavailable("The instance is just being stopped: ask for its files again")
        }
        fileServers.add(server, of: key)
        // When it ended meanwhile, nobody ends this one any more.
        guard run.isSame(as: instance.run), !run.process.hasEnded else {
            await fileServers.end(server, of: key)
            throw APIError.unavailable("The instance is just being stopped: ask for its files again")
        }
        return server
    }

    // MARK: what is done with them

    /// Does something with the files of an instance, and says what went wrong with which path.
    private func withFiles<Result>(
        _ record: InstanceRecord, _ path: SFTPPath, until closed: EventLoopFuture<Void>,
        _ body: (FileConnection) async throws -> Result
    ) async throws -> Result {
        let lease = try await files(of: record, until: closed)
        do {
            let result = try await body(lease.connection)
            lease.giveBack()
            return result
        } catch {
            lease.end()
            throw Self.fileError(error, path)
        }
    }

    static func fileError(_ error: any Error, _ path: SFTPPath) -> any Error {
        switch error {
        case let failure as FileFailure: failure.apiError(path)
        case is FileServerGone:
            APIError.unavailable(
                "The files of the instance cannot be reached any more: it was started, stopped or renamed meanwhile")
        default: error
        }
    }

    /// What a path is; a symbolic link is one.
    func fileAttributes(
        _ record: InstanceRecord, _ path: SFTPPath, until closed: EventLoopFuture<Void>
    ) async throws -> SFTPAttributes {
        try await withFiles(record, path, until: closed) { try await $0.attributes(.lstat(path: path)) }
    }

    /// Writes a file, or makes a directory or a link.
    func putFile(
        _ record: InstanceRecord, _ path: SFTPPath, _ wish: FileWish, _ request: Request
    ) async throws {
        let isChanged = try await withFiles(record, path, until: request.closed) { files in
            switch wish.kind {
            case .file: try await Self.write(path, wish, request.body, files)
            case .directory: return try await Self.makeDirectory(path, wish, files)
            case .symlink:
                let target = Array(buffer: try await request.bytes(limit: SFTP.longestPath - 1))
                guard !target.isEmpty, !target.contains(0) else {
                    throw APIError.badRequest("The body of the request is no target of a symbolic link")
                }
                let present = try? await files.target(of: path)
                if present == target { return false }
                try await files.tell(.symlink(target: target, path: path))
            }
            return true
        }
        if isChanged { fileEvent("instance-file-pushed", record, path, request) }
    }

    /// False when there is something already.
    private static func makeDirectory(
        _ path: SFTPPath, _ wish: FileWish, _ files: FileConnection
    ) async throws -> Bool {
        do {
            _ = try await files.attributes(.stat(path: path))
            return false
        } catch let failure as FileFailure where failure.status == .noSuchFile {}
        try await files.tell(.mkdir(path: path, attributes: SFTPAttributes(permissions: 0o700)))
        do {
            try await files.tell(.setstat(path: path, attributes: wish.attributes(defaultMode: 0o750)))
        } catch let failure as FileFailure {
            try await files.tell(.rmdir(path: path))
            throw failure
        }
        return true
    }

    /// Writes the body of a request as it comes. Mode and owner are for a file that is new, and are set when it is whole.
    private static func write(
        _ path: SFTPPath, _ wish: FileWish, _ body: RequestBody, _ files: FileConnection
    ) async throws {
        let parts = body.makeAsyncIterator()
        var held = ByteBuffer()
        var isWhole = false
        while held.readableBytes <= SFTP.largestPut {
            guard var part = try await parts.next() else {
                isWhole = true
                break
            }
            held.writeBuffer(&part)
        }
        let attributes = wish.attributes(defaultMode: 0o644)
        if isWhole, !wish.appends, held.readableBytes <= SFTP.largestPut {
            return try await files.tell(
                .put(path: path, attributes: attributes, data: Array(buffer: held)[...]))
        }
        var isNew = false
        if !wish.appends {
            do { _ = try await files.attributes(.stat(path: path)) } catch let failure as FileFailure
                where failure.status == .noSuchFile
            { isNew = true }
        }
        let handle = try await files.handle(
            .open(
                path: path, flags: wish.appends ? [.write, .append] : [.write, .create, .truncate],
                attributes: SFTPAttributes(permissions: 0o600)))
        do {
            var offset = try await write(held, at: 0, to: handle, files)
            while !isWhole, let part = try await parts.next() {
                offset = try await write(part, at: offset, to: handle, files)
            }
            if isNew { try await files.tell(.fsetstat(handle: handle, attributes: attributes)) }
        } catch let failure as FileFailure {
            if isNew { try await files.tell(.remove(path: path)) }
            throw failure
        }
        try await files.tell(.close(handle: handle))
    }

    /// Writes bytes from an offset on; answers the offset behind them.
    private static func write(
        _ bytes: ByteBuffer, at offset: UInt64, to handle: [UInt8], _ files: FileConnection
    ) async throws -> UInt64 {
        var (offset, rest) = (offset, bytes)
        while let part = rest.readBytes(length: min(rest.readableBytes, SFTP.largestData - 1024)), !part.isEmpty {
            try await files.tell(.write(handle: handle, offset: offset, data: part[...]))
            offset += UInt64(part.count)
        }
        return offset
    }

    /// Removes a file, or an empty directory.
    func deleteFile(_ record: InstanceRecord, _ path: SFTPPath, _ request: Request) async throws {
        try await withFiles(record, path, until: request.closed) { files in
            if try await files.attributes(.lstat(path: path)).isDirectory {
                try await files.tell(.rmdir(path: path))
            } else {
                try await files.tell(.remove(path: path))
            }
        }
        fileEvent("instance-file-deleted", record, path, request)
    }

    func fileEvent(_ action: String, _ record: InstanceRecord, _ path: SFTPPath, _ request: Request) {
        fileEvent(action, record, path, request.requestor)
    }

    private func fileEvent(
        _ action: String, _ record: InstanceRecord, _ path: SFTPPath, _ requestor: Event.Requestor?
    ) {
        lifecycle(
            action, record, context: ["path": .string(String(decoding: path, as: UTF8.self))], requestor: requestor)
    }

    // MARK: sftp

    /// Passes bytes between a client and a file server of its own, until either has no more. What is done with files is
    /// told of as if it had been asked for by requests of their own.
    func relayFiles(
        _ server: FileServer, of record: InstanceRecord, _ client: ByteStream, requestor: Event.Requestor?
    ) async throws {
        let key = record.key
        do {
            let descriptor = try server.duplicate().release()
            let inside = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .withConnectedSocket(descriptor) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(
                                backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                                isOutboundHalfClosureEnabled: false))
                    }
                }
            try await inside.executeThenClose { answers, _ in
                try await Self.relay(client, ByteStream(channel: inside.channel, inbound: answers)) { deed, path in
                    self.fileEvent("instance-file-\(deed.rawValue)", record, path, requestor)
                }
            }
        } catch {
            await fileServers.end(server, of: key)
            throw error
        }
        await fileServers.end(server, of: key)
    }

    private static func relay(
        _ client: ByteStream, _ server: ByteStream, tell: @escaping @Sendable (SFTPObserver.Deed, SFTPPath) -> Void
    ) async throws {
        let observer = FileObserver()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await bytes in client.inbound {
                    observer.asked(bytes)
                    try await server.channel.send(bytes)
                }
            }
            group.addTask {
                for try await bytes in server.inbound {
                    for done in observer.answered(bytes) { tell(done.deed, done.path) }
                    try await client.channel.send(bytes)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// Sees both directions of a connection.
private final class FileObserver: Sendable {
    private let observer = Mutex(SFTPObserver())

    func asked(_ bytes: ByteBuffer) {
        observer.withLock { observer in bytes.withUnsafeReadableBytes { observer.asked($0) } }
    }
    func answered(_ bytes: ByteBuffer) -> [(deed: SFTPObserver.Deed, path: SFTPPath)] {
        observer.withLock { observer in bytes.withUnsafeReadableBytes { observer.answered($0) } }
    }
}
