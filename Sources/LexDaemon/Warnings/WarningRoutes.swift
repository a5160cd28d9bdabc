import LexAPI

/// `/1.0/warnings`
struct WarningRoutes: Sendable {
    let warnings: Warnings

    func mount(on router: inout Router) {
        router.get(API.warnings.list) { request in
            let filter = try Filter(request.query["filter"] ?? "")
            let project = request.query["project"] ?? ""
            var shown: [JSONValue] = []
            for warning in try await warnings.list() where project.isEmpty || warning.project == project {
                let value = try JSONCoding.value(warning)
                guard filter.fits(value) else { continue }
                shown.append(request.recursion > 0 ? value : .string("/1.0/warnings/\(warning.uuid)"))
            }
            return .array(shown)
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
