import Glibc
import LexAPI
import LexHost
import LexInstance
import LexStorage
import LexStore
import Logging

/// What the daemon does with the volumes of storage pools.
///
/// It makes and changes custom volumes. Those of instances and images are shown beside them; they are changed with what
/// they belong to. The record of a volume is there before its files and after them, marked as not finished: so a crash
/// leaves nothing that is not known.
final class StorageVolumes: Sendable {
    let records: Records<StorageVolumeRecord>
    let projects: Projects
    let pools: StoragePools
    let references: References
    let operations: Operations
    let events: Events
    let logger: Logger
    /// One thing at a time for each volume, by its key.
    let locks = Locks()

    init(
        records: Records<StorageVolumeRecord>, projects: Projects, pools: StoragePools, references: References,
        operations: Operations, events: Events, logger: Logger
    ) {
        self.records = records
        self.projects = projects
        self.pools = pools
        self.references = references
        self.operations = operations
        self.events = events
        self.logger = logger
    }

    /// Which volume: its pool, its name and the project that holds it.
    struct Key: Sendable, Hashable {
        let pool: String
        let project: String
        let name: String
        var text: String { StorageVolumeRecord.key(name, pool: pool, project: project) }
        /// Its name in the pool.
        var volume: VolumeName { VolumeName(project: project, custom: name) }
        var url: String { Projects.url("/1.0/storage-pools/\(pool)/volumes/custom/\(name)", project: project) }
    }

    /// The volume a request in a project is about.
    func key(_ name: String, pool: String, project: String) async throws -> Key {
        _ = try pools.driver(of: pool)
        return Key(pool: pool, project: try await projects.holder(of: .volumes, for: project), name: name)
    }

    func find(_ key: Key) async throws -> Stored<StorageVolumeRecord> {
        guard let stored = try await records.find(key.text), stored.value.isFinished else {
            throw APIError.notFound("Storage pool volume not found")
        }
        return stored
    }

