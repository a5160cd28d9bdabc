import LexAPI
import LexNetwork

/// `/1.0/networks`
struct NetworkRoutes: Sendable {
    let networks: Networks
    /// The instances' interfaces on a network, running or not: who may hold a lease.
    let members: @Sendable (String) async throws -> [NetworkMember]

    func mount(on router: inout Router) {
        router.get(API.networks.list) { request in
            let list = try await networks.list()
            return request.recursion > 0
                ? try JSONCoding.value(list) : .array(list.map { .string("/1.0/networks/\($0.name)") })
        }
        router.create(API.networks.create) { request, body in
            try await networks.create(body, requestor: request.requestor)
            return "/1.0/networks/\(body.name)"
        }
        router.getTagged(API.networks.get) { request in
            let network = try await networks.get(request.parameter("name"))
            return try Tagged(network, writable: network.config)
        }
        router.remove(API.networks.delete) { request in
            try await networks.delete(request.parameter("name"), requestor: request.requestor)
        }
        router.get(API.networks.state) { try await networks.state($0.parameter("name")) }
        router.get(API.networks.leases) { request in
            let name = try request.parameter("name")
            return try await networks.leases(name, members: try await members(name))
        }
    }
}
