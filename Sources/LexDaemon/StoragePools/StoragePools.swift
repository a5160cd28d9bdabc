import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexStore
import Logging
import Synchronization

/// Makes the driver of a pool from its directory.
typealias StorageDriverFactory = @Sendable (_ directory: String, _ logger: Logger) -> any StorageDriver

/// What the daemon does with storage pools.
final class StoragePools: Sendable {
    let records: Records<StoragePoolRecord>
    private let references: References
    private let events: Events
    private let directory: String
    private let logger: Logger
    private let factories: [String: StorageDriverFactory]
    private let open = Mutex<[String: any StorageDriver]>([:])
    // Why those that are not open are not, by name.
    private let closed = Mutex<[String: String]>([:])
    private let warnings: Warnings
    // One that is made, opened or deleted.
    private let locks = Locks()
    private let mapping: MountMapping
    // Of pools by their directories: what the kernel once said holds as long as we run.
    private let isMapped = Mutex<[String: Bool]>([:])
    // One wish to sweep stands for all that come while it waits.
    private let (sweeps, wishSweep) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// - Parameters:
    ///   - directory: Where pools without a source of their own lie.
    ///   - mapping: Whether files can be mounted with other ids here.
    init(
        records: Records<StoragePoolRecord>, references: References, events: Events, warnings: Warnings,
        directory: String, logger: Logger, factories: [String: StorageDriverFactory], mapping: MountMapping
    ) {
        self.warnings = warnings
        self.mapping = mapping
        self.records = records
        self.references = references
        self.events = events
        self.directory = directory
        self.logger = logger
        self.factories = factories
    }

