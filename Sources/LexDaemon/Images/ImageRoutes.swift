import LexAPI

/// `/1.0/images`
struct ImageRoutes: Sendable {
    let images: Images

    func mount(on router: inout Router) {
        router.get(API.images.list) { request in
            let list = try await images.list(project: request.project)
            let holder = try await images.projects.holder(of: .images, for: request.project)
            return try request.list(list) { Projects.url("/1.0/images/\($0.fingerprint)", project: holder) }
        }
        router.mount(API.images.create) { try await create($0) }
        router.getTagged(API.images.get) { request in
            let image = try await images.get(request.parameter("fingerprint"), project: request.project)
            return try Tagged(image, writable: Image.Update(of: image))
        }
        router.change(API.images.update) { try await update($0, $1, isPatch: false) }
        router.change(API.images.patch) { try await update($0, $1, isPatch: true) }
        router.begin(API.images.refresh) { try await refresh($0) }
        router.begin(API.images.secret) { request in
            try await images.makeSecret(
                request.parameter("fingerprint"), project: request.project, requestor: request.requestor)
        }
        router.begin(API.images.push) { request, _ in
            _ = try await images.find(request.parameter("fingerprint"), project: request.project)
            throw APIError.badRequest(
                "This version of lexd does not send images to other servers. Export it and import it there: lx image "
                    + "export, lx image import")
        }
        router.begin(API.images.delete) { request in
            let image = try await images.get(request.parameter("fingerprint"), project: request.project)
            let requestor = request.requestor
            let project = request.project
            return images.operations.start(
                OperationPlan(
                    description: "Deleting image", project: project,
                    resources: ["images": ["/1.0/images/\(image.fingerprint)"]])
            ) { _ in
                try await images.delete(image.fingerprint, project: project, requestor: requestor)
            }
        }
        router.get(API.images.templates) { _ in try await images.templates() }
        router.mount(API.images.export) { try await export($0) }

        router.get(API.images.aliases) { request in
            let list = try await images.aliasEntries(project: request.project)
            let holder = try await images.projects.holder(of: .images, for: request.project)
            return try request.list(list) { Projects.url("/1.0/images/aliases/\($0.name)", project: holder) }
        }
        router.create(API.images.createAlias) { request, body in
            try await images.createAlias(body, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/images/aliases/\(body.name)", project: request.project)
        }
        router.getTagged(API.images.alias) { request in
            let alias = try await images.alias(request.parameter("name"), project: request.project)
            return try Tagged(
                alias, writable: Image.AliasUpdate(description: alias.description, target: alias.target))
        }
        router.change(API.images.updateAlias) { try await updateAlias($0, $1, isPatch: false) }
        router.change(API.images.patchAlias) { try await updateAlias($0, $1, isPatch: true) }
        router.create(API.images.renameAlias) { request, body in
            try await images.renameAlias(
                request.parameter("name"), to: body.name, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/images/aliases/\(body.name)", project: request.project)
        }
        router.remove(API.images.deleteAlias) { request in
            try await images.deleteAlias(
                request.parameter("name"), project: request.project, requestor: request.requestor)
        }
    }

    private func updateAlias(_ request: Request, _ body: Image.AliasUpdate, isPatch: Bool) async throws {
        try await images.updateAlias(
            request.parameter("name"), body, isPatch: isPatch, project: request.project,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }

    private func update(_ request: Request, _ body: Image.Update, isPatch: Bool) async throws {
        try await images.update(
            request.parameter("fingerprint"), body, isPatch: isPatch, project: request.project,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }

    private func refresh(_ request: Request) async throws -> LexAPI.Operation {
        let fingerprint = try await images.find(request.parameter("fingerprint"), project: request.project).value
            .fingerprint
        let requestor = request.requestor
        let project = request.project
        let plan = OperationPlan(description: "Refreshing image", project: project)
        return images.operations.start(plan) { operation in
            let new = try await images.refresh(
                fingerprint, project: project, progress: { operation.set("build_progress", .string($0)) },
                requestor: requestor)
            operation.set("refreshed", .bool(new != nil))
            if let new { operation.set("fingerprint", .string(new.fingerprint)) }
        }
    }
}
