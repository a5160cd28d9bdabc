import LexAPI

/// `/1.0/projects`: there is only the one project yet.
struct ProjectRoutes: Sendable {
    let usedBy: @Sendable () async throws -> [String]

    func mount(on router: inout Router) {
        router.get(API.projects.list) { request in
            request.recursion > 0
                ? .array([try JSONCoding.value(try await project())]) : .array(["/1.0/projects/default"])
        }
        router.getTagged(API.projects.get) { request in
            guard try request.parameter("name") == Project.defaultName else {
                throw APIError.notFound("Project not found")
            }
            let project = try await project()
            return try Tagged(project, writable: [project.description: project.config])
        }
    }

    private func project() async throws -> Project {
        Project(
            name: Project.defaultName, description: "Default lexd project",
            config: [
                "features.images": "true", "features.networks": "true", "features.profiles": "true",
                "features.storage.volumes": "true",
            ],
            usedBy: try await usedBy())
    }
}
