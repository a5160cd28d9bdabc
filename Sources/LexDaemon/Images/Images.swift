import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexStore
import Logging
import Synchronization

/// What the daemon does with images: their files, their layers in the pools, their names.
///
/// The file lies in `directory` as it was uploaded. Its layer is unpacked into the pool of the default profile when it
/// arrives, and into another pool when an instance there needs it.
final class Images: Sendable {
    let records: Records<ImageRecord>
    let aliases: Records<AliasRecord>
    let projects: Projects
    let instances: Records<InstanceRecord>
    let profiles: Profiles
    let pools: StoragePools
    let metadata: MetadataStore
    let archiver: any ImageArchiver
    let builder: any ImageBuilding
    let operations: Operations
    let events: Events
    let directory: String
    let logger: Logger
    /// One for each fingerprint: what comes, goes or is unpacked.
    let locks = Locks()
    /// How many instances are being made from an image, whose records do not yet say that they stand on it.
    private let beingUsed = Mutex<[String: Int]>([:])

    init(
        records: Records<ImageRecord>, aliases: Records<AliasRecord>, projects: Projects,
        instances: Records<InstanceRecord>, profiles: Profiles, pools: StoragePools, metadata: MetadataStore,
        archiver: any ImageArchiver,
        builder: any ImageBuilding,
        operations: Operations, events: Events, directory: String, logger: Logger
    ) {
        self.records = records
        self.aliases = aliases
        self.projects = projects
        self.instances = instances
        self.profiles = profiles
        self.pools = pools
        self.metadata = metadata
        self.archiver = archiver
        self.builder = builder
        self.operations = operations
        self.events = events
        self.directory = directory
        self.logger = logger
    }

    /// Removes what a crash left: uploads that were not finished, files and layers that belong to no image.
    func recover() async throws {
        let known = Set(try await records.list().map(\.value.fingerprint))
        let directory = directory
        let logger = logger
        try await blocking {
            try makeDirectories(directory)
            try checkClosedDirectory(directory)
            for name in try directoryNames(directory) where !known.contains(ImageFiles.fingerprint(of: name)) {
                logger.info("removing an image file that was not finished", metadata: ["file": "\(name)"])
                unlink("\(directory)/\(name)")
            }
        }
        let inUse = known.union(try await instances.list().compactMap(\.value.image))
        for (pool, driver) in pools.drivers {
            for layer in try await driver.layers().subtracting(inUse) {
                logger.info("removing a layer without an image", metadata: ["pool": "\(pool)", "image": "\(layer)"])
                if let fingerprint = Fingerprint(layer) { try await driver.deleteLayer(fingerprint) }
            }
        }
    }

    // MARK: looking

    func list(project: String) async throws -> [Image] {
        let holder = try await projects.holder(of: .images, for: project)
        let names = try await aliasesByTarget(holder)
        return try await records.list(in: holder).map { view($0.value, names[$0.value.fingerprint] ?? []) }
    }

    /// One image by its fingerprint or the beginning of it.
    func get(_ prefix: String, project: String) async throws -> Image {
        let stored = try await find(prefix, project: project)
        return view(stored.value, try await aliasesByTarget(stored.owned.project)[stored.value.fingerprint] ?? [])
    }

    /// One image by its fingerprint or the beginning of it.
    func find(_ prefix: String, project: String) async throws -> Stored<ImageRecord> {
        guard Fingerprint.isPrefix(prefix) else { throw APIError.notFound("Image not found") }
        let holder = try await projects.holder(of: .images, for: project)
        let found = try await records.list(in: holder).filter { $0.value.fingerprint.hasPrefix(prefix) }
        guard let first = found.first else { throw APIError.notFound("Image not found") }
        guard found.count == 1 else {
            throw APIError.badRequest("More than one image's fingerprint begins with \"\(prefix)\": give more digits")
        }
        return first
    }

    private func aliasesByTarget(_ holder: String) async throws -> [String: [Image.Alias]] {
        Dictionary(grouping: try await aliases.list(in: holder)) { $0.value.target }
            .mapValues { $0.map { Image.Alias(name: $0.owned.name, description: $0.value.description) } }
    }

    /// Whether any project has an image: its file and its layers are one for all of them.
    func isInAnyProject(_ fingerprint: String) async throws -> Bool {
        try await records.list().contains { $0.value.fingerprint == fingerprint }
    }

    private func view(_ record: ImageRecord, _ aliases: [Image.Alias]) -> Image {
        Image(
            autoUpdate: record.autoUpdate ?? false, properties: record.properties, public: record.isPublic,
            expiresAt: record.expiresAt, profiles: record.profileNames, aliases: aliases,
            architecture: record.architecture,
            cached: record.isCached, filename: record.filename, fingerprint: record.fingerprint, size: record.size,
            type: "container", createdAt: record.createdAt, lastUsedAt: record.lastUsedAt,
            uploadedAt: record.uploadedAt)
    }

    /// Where an image's files lie.
    func files(of record: ImageRecord) -> ImageFiles {
        ImageFiles(directory: directory, fingerprint: record.fingerprint, isSplit: record.isSplit ?? false)
    }

