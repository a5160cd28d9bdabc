import LexAPI

/// `/1.0/warnings`
struct WarningRoutes: Sendable {
    let warnings: Warnings

    func mount(on router: inout Router) {
        router.get(API.warnings.list) { request in
            let project = request.query["project"] ?? ""
            let list = try await warnings.list().filter { project.isEmpty || $0.project == project }
            return try request.list(list) { "/1.0/warnings/\($0.uuid)" }
        }
        router.get(API.warnings.get) { try await warnings.get($0.parameter("uuid")) }
        router.change(API.warnings.update) { try await update($0, $1) }
        router.change(API.warnings.patch) { try await update($0, $1) }
        router.remove(API.warnings.delete) { request in
            try await warnings.delete(request.parameter("uuid"), requestor: request.requestor)
        }
    }

    private func update(_ request: Request, _ body: Warning.Update) async throws {
        try await warnings.update(
            request.parameter("uuid"), body, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
    }
}
