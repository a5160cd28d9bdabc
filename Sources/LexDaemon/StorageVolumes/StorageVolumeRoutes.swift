import LexAPI
import NIOHTTP1

/// `/1.0/storage-pools/POOL/volumes`
struct StorageVolumeRoutes: Sendable {
    let volumes: StorageVolumes

    func mount(on router: inout Router) {
        router.get(API.storageVolumes.list) { try await list($0, type: nil) }
        router.get(API.storageVolumes.listOfType) { try await list($0, type: $0.parameter("type")) }
        router.mount(API.storageVolumes.create) { try await create($0, type: nil) }
        router.mount(API.storageVolumes.createOfType) { try await create($0, type: $0.parameter("type")) }
        router.getTagged(API.storageVolumes.get) { request in
            let volume = try await volumes.get(
                request.parameter("volume"), type: request.parameter("type"), pool: request.parameter("pool"),
                project: request.project)
            return try Tagged(
                volume, writable: StorageVolume.Update(description: volume.description, config: volume.config))
        }
        router.mount(API.storageVolumes.move) { try await move($0) }
        router.change(API.storageVolumes.update) { try await update($0, $1, isPatch: false) }
        router.change(API.storageVolumes.patch) { try await update($0, $1, isPatch: true) }
        router.remove(API.storageVolumes.delete) { request in
            try await volumes.delete(try await key(request, "deleted"), requestor: request.requestor)
        }
        router.get(API.storageVolumes.state) { request in
            try await volumes.state(
                request.parameter("volume"), type: request.parameter("type"), pool: request.parameter("pool"),
                project: request.project)
        }
        mountSnapshots(on: &router)
    }

    /// The custom volume of a request; volumes of other kinds are looked after with what they belong to.
    private func key(_ request: Request, _ what: String) async throws -> StorageVolumes.Key {
        let type = try request.parameter("type")
        try StorageVolumes.checkType(type)
        let name = try request.parameter("volume")
        let pool = try request.parameter("pool")
        guard type == StorageVolume.customType else {
            _ = try await volumes.get(name, type: type, pool: pool, project: request.project)
            throw APIError.badRequest(
                "A volume of the type \(type) belongs to its \(type == "image" ? "image" : "instance") and cannot be "
                    + "\(what) by itself")
        }
        return try await volumes.key(name, pool: pool, project: request.project)
    }

    private func list(_ request: Request, type: String?) async throws -> JSONValue {
        let pool = try request.parameter("pool")
        let project = try request.isForAllProjects() ? nil : request.project
        let list = try await volumes.list(pool: pool, type: type, project: project)
        return try request.list(list) { StorageVolumes.url($0, pool: pool) }
    }

    private func create(_ request: Request, type: String?) async throws -> Answer {
        let pool = try request.parameter("pool")
        if request.headers.first(name: "Content-Type") == "application/octet-stream" {
            throw APIError.badRequest("This version of lexd makes no volumes from backups or ISO images")
        }
        let wish = try await request.json(StorageVolume.Creation.self)
        try StorageVolumes.check(wish, type: type ?? wish.type)
        let key = try await volumes.key(wish.name, pool: pool, project: request.project)
        if let source = wish.source, !source.type.isEmpty {
            return try .async(
                try await volumes.copy(wish, source, key, project: request.project, requestor: request.requestor))
        }
        try await volumes.create(wish, key, project: request.project, requestor: request.requestor)
        return try .sync(Empty())
    }

    private func move(_ request: Request) async throws -> Answer {
        let key = try await key(request, "renamed")
        let wish = try await request.json(StorageVolume.Move.self)
        guard !wish.migration else {
            throw APIError.badRequest("This version of lexd moves volumes on this server only, not to another one")
        }
        let isElsewhere =
            (!wish.pool.isEmpty && wish.pool != key.pool) || (!wish.project.isEmpty && wish.project != request.project)
        guard isElsewhere else {
            try await volumes.rename(key, to: wish.name, requestor: request.requestor)
            return try .created("/1.0/storage-pools/\(key.pool)/volumes/custom/\(wish.name)")
        }
        let new = try await volumes.key(
            wish.name, pool: wish.pool.isEmpty ? key.pool : wish.pool,
            project: wish.project.isEmpty ? request.project : wish.project)
        return try .async(
            try await volumes.move(key, to: new, project: request.project, requestor: request.requestor))
    }

