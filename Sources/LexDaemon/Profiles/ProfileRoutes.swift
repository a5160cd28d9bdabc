import LexAPI

/// `/1.0/profiles`
struct ProfileRoutes: Sendable {
    let profiles: Profiles
    /// Runs when a profile was changed, to bring it to the instances that run.
    let changed: @Sendable (String) async throws -> Void

    func mount(on router: inout Router) {
        router.get(API.profiles.list) { request in
            let list = try await profiles.list()
            return request.recursion > 0
                ? try JSONCoding.value(list) : .array(list.map { .string("/1.0/profiles/\($0.name)") })
        }
        router.create(API.profiles.create) { request, body in
            try await profiles.create(body, requestor: request.requestor)
            return "/1.0/profiles/\(body.name)"
        }
        router.getTagged(API.profiles.get) { request in
            let profile = try await profiles.get(request.parameter("name"))
            return try Tagged(
                profile,
                writable: Profile.Update(
                    description: profile.description, config: profile.config, devices: profile.devices))
        }
        router.change(API.profiles.update) { try await update($0, $1, isPatch: false) }
        router.change(API.profiles.patch) { try await update($0, $1, isPatch: true) }
        router.remove(API.profiles.delete) { request in
            try await profiles.delete(request.parameter("name"), requestor: request.requestor)
        }
    }

    private func update(_ request: Request, _ body: Profile.Update, isPatch: Bool) async throws {
        let name = try request.parameter("name")
        try await profiles.update(
            name, body, isPatch: isPatch, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
        try await changed(name)
    }
}
