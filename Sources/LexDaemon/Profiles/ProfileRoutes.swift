import LexAPI

/// `/1.0/profiles`
struct ProfileRoutes: Sendable {
    let profiles: Profiles
    /// Whose profiles they are: what changes one changes them too.
    let instances: Instances

    func mount(on router: inout Router) {
        router.get(API.profiles.list) { request in
            // Who uses them is looked up only for who sees it.
            if request.recursion == 0, try request.filter().isEmpty {
                return .array(try await profiles.urls(project: request.project).map { .string($0) })
            }
            let holder = try await profiles.projects.holder(of: .profiles, for: request.project)
            return try request.list(try await profiles.list(project: request.project)) {
                Projects.url("/1.0/profiles/\($0.name)", project: holder)
            }
        }
        router.create(API.profiles.create) { request, body in
            try await instances.networks.checkKnown(body.devices, project: request.project)
            try await profiles.create(body, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/profiles/\(body.name)", project: request.project)
        }
        router.getTagged(API.profiles.get) { request in
            let profile = try await profiles.get(request.parameter("name"), project: request.project)
            return try Tagged(
                profile,
                writable: Profile.Update(
                    description: profile.description, config: profile.config, devices: profile.devices))
        }
        router.change(API.profiles.update, answering: { try await update($0, $1, isPatch: false) })
        router.change(API.profiles.patch, answering: { try await update($0, $1, isPatch: true) })
        router.create(API.profiles.rename) { request, body in
            let key = try await profiles.key(request.parameter("name"), request.project)
            try await instances.renameProfile(key, to: body.name, requestor: request.requestor)
            return Projects.url("/1.0/profiles/\(body.name)", project: request.project)
        }
        router.remove(API.profiles.delete) { request in
            try await profiles.delete(
                request.parameter("name"), project: request.project, requestor: request.requestor)
        }
    }

    private func update(_ request: Request, _ body: Profile.Update, isPatch: Bool) async throws -> Profile.Changed {
        Profile.Changed(
            restartRequired: try await instances.updateProfile(
                try await profiles.key(request.parameter("name"), request.project), body, isPatch: isPatch,
                check: { try ETag.check(request, writable: $0) }, requestor: request.requestor))
    }
}