    /// The image an instance is to be made from.
    func resolve(_ source: Instance.Source, project: String) async throws -> Stored<ImageRecord> {
        let holder = try await projects.holder(of: .images, for: project)
        if !source.alias.isEmpty {
            guard let alias = try await aliases.find(source.alias, in: holder) else {
                throw APIError.notFound("Image alias not found")
            }
            return try await find(alias.value.target, project: holder)
        }
        if !source.fingerprint.isEmpty { return try await find(source.fingerprint, project: holder) }
        guard !source.properties.isEmpty else {
            throw APIError.badRequest("Must specify one of alias, fingerprint or properties for init from image")
        }
        let fitting = try await records.list(in: holder).filter { stored in
            source.properties.allSatisfy { stored.value.properties[$0.key] == $0.value }
        }
        guard let newest = fitting.max(by: { $0.value.createdAt < $1.value.createdAt }) else {
            throw APIError.notFound("Image not found")
        }
        return newest
    }

    // MARK: layers

    /// Makes sure a pool has an image's layer while `body` makes an instance that stands on it: until the record says
    /// so, the layer stays although the image may be deleted.
    func withLayer<Result: Sendable>(
        of record: ImageRecord, in pool: any StorageDriver, progress: @escaping @Sendable (String) -> Void,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let name = record.fingerprint
        guard let fingerprint = Fingerprint(name) else { throw APIError.notFound("Image not found") }
        // Counted and not locked for the whole time: instances of one image are made side by side.
        try await locks.with(name) {
            guard try await isInAnyProject(name) else { throw APIError.notFound("Image not found") }
            if try await !pool.hasLayer(fingerprint) {
                _ = try await unpack(files(of: record), record.size, fingerprint, into: pool, progress: progress)
            }
            beingUsed.withLock { $0[name, default: 0] += 1 }
        }
        do {
            let result = try await body()
            await didUse(name)
            return result
        } catch {
            await didUse(name)
            throw error
        }
    }

    /// The metadata and templates that an instance made from an image begins with. The pool has its layer.
    func metadata(of record: ImageRecord, in pool: any StorageDriver) async throws -> String {
        if let known = record.metadata { return known }
        // One that came when lexd did not keep them yet.
        guard let fingerprint = Fingerprint(record.fingerprint) else { throw APIError.notFound("Image not found") }
        let directory = try await pool.layerDirectory(fingerprint)
        let (text, templates) = try await blocking {
            (try readFile(directory + "/metadata.yaml"), try MetadataStore.templates(in: directory))
        }
        return try await metadata.keep(
            InstanceMetadataRecord(metadata: try ImageMetadata(yaml: text).wire, templates: templates))
    }

    private func didUse(_ name: String) async {
        beingUsed.withLock { counts in
            let left = (counts[name] ?? 1) - 1
            counts[name] = left > 0 ? left : nil
        }
        // It may have been deleted meanwhile, and the instance have failed.
        do { try await removeUnusedLayers(of: name) } catch {
            logger.warning("cannot remove an unused layer", metadata: ["image": "\(name)", "error": "\(error)"])
        }
    }

    /// Notes that an instance was made from an image.
    func markUsed(_ fingerprint: String, project: String) async throws {
        let holder = try await projects.holder(of: .images, for: project)
        guard var stored = try await records.find(fingerprint, in: holder) else { return }
        stored.value.lastUsedAt = .now
        try await records.update(stored)
    }

    // MARK: leaving

    /// Deletes an image. Its layers stay while instances stand on them.
    func delete(_ prefix: String, project: String, requestor: Event.Requestor?) async throws {
        let fingerprint = try await find(prefix, project: project).value.fingerprint
        try await locks.with(fingerprint) {
            let stored = try await find(fingerprint, project: project)
            let holder = stored.owned.project
            for alias in try await aliases.list(in: holder) where alias.value.target == fingerprint {
                try await aliases.delete(alias)
            }
            try await records.delete(stored)
            // Another project's image of the same content stands on the same file and layers.
            if try await !isInAnyProject(fingerprint) {
                let files = files(of: stored.value)
                try await blocking { files.remove() }
                try await removeLayers(of: fingerprint)
            }
            events.lifecycle(
                "image-deleted", source: "/1.0/images/\(fingerprint)", requestor: requestor, project: holder)
        }
    }

    /// Removes the layers of an image that is gone and that no instance stands on any more.
    func removeUnusedLayers(of text: String) async throws {
        guard try await !isInAnyProject(text) else { return }
        try await locks.with(text) { try await removeLayers(of: text) }
    }

    // The image's lock is held: nobody begins to use the layers meanwhile.
    private func removeLayers(of text: String) async throws {
        guard let fingerprint = Fingerprint(text), try await !isInAnyProject(text),
            beingUsed.withLock({ $0[text] }) == nil
        else { return }
        let inUse = Set(try await instances.list().filter { $0.value.image == text }.map(\.value.pool))
        for (name, driver) in pools.drivers where !inUse.contains(name) {
            try await driver.deleteLayer(fingerprint)
        }
        pools.sweepSoon()
    }
}
