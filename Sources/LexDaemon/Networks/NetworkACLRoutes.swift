import LexAPI

/// `/1.0/network-acls`
struct NetworkACLRoutes: Sendable {
    let acls: NetworkACLs

    func mount(on router: inout Router) {
        router.get(API.networkACLs.list) { request in
            let list = try await acls.list(project: request.project)
            let holder = try await acls.holder(request.project)
            return try request.list(list) { Projects.url("/1.0/network-acls/\($0.name)", project: holder) }
        }
        router.create(API.networkACLs.create) { request, body in
            try await acls.create(body, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/network-acls/\(body.name)", project: request.project)
        }
        router.getTagged(API.networkACLs.get) { request in
            let acl = try await acls.get(request.parameter("name"), project: request.project)
            return try Tagged(acl, writable: NetworkACLs.writable(acl))
        }
        router.change(API.networkACLs.update) { try await update($0, $1, isPatch: false) }
        router.change(API.networkACLs.patch) { try await update($0, $1, isPatch: true) }
        router.create(API.networkACLs.rename) { request, body in
            try await acls.rename(
                request.parameter("name"), to: body.name, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/network-acls/\(body.name)", project: request.project)
        }
        router.remove(API.networkACLs.delete) { request in
            try await acls.delete(
                request.parameter("name"), project: request.project, requestor: request.requestor)
        }
        router.mount(API.networkACLs.log) { request in
            _ = try await acls.get(request.parameter("name"), project: request.project)
            // LXD's words, and where to look.
            throw APIError.badRequest(
                "Only OVN log entries may be retrieved at this time; what rules on bridges log is in the kernel's log, "
                    + "with the network's name before it: journalctl -k")
        }
    }

    private func update(_ request: Request, _ body: NetworkACL.Update, isPatch: Bool) async throws {
        try await acls.update(
            request.parameter("name"), body, project: request.project, isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }
}
