import LexAPI

/// `/1.0/storage-pools`
struct StoragePoolRoutes: Sendable {
    let pools: StoragePools

    func mount(on router: inout Router) {
        router.get(API.storagePools.list) { request in
            try request.list(try await pools.list()) { "/1.0/storage-pools/\($0.name)" }
        }
        router.create(API.storagePools.create) { request, body in
            try await pools.create(body, requestor: request.requestor)
            return "/1.0/storage-pools/\(body.name)"
        }
        router.getTagged(API.storagePools.get) { request in
            let pool = try await pools.get(request.parameter("name"))
            return try Tagged(
                pool, writable: StoragePool.Update(description: pool.description, config: pool.config))
        }
        router.change(API.storagePools.update) { try await update($0, $1, isPatch: false) }
        router.change(API.storagePools.patch) { try await update($0, $1, isPatch: true) }
        router.remove(API.storagePools.delete) { request in
            try await pools.delete(request.parameter("name"), requestor: request.requestor)
        }
        router.get(API.storagePools.resources) { try await pools.resources($0.parameter("name")) }
    }

    private func update(_ request: Request, _ body: StoragePool.Update, isPatch: Bool) async throws {
        try await pools.update(
            request.parameter("name"), body, isPatch: isPatch, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
    }
}
