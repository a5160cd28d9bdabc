import LexAPI
import LexNetwork

/// `/1.0/networks`
struct NetworkRoutes: Sendable {
    let networks: Networks
    /// The instances' interfaces on a network, running or not: who may hold a lease.
    let members: @Sendable (_ network: String, _ project: String) async throws -> [NetworkMember]

    func mount(on router: inout Router) {
        router.get(API.networks.list) { request in
            let list = try await networks.list(project: request.project)
            let holder = try await networks.projects.holder(of: .networks, for: request.project)
            return try request.list(list) { Projects.url("/1.0/networks/\($0.name)", project: holder) }
        }
        router.create(API.networks.create) { request, body in
            try await networks.create(body, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/networks/\(body.name)", project: request.project)
        }
        router.getTagged(API.networks.get) { request in
            let network = try await networks.get(request.parameter("name"), project: request.project)
            return try Tagged(
                network, writable: Network.Update(description: network.description, config: network.config))
        }
        router.change(API.networks.update) { try await update($0, $1, isPatch: false) }
        router.change(API.networks.patch) { try await update($0, $1, isPatch: true) }
        router.create(API.networks.rename) { request, body in
            try await networks.rename(
                request.parameter("name"), to: body.name, project: request.project, requestor: request.requestor)
            return Projects.url("/1.0/networks/\(body.name)", project: request.project)
        }
        router.remove(API.networks.delete) { request in
            try await networks.delete(
                request.parameter("name"), project: request.project, requestor: request.requestor)
        }
        router.get(API.networks.state) { request in
            try await networks.state(request.parameter("name"), project: request.project)
        }
        router.get(API.networks.leases) { request in
            let name = try request.parameter("name")
            return try await networks.leases(
                name, project: request.project, members: try await members(name, request.project))
        }
    }

    private func update(_ request: Request, _ body: Network.Update, isPatch: Bool) async throws {
        try await networks.update(
            request.parameter("name"), body, project: request.project, isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }
}
