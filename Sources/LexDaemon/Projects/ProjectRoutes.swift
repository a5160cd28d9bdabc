import LexAPI

/// `/1.0/projects`
struct ProjectRoutes: Sendable {
    let projects: Projects
    let operations: Operations

    func mount(on router: inout Router) {
        router.get(API.projects.list) { request in
            try request.list(try await projects.list()) { "/1.0/projects/\($0.name)" }
        }
        router.create(API.projects.create) { request, body in
            try await projects.create(body, requestor: request.requestor)
            return "/1.0/projects/\(body.name)"
        }
        router.getTagged(API.projects.get) { request in
            let project = try await projects.get(request.parameter("name"))
            return try Tagged(
                project, writable: Project.Update(description: project.description, config: project.config))
        }
        router.change(API.projects.update) { try await update($0, $1, isPatch: false) }
        router.change(API.projects.patch) { try await update($0, $1, isPatch: true) }
        router.begin(API.projects.rename) { request, body in
            let name = try request.parameter("name")
            let requestor = request.requestor
            try await projects.checkRename(name, to: body.name)
            return operations.start(OperationPlan(description: "Renaming project", project: nil)) { _ in
                try await projects.rename(name, to: body.name, requestor: requestor)
            }
        }
        router.remove(API.projects.delete) { request in
            try await projects.delete(request.parameter("name"), requestor: request.requestor)
        }
        router.get(API.projects.state) { try await projects.state($0.parameter("name")) }
    }

    private func update(_ request: Request, _ body: Project.Update, isPatch: Bool) async throws {
        try await projects.update(
            request.parameter("name"), body, isPatch: isPatch, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
    }
}
