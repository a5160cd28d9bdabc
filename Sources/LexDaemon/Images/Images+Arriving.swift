import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexStore
import Logging

extension Images {
    /// What was said beside an upload.
    struct Description: Sendable {
        var filename = ""
        var isPublic = false
        var autoUpdate = false
        var properties: [String: String] = [:]
        var aliases: [Image.Alias] = []
        /// Nil for `default`.
        var profiles: [String]?
        var expiresAt: Timestamp?
        var isCached = false
        var template: String?
    }

    /// Receives an upload; it is an image only after `add`.
    func receive(_ body: RequestBody, contentType: String) async throws -> ImageUpload {
        try await ImageUpload.receive(body, contentType: contentType, into: directory)
    }

    /// Makes an upload an image: unpacks it, checks it, and only then gives it its name. An upload that fails leaves
    /// nothing.
    @discardableResult
    func add(
        _ upload: ImageUpload, _ description: Description, project: String,
        progress: @escaping @Sendable (String) -> Void, requestor: Event.Requestor?
    ) async throws -> ImageRecord {
        defer { upload.discard() }
        let fingerprint = upload.fingerprint
        return try await locks.with(fingerprint.text) {
            let holder = try await projects.holder(of: .images, for: project)
            guard try await records.find(fingerprint.text, in: holder) == nil else {
                throw APIError.conflict("Image with same fingerprint already exists")
            }
            try await check(description, project: project)
            let files = ImageFiles(
                directory: directory, fingerprint: fingerprint.text, isSplit: upload.rootPath != nil)
            let isShared = try await isInAnyProject(fingerprint.text)
            if isShared { try await checkSame(files, upload) }
            return try await withRollback(logger) { rollback in
                let pool = try await poolForNewImages(project)
                let unpacked = try await unpack(upload.files, upload.size, fingerprint, into: pool, progress: progress)
                // One that was there before is not ours to take back: instances stand on it.
                if unpacked.isNew {
                    await rollback.add("remove the layer") {
                        try await pool.deleteLayer(fingerprint)
                        self.pools.sweepSoon()
                    }
                }
                let said = try ImageMetadata(yaml: unpacked.metadata)
                let properties = said.properties.merging(description.properties) { $1 }
                try Self.check(properties: properties)
                if !isShared {
                    await rollback.add("remove the files") { files.remove() }
                    try await blocking { try upload.files.rename(to: files) }
                }
                var record = ImageRecord(
                    fingerprint: fingerprint.text, filename: description.filename, size: upload.size,
                    isPublic: description.isPublic, architecture: said.architecture,
                    properties: properties, createdAt: said.createdAt,
                    expiresAt: description.expiresAt ?? said.expiresAt, uploadedAt: .now, lastUsedAt: .never,
                    isCached: description.isCached, template: description.template)
                record.isSplit = files.isSplit ? true : nil
                record.autoUpdate = description.autoUpdate ? true : nil
                record.profiles = description.profiles
                record.metadata = try await metadata.keep(
                    InstanceMetadataRecord(metadata: said.wire, templates: unpacked.templates))
                try await save(
                    record, description.aliases, project: project, rollback: rollback, requestor: requestor)
                return record
            }
        }
    }

    /// Writes the record of a new image and gives it its names; its lock is held.
    func save(
        _ record: ImageRecord, _ aliases: [Image.Alias], project: String, rollback: Rollback,
        requestor: Event.Requestor?
    ) async throws {
        let stored = try await projects.holding(.images, for: project) { holder in
            try await records.create(ProjectKey(holder, record.fingerprint).text, record)
        }
        await rollback.add("remove the record") { try await self.records.delete(stored) }
        for alias in aliases {
            try await createAlias(
                Image.AliasEntry(name: alias.name, target: record.fingerprint, description: alias.description),
                project: project, requestor: requestor)
            await rollback.add("remove the alias") {
                try await self.deleteAlias(alias.name, project: project, requestor: requestor)
            }
        }
        events.lifecycle(
            "image-created", source: "/1.0/images/\(record.fingerprint)", requestor: requestor,
            project: stored.owned.project)
    }

    /// Throws unless what was said can all be done; nothing of it is done yet.
    func check(_ description: Description, project: String) async throws {
        try Self.check(properties: description.properties)
        try await check(profiles: description.profiles ?? [], project: project)
        let holder = try await projects.holder(of: .images, for: project)
        for alias in description.aliases {
            try Self.checkName(alias.name)
            guard try await aliases.find(alias.name, in: holder) == nil else {
                throw APIError.conflict("Alias already exists: \(alias.name)")
            }
        }
    }

    /// Throws unless there are all these profiles.
    func check(profiles names: [String], project: String) async throws {
        let holder = try await projects.holder(of: .profiles, for: project)
        for name in names {
            guard try await profiles.records.find(name, in: holder) != nil else {
                throw APIError.badRequest("Profile '\(name.prefix(64))' doesn't exist")
            }
        }
    }

    /// Another project has an image of this fingerprint. That is the hash of all bytes, wherever one file ends and the
    /// next begins: it must be the same place, or the two would not be the same image.
    private func checkSame(_ files: ImageFiles, _ upload: ImageUpload) async throws {
        let isSame = try await blocking {
            try files.exist() && fileSize(files.path) == fileSize(upload.path)
        }
        guard isSame else {
            throw APIError.conflict(
                "Another project has an image of the same bytes that are otherwise divided into files; this one cannot "
                    + "be kept beside it")
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

    func poolForNewImages(_ project: String) async throws -> any StorageDriver {
        let named = try await profiles.present([Project.defaultName], project: project).first?.devices.values
            .first { $0["type"] == "disk" && $0["path"] == "/" }?["pool"]
        if let named, let driver = pools.drivers[named] { return driver }
        guard let any = pools.drivers.min(by: { $0.key < $1.key })?.value else {
            throw APIError.badRequest(
                "There is no storage pool to unpack the image into. Create one first: lx storage create default overlay"
            )
        }
        return any
    }

    /// Unpacks an image's files into a pool; answers its metadata and templates, and whether the pool had no such layer before.
    func unpack(
        _ files: ImageFiles, _ size: Int64, _ fingerprint: Fingerprint, into pool: any StorageDriver,
        progress: @escaping @Sendable (String) -> Void
    ) async throws -> (metadata: String, templates: [String: Data], isNew: Bool) {
        let space = try await pool.resources().space
        let staging = try await pool.beginLayer(fingerprint)
        do {
            let input = try await blocking { try OwnedDescriptor.open(files.path, O_RDONLY).release() }
            defer { close(input) }
            let root = try await blocking {
                try files.rootPath.map { try OwnedDescriptor.open($0, O_RDONLY).release() }
            }
            defer { if let root { close(root) } }
            let meter = ProgressMeter(total: UInt64(max(0, size)))
            let result = try await archiver.unpackImage(
                input: input, root: root, into: staging,
                limits: ArchiveLimits(bytes: space.total - min(space.used, space.total))
            ) { read in
                if let text = meter.text(at: read) { progress(text) }
            }
            for warning in result.warnings {
                logger.warning("image entry left out", metadata: ["image": "\(fingerprint)", "reason": "\(warning)"])
            }
            let templates = try await blocking { try MetadataStore.templates(in: staging) }
            return (result.metadata, templates, try await pool.finishLayer(fingerprint, from: staging))
        } catch {
            try? await pool.discard(staging: staging)
            throw error
        }
    }
}