    /// Removes snapshots whose time is over and makes those of the schedules, until the task is cancelled.
    func run() async {
        await SnapshotRules.everyMinute { minutes in
            do {
                try await removeExpired()
                try await takeScheduled(minutes.map { CalendarTime(local: $0) })
            } catch {
                logger.error("cannot look after the snapshots of volumes", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Removes what a crash left half made or half removed, at the daemon's start; or of one pool, when it is opened.
    func recover(in pool: String? = nil) async throws {
        for var stored in try await records.list() where pool == nil || stored.value.pool == pool {
            let record = stored.value
            let key = Key(pool: record.pool, project: record.project, name: record.name)
            do {
                let driver = try pools.driver(of: record.pool)
                if !record.isFinished {
                    logger.info("removing a volume that was not finished", metadata: ["volume": "\(key.text)"])
                    try await driver.delete(key.volume)
                    try await records.delete(stored)
                    continue
                }
                let unfinished = record.snapshots.filter { !$0.isFinished }
                if unfinished.isEmpty { continue }
                for snapshot in unfinished { try await driver.delete(key.volume.snapshot(snapshot.name)) }
                stored.value.snapshots.removeAll { !$0.isFinished }
                try await records.update(stored)
            } catch {
                logger.error(
                    "cannot bring a volume to order", metadata: ["volume": "\(key.text)", "error": "\(error)"])
            }
        }
    }

    // MARK: making

    func create(
        _ wish: StorageVolume.Creation, _ key: Key, project: String, requestor: Event.Requestor?
    ) async throws {
        try await checkNew(key)
        let config = try await filled(wish.config ?? [:], key.pool)
        let record = try newRecord(key, description: wish.description, config: config)
        // A project that is being deleted gets no more volumes.
        try await projects.holding(.volumes, for: project) { _ in
            try await locks.with(key.text) {
                try await make(record, key) { driver in try await driver.create(key.volume, from: nil) }
            }
        }
        lifecycle("storage-volume-created", key, context: ["type": "custom"], requestor: requestor)
    }

    /// Checks a name and that nothing has it.
    func checkNew(_ key: Key) async throws {
        guard !key.name.isEmpty else { throw APIError.badRequest("No name provided") }
        guard !key.name.utf8.contains(UInt8(ascii: "/")) else {
            throw APIError.badRequest("Storage volume names may not contain slashes")
        }
        try ObjectName.validate(key.name, what: "storage volume")
        guard try await records.find(key.text) == nil else {
            throw APIError.conflict("Volume by that name already exists")
        }
    }

    /// Checks what cannot be had of a wish.
    static func check(_ wish: StorageVolume.Creation, type: String) throws(APIError) {
        guard !type.isEmpty else {
            throw .badRequest("You must provide a storage volume type of the storage volume")
        }
        guard type == StorageVolume.customType else {
            throw .badRequest("Currently not allowed to create storage volumes of type \"\(type.prefix(64))\"")
        }
        switch wish.contentType {
        case "", "filesystem": return
        case "block":
            throw .badRequest(
                "Volumes of the content type block are disks of virtual machines, and lexd runs containers only: leave "
                    + "the content type out for a volume of files")
        default: throw .badRequest("Invalid content type \"\(wish.contentType.prefix(64))\"")
        }
    }

    func newRecord(
        _ key: Key, description: String, config: [String: String]
    ) throws -> StorageVolumeRecord {
        let config = Merge.replacement(config)
        try Self.validate(config, key)
        return StorageVolumeRecord(
            project: key.project, pool: key.pool, name: key.name, description: description, config: config,
            createdAt: .now, isFinished: false)
    }

    /// A configuration with what the pool says for new volumes.
    private func filled(_ config: [String: String], _ pool: String) async throws -> [String: String] {
        var config = config
        for (name, value) in try await pools.find(pool).value.config where name.hasPrefix("volume.") {
            let name = String(name.dropFirst("volume.".count))
            if config[name] == nil { config[name] = value }
        }
        return config
    }

    /// Makes a volume that is not there yet: its record, its files, and then it is finished. Under its lock.
    func make(
        _ record: StorageVolumeRecord, _ key: Key, _ files: (any StorageDriver) async throws -> Void
    ) async throws {
        let driver = try pools.driver(of: key.pool)
        // What fails below is taken back: it must not be somebody's.
        if case .directory(let directory) = try await driver.root(of: key.volume, from: nil),
            try await blocking({ access(directory, F_OK) == 0 })
        {
            throw APIError.conflict(
                "There are files of a volume of that name that lexd knows nothing of: move \(directory) away, or choose "
                    + "another name")
        }
        var stored: Stored<StorageVolumeRecord>
        do { stored = try await records.create(key.text, record) } catch CommitError.conflict {
            throw APIError.conflict("Volume by that name already exists")
        }
        do {
            try await files(driver)
            if let size = record.config["size"] { try await limit(key, to: size) }
            stored.value.isFinished = true
            _ = try await records.update(stored)
        } catch {
            // In a task of its own: ours may have been cancelled.
            let failed = stored
            await Task { await self.takeBack(failed, key, driver) }.value
            throw error
        }
    }

    private func takeBack(
        _ stored: Stored<StorageVolumeRecord>, _ key: Key, _ driver: any StorageDriver
    ) async {
        do {
            try await driver.delete(key.volume)
            try await records.delete(stored)
        } catch {
            logger.error(
                "cannot remove a volume that was not finished",
                metadata: ["volume": "\(key.text)", "error": "\(error)"])
        }
        pools.sweepSoon()
    }

    static func validate(_ config: [String: String], _ key: Key) throws(APIError) {
        try Config<StorageVolumeKeys>(config).validate {
            "Invalid option for volume \"\(key.name)\" option \"\($0)\""
        }
    }

    // MARK: changing

    /// Replaces or, with `isPatch`, changes a volume; or brings back the files of a snapshot.
    func update(
        _ key: Key, _ change: StorageVolume.Update, isPatch: Bool,
        check: (StorageVolume.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        try await locks.with(key.text) {
            var stored = try await find(key)
            let old = stored.value
            try check(Self.writable(old))
            if !change.restore.isEmpty {
                try await restore(stored, key, change.restore)
                return
            }
            stored.value.config =
                isPatch ? Merge.config(stored.value.config, change.config) : Merge.replacement(change.config)
            stored.value.description = change.description ?? (isPatch ? stored.value.description : "")
            try Self.validate(stored.value.config, key)
            let changed = stored
            try await withRollback(logger) { rollback in
                if changed.value.config["size"] != old.config["size"] {
                    await rollback.add("bring back the size") { try await self.limit(key, to: old.config["size"]) }
                    try await limit(key, to: changed.value.config["size"])
                }
                try await records.update(changed)
            }
        }
        lifecycle(
            change.restore.isEmpty ? "storage-volume-updated" : "storage-volume-restored", key,
            context: change.restore.isEmpty ? nil : ["snapshot": .string(change.restore)], requestor: requestor)
    }

    private func restore(_ stored: Stored<StorageVolumeRecord>, _ key: Key, _ name: String) async throws {
        guard stored.value.snapshots.contains(where: { $0.name == name && $0.isFinished }) else {
            throw APIError.notFound("Snapshot not found")
        }
        try await checkNotRunning(key, "restore")
        try await pools.driver(of: key.pool).restore(key.volume, from: key.volume.snapshot(name))
        pools.sweepSoon()
        if let size = stored.value.config["size"] { try await limit(key, to: size) }
    }

    /// Limits how much a volume may hold, or does not any more.
    private func limit(_ key: Key, to size: String?) async throws {
        do {
            try await pools.driver(of: key.pool).limit(key.volume, to: size.flatMap { ByteSize(configText: $0) })
        } catch let reason as QuotaUnavailable {
            throw APIError.badRequest(
                "Cannot limit the volume \"\(key.name)\" to \(size ?? ""): \(reason). Leave size out, or make the volume in a "
                    + "pool on such a file system")
        }
    }

    /// What the ETag is made of.
    static func writable(_ record: StorageVolumeRecord) -> StorageVolume.Update {
        StorageVolume.Update(description: record.description, config: record.config)
    }

    /// Gives a volume another name in its pool and project, and its users the new name.
    func rename(_ key: Key, to name: String, requestor: Event.Requestor?) async throws {
        let new = Key(pool: key.pool, project: key.project, name: name)
        try await locks.with(all: [key.text, new.text]) {
            let stored = try await find(key)
            try await checkNew(new)
            try await checkNotRunning(key, "rename")
            var renamed = stored.value
            renamed.name = name
            let driver = try pools.driver(of: key.pool)
            try await driver.rename(key.volume, to: new.volume)
            do {
                try await records.rename(
                    stored, to: new.text, as: renamed, with: try await references.changes(from: key, to: new))
            } catch {
                try? await driver.rename(new.volume, to: key.volume)
                throw Self.explained(error, "rename", key)
            }
        }
        lifecycle("storage-volume-renamed", new, context: ["old_name": .string(key.name)], requestor: requestor)
    }

    /// What a person is told of a commit that was not made.
    static func explained(_ error: any Error, _ verb: String, _ key: Key) -> any Error {
        switch error as? CommitError {
        case .conflict:
            APIError.conflict(
                "Cannot \(verb) volume \"\(key.name)\": an instance or profile that has it is being changed; try again")
        case .refused(let reason):
            APIError.badRequest(
                "Cannot \(verb) volume \"\(key.name)\" with all instances and profiles that have it at once (\(reason)): "
                    + "detach it from some first")
        default: error
        }
    }

    func delete(_ key: Key, requestor: Event.Requestor?) async throws {
        try await locks.with(key.text) {
            let stored = try await find(key)
            try await checkUnused(key, "delete")
            try await remove(stored, key)
        }
        lifecycle("storage-volume-deleted", key, requestor: requestor)
    }

    func remove(_ stored: Stored<StorageVolumeRecord>, _ key: Key) async throws {
        try await clear(try await retire(stored), key)
    }

    /// From here on it is not there any more, whatever happens to its files.
    func retire(
        _ stored: Stored<StorageVolumeRecord>, with others: [RecordChange] = []
    ) async throws -> Stored<StorageVolumeRecord> {
        var stored = stored
        stored.value.isFinished = false
        return try await records.update(stored, with: others)
    }

    /// Removes the files of a volume that was retired.
    func clear(_ retired: Stored<StorageVolumeRecord>, _ key: Key) async throws {
        try await pools.driver(of: key.pool).delete(key.volume)
        try await records.delete(retired)
        pools.sweepSoon()
    }

    func checkNotRunning(_ key: Key, _ verb: String) async throws {
        let running = try await references.running(ofVolume: key)
        guard running.isEmpty else {
            throw APIError.badRequest(
                "Cannot \(verb) volume \"\(key.name)\" while running instances have it: stop \(Self.words(running)) first"
            )
        }
    }

    func checkUnused(_ key: Key, _ verb: String) async throws {
        let users = try await references.users(ofVolume: key)
        guard users.isEmpty else {
            throw APIError.badRequest(
                "The storage volume is still in use: cannot \(verb) \"\(key.name)\" while \(Self.words(users)) "
                    + "\(users.count == 1 ? "has" : "have") it; detach it first")
        }
    }

    /// Users as a person reads them: the last two parts of their addresses.
    private static func words(_ urls: [String]) -> String {
        let names = urls.prefix(10).map { $0.split(separator: "/").suffix(2).joined(separator: " ") }
        return names.joined(separator: ", ") + (urls.count > 10 ? " and \(urls.count - 10) more" : "")
    }

    func lifecycle(
        _ action: String, _ key: Key, context: [String: JSONValue]? = nil, requestor: Event.Requestor?
    ) {
        events.lifecycle(
            action, source: "/1.0/storage-pools/\(key.pool)/volumes/custom/\(key.name)", context: context,
            requestor: requestor, project: key.project)
    }
}