    private func update(_ request: Request, _ body: StorageVolume.Update, isPatch: Bool) async throws {
        try await volumes.update(
            try await key(request, "changed"), body, isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }

    // MARK: snapshots

    private func mountSnapshots(on router: inout Router) {
        router.get(API.storageVolumes.listSnapshots) { request in
            let (key, list, type) = try await snapshots(request)
            return try request.list(list.map { Self.view($0, name: "\(key.name)/\($0.name)", isInList: true) }) {
                let name = $0.name.dropFirst(key.name.count + 1)
                return Projects.url(
                    "/1.0/storage-pools/\(key.pool)/volumes/\(type)/\(key.name)/snapshots/\(name)",
                    project: key.project)
            }
        }
        router.begin(API.storageVolumes.createSnapshot) { request, body in
            try await volumes.createSnapshot(
                body, of: try await key(request, "snapshotted"), project: request.project,
                requestor: request.requestor)
        }
        router.getTagged(API.storageVolumes.getSnapshot) { request in
            let name = try request.parameter("snapshot")
            guard let snapshot = try await snapshots(request).list.first(where: { $0.name == name }) else {
                throw APIError.notFound("Storage pool volume not found")
            }
            return try Tagged(
                Self.view(snapshot, name: snapshot.name, isInList: false),
                writable: StorageVolumes.writable(snapshot))
        }
        router.begin(API.storageVolumes.renameSnapshot) { request, body in
            try await volumes.renameSnapshot(
                request.parameter("snapshot"), of: try await key(request, "snapshotted"), to: body.name,
                project: request.project, requestor: request.requestor)
        }
        router.change(API.storageVolumes.updateSnapshot) { try await updateSnapshot($0, $1, isPatch: false) }
        router.change(API.storageVolumes.patchSnapshot) { try await updateSnapshot($0, $1, isPatch: true) }
        router.mount(API.storageVolumes.deleteSnapshot) { request in
            try .async(
                try await volumes.deleteSnapshot(
                    request.parameter("snapshot"), of: try await key(request, "snapshotted"),
                    project: request.project, requestor: request.requestor))
        }
    }

    /// The snapshots of the custom volume, or of the instance's root, that a request is about.
    private func snapshots(
        _ request: Request
    ) async throws -> (key: StorageVolumes.Key, list: [StorageVolumeRecord.Snapshot], type: String) {
        let type = try request.parameter("type")
        guard type == "container" else {
            let key = try await key(request, "snapshotted")
            return (key, try await volumes.snapshots(of: key), type)
        }
        let pool = try request.parameter("pool")
        let (record, list) = try await volumes.snapshots(
            ofInstance: try request.parameter("volume"), pool: pool, project: request.project)
        return (StorageVolumes.Key(pool: pool, project: record.project, name: record.name), list, type)
    }

    private func updateSnapshot(
        _ request: Request, _ body: StorageVolume.Snapshot.Update, isPatch: Bool
    ) async throws {
        try await volumes.updateSnapshot(
            request.parameter("snapshot"), of: try await key(request, "snapshotted"), body, isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }

    /// In lists LXD names no content type; one that never expires does so at the beginning of time, but in lists it is
    /// null.
    private static func view(
        _ snapshot: StorageVolumeRecord.Snapshot, name: String, isInList: Bool
    ) -> StorageVolume.Snapshot {
        StorageVolume.Snapshot(
            name: name, description: snapshot.description,
            expiresAt: snapshot.expiresAt ?? (isInList ? nil : .never), config: snapshot.config,
            contentType: isInList ? "" : "filesystem", createdAt: snapshot.createdAt)
    }
}