    /// Gives back the space of what is deleted, until the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            for await _ in sweeps {
                for (name, driver) in drivers {
                    do { try await driver.sweep() } catch {
                        logger.error(
                            "cannot give back the space of what was deleted",
                            metadata: ["pool": "\(name)", "error": "\(error)"])
                    }
                }
            }
        } onCancel: {
            wishSweep.finish()
        }
    }

    /// Lets the space of what was just deleted be given back, behind whoever deleted it.
    func sweepSoon() { wishSweep.yield() }

    /// Opens every pool, at the daemon's start. One that cannot be opened keeps nobody from the others.
    func openAll() async throws {
        for stored in try await records.list() where await tryOpening(stored) {
            await warnings.resolve(.storagePoolUnavailable, entity: Self.url(stored.name))
        }
        // What a daemon before us did not get to.
        sweepSoon()
    }

    /// Tries again to open what could not be opened at the start, until all are open or the task is cancelled: nothing
    /// tells of a file system that is mounted at last.
    ///
    /// - Parameter recover: Brings to order what lies in a pool; nobody else gets at it before it is done.
    func openRest(every pause: Duration = .seconds(10), recover: @Sendable (_ pool: String) async -> Void) async {
        while case let names = closed.withLock({ Set($0.keys) }), !names.isEmpty {
            do { try await Task.sleep(for: pause) } catch { return }
            for name in names {
                await locks.with(name) {
                    // It may be another by now, or none.
                    guard closed.withLock({ $0[name] }) != nil, let stored = try? await records.find(name),
                        await tryOpening(stored)
                    else { return }
                    await Self.$underRecovery.withValue(name) { await recover(name) }
                    closed.withLock { $0[name] = nil }
                    logger.notice("a storage pool is there again", metadata: ["pool": "\(name)"])
                    await warnings.resolve(.storagePoolUnavailable, entity: Self.url(name))
                }
            }
        }
    }

    /// The pool that this task brings to order, which is still closed to others.
    @TaskLocal private static var underRecovery: String?

    private func isOpen(_ name: String) -> Bool {
        Self.underRecovery == name || closed.withLock { $0[name] == nil }
    }

    /// Answers whether it could be opened; one that was closed is that still.
    @discardableResult
    private func tryOpening(_ stored: Stored<StoragePoolRecord>) async -> Bool {
        let name = stored.name
        do {
            let driver = try makeDriver(name, stored.value)
            try await driver.openPool()
            open.withLock { $0[name] = driver }
            return true
        } catch {
            let why = "\(error)"
            guard closed.withLock({ $0.updateValue(why, forKey: name) }) != why else { return false }
            logger.error("cannot open a storage pool", metadata: ["pool": "\(name)", "error": "\(why)"])
            await warnings.record(.storagePoolUnavailable, why, entity: Self.url(name))
            return false
        }
    }

    private static func url(_ name: String) -> String { "/1.0/storage-pools/\(name)" }

    /// The directory of a pool.
    private func place(of name: String, _ record: StoragePoolRecord) -> String {
        record.config["source"] ?? "\(directory)/\(name)"
    }

    private func makeDriver(_ name: String, _ record: StoragePoolRecord) throws -> any StorageDriver {
        guard let factory = factories[record.driver] else { throw unknown(record.driver) }
        return factory(place(of: name, record), logger)
    }

    private func unknown(_ driver: String) -> APIError {
        let later = ["btrfs", "zfs", "lvm", "ceph", "cephfs"]
        return .badRequest(
            "Unknown driver \"\(driver.prefix(64))\": this version of lexd has "
                + factories.keys.sorted().joined(separator: ", ")
                + (later.contains(driver) ? "; btrfs, zfs, lvm and ceph come with later ones" : ""))
    }

    /// Whether what lies in a pool can be mounted with other ids: else it is stored for the ids of who has it.
    func mapsOwners(in name: String) async throws -> Bool {
        if mapping.isCertain { return true }
        return try await mapsOwners(below: place(of: name, try await find(name).value))
    }

    private func mapsOwners(below path: String) async throws -> Bool {
        if let known = isMapped.withLock({ $0[path] }) { return known }
        let isPossible = try await mapping.isPossible(in: path)
        isMapped.withLock { $0[path] = isPossible }
        return isPossible
    }

    /// The driver of the pool that the very first start makes.
    func firstDriver() async throws -> String {
        if mapping.isCertain { return "overlay" }
        let path = directory
        try await blocking { try makeDirectories(path) }
        return try await mapsOwners(below: path) ? "overlay" : "dir"
    }

    /// The driver of an open pool.
    func driver(of name: String) throws(APIError) -> any StorageDriver {
        if isOpen(name), let driver = open.withLock({ $0[name] }) { return driver }
        guard let why = closed.withLock({ $0[name] }) else { throw .notFound("Storage pool not found") }
        throw .unavailable("Storage pool \"\(name)\" is not available: \(why). lexd goes on trying to open it")
    }

    /// The open pools by name.
    var drivers: [String: any StorageDriver] { open.withLock { $0 }.filter { isOpen($0.key) } }

    func list() async throws -> [StoragePool] {
        var result: [StoragePool] = []
        for stored in try await records.list() { result.append(try await view(stored)) }
        return result
    }

    func get(_ name: String) async throws -> StoragePool { try await view(find(name)) }

    func find(_ name: String) async throws -> Stored<StoragePoolRecord> {
        guard let stored = try await records.find(name) else { throw APIError.notFound("Storage pool not found") }
        return stored
    }

    private func view(_ stored: Stored<StoragePoolRecord>) async throws -> StoragePool {
        // A pool that could not be opened is shown all the same.
        let layers = (try? await driver(of: stored.name).layers()) ?? []
        return StoragePool(
            name: stored.name, driver: stored.value.driver, description: stored.value.description,
            config: stored.value.config, isAvailable: closed.withLock { $0[stored.name] == nil },
            usedBy: try await references.images(of: layers) + references.users(ofPool: stored.name)
                + references.volumes(inPool: stored.name))
    }

    func resources(_ name: String) async throws -> StoragePool.Resources {
        _ = try await find(name)
        return try await driver(of: name).resources()
    }

    func create(_ pool: StoragePool.Creation, requestor: Event.Requestor?) async throws {
        try ObjectName.validate(pool.name, what: "storage pool")
        try await locks.with(pool.name) { try await createLocked(pool, requestor: requestor) }
    }

    private func createLocked(_ pool: StoragePool.Creation, requestor: Event.Requestor?) async throws {
        guard factories[pool.driver] != nil else { throw unknown(pool.driver) }
        guard try await records.find(pool.name) == nil else {
            throw APIError.conflict("The storage pool already exists: The record already exists")
        }
        var config = Merge.replacement(pool.config)
        try Self.validate(config, driver: pool.driver)
        guard config["volatile.initial_source"] == nil else {
            throw APIError.badRequest("The key \"volatile.initial_source\" is lexd's own and cannot be set at creation")
        }
        let ours = "\(directory)/\(pool.name)"
        if let source = config["source"] {
            try await checkSource(source, ours: ours)
            try await checkApart(source)
            config["volatile.initial_source"] = source
        }
        config["source"] = config["source"] ?? ours
        let record = StoragePoolRecord(driver: pool.driver, description: pool.description, config: config)
        let driver = try makeDriver(pool.name, record)
        try await driver.createPool()
        do {
            try await driver.openPool()
            try await records.create(pool.name, record)
        } catch {
            try? await deleteFiles(driver, record)
            throw error
        }
        open.withLock { $0[pool.name] = driver }
        events.lifecycle("storage-pool-created", source: Self.url(pool.name), requestor: requestor)
    }

    /// No pool lies in another: what one makes there the other would take for its own.
    private func checkApart(_ source: String) async throws {
        for stored in try await records.list() {
            let other = place(of: stored.name, stored.value)
            let isNested = try await blocking {
                let (one, other) = ((realPath(source) ?? source) + "/", (realPath(other) ?? other) + "/")
                return one.hasPrefix(other) || other.hasPrefix(one)
            }
            guard !isNested else {
                throw APIError.badRequest(
                    "Source path '\(source)' and that of storage pool \"\(stored.name)\", '\(other)', lie one in the "
                        + "other: choose a directory apart from it")
            }
        }
    }

    /// A directory that somebody gives for a pool must be there and hold nothing.
    private func checkSource(_ source: String, ours: String) async throws {
        let below = directory.split(separator: "/").dropLast().joined(separator: "/")
        guard source.hasPrefix("/"), !source.split(separator: "/").contains("..") else {
            throw APIError.badRequest("Source path '\(source)' must be absolute and without \"..\"")
        }
        guard source == ours || !"\(source)/".hasPrefix("/\(below)/") else {
            throw APIError.badRequest("Source path '\(source)' is within lexd's own directory: only '\(ours)' may be")
        }
        guard source != ours else { return }
        try await blocking {
            do throws(SystemError) { _ = try OwnedDescriptor.open(source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) } catch {
                switch error.code {
                case ENOENT: throw APIError.badRequest("Source path '\(source)' doesn't exist")
                case ENOTDIR, ELOOP: throw APIError.badRequest("Source path '\(source)' is no directory")
                default: throw error
                }
            }
            guard try directoryNames(source).isEmpty else {
                throw APIError.badRequest("Source path '\(source)' isn't empty")
            }
        }
    }

    private static func validate(_ config: [String: String], driver: String) throws(APIError) {
        if config["size"] != nil {
            throw .badRequest(
                "Invalid option \"size\": a pool of the driver \(driver) is a directory and cannot limit what it holds; leave "
                    + "size out, or give it a file system of its own as source")
        }
        try Config<DirectoryPoolKeys>(config).validate { "Invalid option \"\($0)\"" }
    }

    /// Replaces or, with `isPatch`, changes a pool.
    func update(
        _ name: String, _ change: StoragePool.Update, isPatch: Bool, check: (StoragePool.Update) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        var stored = try await find(name)
        let old = stored.value
        try check(StoragePool.Update(description: old.description, config: old.config))
        stored.value.config = isPatch ? Merge.config(old.config, change.config) : Merge.replacement(change.config)
        stored.value.description = change.description ?? (isPatch ? old.description : "")
        try Self.validate(stored.value.config, driver: old.driver)
        for name in ["source", "volatile.initial_source"] where stored.value.config[name] != old.config[name] {
            // A replacement that leaves them out means no change of what cannot be changed.
            guard !isPatch, stored.value.config[name] == nil else {
                throw APIError.badRequest("The \(name) of a storage pool cannot be changed: it lies where it was made")
            }
            stored.value.config[name] = old.config[name]
        }
        try await records.update(stored)
        events.lifecycle("storage-pool-updated", source: Self.url(name), requestor: requestor)
    }

    func delete(_ name: String, requestor: Event.Requestor?) async throws {
        try await locks.with(name) { try await deleteLocked(name, requestor: requestor) }
    }

    private func deleteLocked(_ name: String, requestor: Event.Requestor?) async throws {
        let stored = try await find(name)
        // Images are no reason to keep a pool: their files lie elsewhere and are unpacked again where they are needed.
        let users = try await references.users(ofPool: name) + references.volumes(inPool: name)
        guard users.isEmpty else { throw APIError.badRequest("The storage pool is currently in use") }
        guard let driver = open.withLock({ $0.removeValue(forKey: name) }) else {
            guard closed.withLock({ $0[name] }) != nil else { throw APIError.notFound("Storage pool not found") }
            // Its files are out of reach: they stay, wherever they are.
            try await records.delete(stored)
            return await forget(name, requestor: requestor)
        }
        do {
            try await records.delete(stored)
            do { try await deleteFiles(driver, stored.value) } catch {
                // What is left of it would be out of everybody's sight.
                try await records.create(name, stored.value)
                throw error
            }
        } catch {
            open.withLock { $0[name] = driver }
            throw error
        }
        await forget(name, requestor: requestor)
    }

    private func forget(_ name: String, requestor: Event.Requestor?) async {
        closed.withLock { $0[name] = nil }
        await warnings.forget(entity: Self.url(name))
        events.lifecycle("storage-pool-deleted", source: Self.url(name), requestor: requestor)
    }

    /// Removes what lies in a pool; and its directory, unless somebody gave it.
    private func deleteFiles(_ driver: any StorageDriver, _ record: StoragePoolRecord) async throws {
        try await driver.deletePool()
        guard record.config["volatile.initial_source"] == nil, let path = record.config["source"] else { return }
        try await blocking { _ = rmdir(path) }
    }

    /// The drivers in use and all there are, for `GET /1.0`.
    func driverNames() async throws -> (used: [String], all: [String]) {
        (Set(try await records.list().map(\.value.driver)).sorted(), factories.keys.sorted())
    }
}
