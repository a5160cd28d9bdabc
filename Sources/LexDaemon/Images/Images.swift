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
    private let instances: Records<InstanceRecord>
    private let profiles: Profiles
    private let pools: StoragePools
    private let archiver: any ImageArchiver
    private let builder: any ImageBuilding
    let operations: Operations
    let events: Events
    private let directory: String
    private let logger: Logger
    private let locks = Locks()
    /// How many instances are being made from an image, whose records do not yet say that they stand on it.
    private let beingUsed = Mutex<[String: Int]>([:])

    init(
        records: Records<ImageRecord>, aliases: Records<AliasRecord>, instances: Records<InstanceRecord>,
        profiles: Profiles, pools: StoragePools, archiver: any ImageArchiver, builder: any ImageBuilding,
        operations: Operations, events: Events, directory: String, logger: Logger
    ) {
        self.records = records
        self.aliases = aliases
        self.instances = instances
        self.profiles = profiles
        self.pools = pools
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
            for name in try directoryNames(directory) where !known.contains(name) {
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

    func list() async throws -> [Image] {
        let names = try await aliasesByTarget()
        return try await records.list().map { view($0.value, names[$0.value.fingerprint] ?? []) }
    }

    /// One image by its fingerprint or the beginning of it.
    func get(_ prefix: String) async throws -> Image {
        let record = try await find(prefix).value
        return view(record, try await aliasesByTarget()[record.fingerprint] ?? [])
    }

    func find(_ prefix: String) async throws -> Stored<ImageRecord> {
        guard Fingerprint.isPrefix(prefix) else { throw APIError.notFound("Image not found") }
        let found = try await records.list().filter { $0.value.fingerprint.hasPrefix(prefix) }
        guard let first = found.first else { throw APIError.notFound("Image not found") }
        guard found.count == 1 else {
            throw APIError.badRequest("More than one image's fingerprint begins with \"\(prefix)\": give more digits")
        }
        return first
    }

    private func aliasesByTarget() async throws -> [String: [Image.Alias]] {
        Dictionary(grouping: try await aliases.list()) { $0.value.target }
            .mapValues { $0.map { Image.Alias(name: $0.name, description: $0.value.description) } }
    }

    private func view(_ record: ImageRecord, _ aliases: [Image.Alias]) -> Image {
        Image(
            autoUpdate: false, properties: record.properties, public: record.isPublic, expiresAt: record.expiresAt,
            profiles: [Project.defaultName], aliases: aliases, architecture: record.architecture,
            cached: record.isCached, filename: record.filename, fingerprint: record.fingerprint, size: record.size,
            type: "container", createdAt: record.createdAt, lastUsedAt: record.lastUsedAt,
            uploadedAt: record.uploadedAt)
    }

    /// The path of an image's file.
    func file(of record: ImageRecord) -> String { "\(directory)/\(record.fingerprint)" }

    /// The image an instance is to be made from.
    func resolve(_ source: Instance.Source) async throws -> Stored<ImageRecord> {
        if !source.alias.isEmpty {
            guard let alias = try await aliases.find(source.alias) else {
                throw APIError.notFound("Image alias not found")
            }
            return try await find(alias.value.target)
        }
        if !source.fingerprint.isEmpty { return try await find(source.fingerprint) }
        guard !source.properties.isEmpty else {
            throw APIError.badRequest("Must specify one of alias, fingerprint or properties for init from image")
        }
        let fitting = try await records.list().filter { stored in
            source.properties.allSatisfy { stored.value.properties[$0.key] == $0.value }
        }
        guard let newest = fitting.max(by: { $0.value.createdAt < $1.value.createdAt }) else {
            throw APIError.notFound("Image not found")
        }
        return newest
    }

    // MARK: arriving

    /// What was said beside an upload.
    struct Description: Sendable {
        var filename = ""
        var isPublic = false
        var properties: [String: String] = [:]
        var aliases: [Image.Alias] = []
        var isCached = false
        var template: String?
    }

    /// Receives an upload; it is an image only after `add`.
    func receive(_ body: RequestBody) async throws -> ImageUpload {
        try await ImageUpload.receive(body, into: directory)
    }

    /// Makes an upload an image: unpacks it, checks it, and only then gives it its name. An upload that fails leaves
    /// nothing.
    @discardableResult
    func add(
        _ upload: ImageUpload, _ description: Description, progress: @escaping @Sendable (String) -> Void,
        requestor: Event.Requestor?
    ) async throws -> ImageRecord {
        defer { unlink(upload.path) }
        let fingerprint = upload.fingerprint
        return try await locks.with(fingerprint.text) {
            guard try await records.find(fingerprint.text) == nil else {
                throw APIError.conflict("Image with same fingerprint already exists")
            }
            return try await withRollback(logger) { rollback in
                let pool = try await poolForNewImages()
                let unpacked = try await unpack(upload.path, upload.size, fingerprint, into: pool, progress: progress)
                // One that was there before is not ours to take back: instances stand on it.
                if unpacked.isNew {
                    await rollback.add("remove the layer") {
                        try await pool.deleteLayer(fingerprint)
                        self.pools.sweepSoon()
                    }
                }
                let metadata = try ImageMetadata(yaml: unpacked.metadata)
                let properties = metadata.properties.merging(description.properties) { $1 }
                try Self.check(properties: properties)
                let path = "\(directory)/\(fingerprint)"
                try await blocking { try checked("rename", upload.path) { rename(upload.path, path) } }
                await rollback.add("remove the file") { unlink(path) }
                let record = ImageRecord(
                    fingerprint: fingerprint.text, filename: description.filename, size: upload.size,
                    isPublic: description.isPublic, architecture: metadata.architecture,
                    properties: properties, createdAt: metadata.createdAt, expiresAt: metadata.expiresAt,
                    uploadedAt: .now, lastUsedAt: .never,
                    isCached: description.isCached, template: description.template)
                try await records.create(fingerprint.text, record)
                events.lifecycle("image-created", source: "/1.0/images/\(fingerprint)", requestor: requestor)
                return record
            }
        }
    }

    /// Throws a 400 unless all of them can become the `image.*` keys of an instance.
    static func check(properties: [String: String]) throws(APIError) {
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            try Config<InstanceKeys>.validate("image.\(name)", value) { _ in
                "The name of an image's property must have a character at least, and none that cannot be printed: "
                    + String(reflecting: String(name.unicodeScalars.prefix(64)))
            }
        }
    }

    private func poolForNewImages() async throws -> any StorageDriver {
        let named = try await profiles.records.find(Project.defaultName)?.value.devices.values
            .first { $0["type"] == "disk" && $0["path"] == "/" }?["pool"]
        if let named, let driver = pools.drivers[named] { return driver }
        guard let any = pools.drivers.min(by: { $0.key < $1.key })?.value else {
            throw APIError.badRequest(
                "There is no storage pool to unpack the image into. Create one first: lx storage create default overlay"
            )
        }
        return any
    }

    /// Unpacks an image file into a pool; answers its metadata, and whether the pool had no such layer before.
    private func unpack(
        _ path: String, _ size: Int64, _ fingerprint: Fingerprint, into pool: any StorageDriver,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> (metadata: String, isNew: Bool) {
        let space = try await pool.resources().space
        let staging = try await pool.beginLayer(fingerprint)
        do {
            let input = try await blocking { try OwnedDescriptor.open(path, O_RDONLY).release() }
            defer { close(input) }
            let meter = ProgressMeter(total: UInt64(max(0, size)))
            let result = try await archiver.unpackImage(
                input: input, into: staging, limits: ArchiveLimits(bytes: space.total - min(space.used, space.total))
            ) { read in
                if let text = meter.text(at: read) { progress(text) }
            }
            for warning in result.warnings {
                logger.warning("image entry left out", metadata: ["image": "\(fingerprint)", "reason": "\(warning)"])
            }
            return (result.metadata, try await pool.finishLayer(fingerprint, from: staging))
        } catch {
            try? await pool.discard(staging: staging)
            throw error
        }
    }

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
            guard try await records.find(name) != nil else { throw APIError.notFound("Image not found") }
            if try await !pool.hasLayer(fingerprint) {
                _ = try await unpack(file(of: record), record.size, fingerprint, into: pool, progress: progress)
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
    func markUsed(_ fingerprint: String) async throws {
        guard var stored = try await records.find(fingerprint) else { return }
        stored.value.lastUsedAt = .now
        try await records.update(stored)
    }

    // MARK: leaving

    /// Deletes an image. Its layers stay while instances stand on them.
    func delete(_ prefix: String, requestor: Event.Requestor?) async throws {
        let fingerprint = try await find(prefix).value.fingerprint
        try await locks.with(fingerprint) {
            let stored = try await find(fingerprint)
            for alias in try await aliases.list() where alias.value.target == fingerprint {
                try await aliases.delete(alias)
            }
            try await records.delete(stored)
            let path = file(of: stored.value)
            try await blocking { _ = unlink(path) }
            try await removeLayers(of: fingerprint)
            events.lifecycle("image-deleted", source: "/1.0/images/\(fingerprint)", requestor: requestor)
        }
    }

    /// Removes the layers of an image that is gone and that no instance stands on any more.
    func removeUnusedLayers(of text: String) async throws {
        guard try await records.find(text) == nil else { return }
        try await locks.with(text) { try await removeLayers(of: text) }
    }

    // The image's lock is held: nobody begins to use the layers meanwhile.
    private func removeLayers(of text: String) async throws {
        guard let fingerprint = Fingerprint(text), try await records.find(text) == nil,
            beingUsed.withLock({ $0[text] }) == nil
        else { return }
        let inUse = Set(try await instances.list().filter { $0.value.image == text }.map(\.value.pool))
        for (name, driver) in pools.drivers where !inUse.contains(name) {
            try await driver.deleteLayer(fingerprint)
        }
        pools.sweepSoon()
    }

    // MARK: templates

    /// The image of a recipe: the one built before, or a new one.
    func template(
        _ name: String, rebuild: Bool, aliases wanted: [Image.Alias], isCached: Bool,
        progress: @escaping @Sendable (String) -> Void, requestor: Event.Requestor?
    ) async throws -> ImageRecord {
        try await locks.with("template \(name)") {
            let built = try await records.list().map(\.value).filter { $0.template == name }
                .max { $0.uploadedAt < $1.uploadedAt }
            var record = built
            if built == nil || rebuild {
                let path = ImageUpload.temporaryPath(in: directory)
                do {
                    try await builder.build(recipe: name, into: path, progress: progress)
                    progress("Unpacking the image")
                    record = try await add(
                        try await ImageUpload.adopt(path),
                        Description(
                            filename: name.split(separator: "/").joined(separator: "-") + ".tar.zst",
                            isCached: isCached, template: name),
                        progress: progress, requestor: requestor)
                } catch {
                    unlink(path)
                    throw error
                }
            }
            guard let record else { throw APIError.failed("cannot build the template \"\(name)\"") }
            for alias in wanted {
                try await createAlias(
                    Image.AliasEntry(name: alias.name, target: record.fingerprint, description: alias.description),
                    requestor: requestor)
            }
            return record
        }
    }

    func templates() async throws -> [Image.Template] { try await builder.templates() }
}

/// Counts of bytes as the text clients show: `12% (3.20MB/s)`, at most five times a second.
final class ProgressMeter: Sendable {
    private let total: UInt64
    private let begin = ContinuousClock.now
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(total: UInt64) { self.total = total }

    /// The text for so many bytes done, or nil when it is too early for another.
    func text(at done: UInt64) -> String? {
        // The number comes from the helper, which may be an attacker's by now.
        let done = total > 0 ? min(done, total) : done
        let now = ContinuousClock.now
        let due = last.withLock { last in
            if let last, now - last < .milliseconds(200) { return false }
            last = now
            return true
        }
        guard due else { return nil }
        let seconds = Double((now - begin).components.attoseconds) / 1e18 + Double((now - begin).components.seconds)
        let hundredths = Int64(min(Double(done) / max(seconds, 0.001) / 10_000, 1e15))
        let fraction = hundredths % 100
        let rate = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)MB/s"
        guard total > 0 else { return rate }
        return "\(total.dividingFullWidth(done.multipliedFullWidth(by: 100)).quotient)% (\(rate))"
    }
}
