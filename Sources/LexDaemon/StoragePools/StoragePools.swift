import LexAPI
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
    // One wish to sweep stands for all that come while it waits.
    private let (sweeps, wishSweep) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// - Parameter directory: Where pools without a source of their own lie.
    init(
        records: Records<StoragePoolRecord>, references: References, events: Events, directory: String, logger: Logger,
        factories: [String: StorageDriverFactory]
    ) {
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

    /// Opens every pool, at the daemon's start.
    func openAll() async throws {
        for stored in try await records.list() {
            let driver = try makeDriver(stored.name, stored.value)
            do {
                try await driver.openPool()
            } catch {
                throw APIError.failed("cannot open storage pool \"\(stored.name)\": \(error)")
            }
            open.withLock { $0[stored.name] = driver }
        }
        // What a daemon before us did not get to.
        sweepSoon()
    }

    private func makeDriver(_ name: String, _ record: StoragePoolRecord) throws -> any StorageDriver {
        guard let factory = factories[record.driver] else {
            throw APIError.badRequest(
                "Unknown driver \"\(record.driver)\": this version of lexd has \(factories.keys.sorted().joined(separator: ", "))"
            )
        }
        return factory(record.config["source"] ?? "\(directory)/\(name)", logger)
    }

    /// The driver of an open pool.
    func driver(of name: String) throws(APIError) -> any StorageDriver {
        guard let driver = open.withLock({ $0[name] }) else { throw .notFound("Storage pool not found") }
        return driver
    }

    /// The open pools by name.
    var drivers: [String: any StorageDriver] { open.withLock { $0 } }

    func list() async throws -> [StoragePool] {
        var result: [StoragePool] = []
        for stored in try await records.list() { result.append(try await view(stored)) }
        return result
    }

    func get(_ name: String) async throws -> StoragePool { try await view(find(name)) }

    private func find(_ name: String) async throws -> Stored<StoragePoolRecord> {
        guard let stored = try await records.find(name) else { throw APIError.notFound("Storage pool not found") }
        return stored
    }

    private func view(_ stored: Stored<StoragePoolRecord>) async throws -> StoragePool {
        // A pool that could not be opened is shown all the same.
        let layers = (try? await driver(of: stored.name).layers()) ?? []
        return StoragePool(
            name: stored.name, driver: stored.value.driver, description: stored.value.description,
            config: stored.value.config,
            usedBy: try await references.images(of: layers) + references.users(ofPool: stored.name))
    }

    func resources(_ name: String) async throws -> StoragePool.Resources {
        _ = try await find(name)
        return try await driver(of: name).resources()
    }

    func create(_ pool: StoragePool.Creation, requestor: Event.Requestor?) async throws {
        try ObjectName.validate(pool.name, what: "storage pool")
        guard try await records.find(pool.name) == nil else {
            throw APIError.conflict("The storage pool already exists: The record already exists")
        }
        try Config<OverlayPoolKeys>(pool.config).validate {
            "Invalid option for storage pool \"\(pool.name)\": \"\($0)\""
        }
        var config = Merge.replacement(pool.config)
        if let source = config["source"] { config["volatile.initial_source"] = source }
        config["source"] = config["source"] ?? "\(directory)/\(pool.name)"
        let record = StoragePoolRecord(driver: pool.driver, description: pool.description, config: config)
        let driver = try makeDriver(pool.name, record)
        try await driver.createPool()
        do {
            try await driver.openPool()
            try await records.create(pool.name, record)
        } catch {
            try? await driver.deletePool()
            throw error
        }
        open.withLock { $0[pool.name] = driver }
        events.lifecycle("storage-pool-created", source: "/1.0/storage-pools/\(pool.name)", requestor: requestor)
    }

    func delete(_ name: String, requestor: Event.Requestor?) async throws {
        let stored = try await find(name)
        // Images are no reason to keep a pool: their files lie elsewhere and are unpacked again where they are needed.
        let users = try await references.users(ofPool: name)
        guard users.isEmpty else { throw APIError.badRequest("The storage pool is currently in use") }
        let driver = try driver(of: name)
        try await records.delete(stored)
        open.withLock { $0[name] = nil }
        try await driver.deletePool()
        events.lifecycle("storage-pool-deleted", source: "/1.0/storage-pools/\(name)", requestor: requestor)
    }

    /// The drivers in use and all there are, for `GET /1.0`.
    func driverNames() async throws -> (used: [String], all: [String]) {
        (Set(try await records.list().map(\.value.driver)).sorted(), factories.keys.sorted())
    }
}
