import LexAPI

/// `/1.0/networks/NAME/forwards`
struct NetworkForwardRoutes: Sendable {
    let forwards: NetworkForwards

    func mount(on router: inout Router) {
        router.get(API.networkForwards.list) { request in
            let network = try request.parameter("network")
            let list = try await forwards.list(network, project: request.project)
            return try request.list(list) { "/1.0/networks/\(network)/forwards/\($0.listenAddress)" }
        }
        router.create(API.networkForwards.create) { request, body in
            let network = try request.parameter("network")
            let address = try await forwards.create(
                network, body, project: request.project, requestor: request.requestor)
            return "/1.0/networks/\(network)/forwards/\(address)"
        }
        router.getTagged(API.networkForwards.get) { request in
            let forward = try await forwards.get(
                request.parameter("network"), request.parameter("address"), project: request.project)
            return try Tagged(forward, writable: NetworkForwards.writable(forward))
        }
        router.change(API.networkForwards.update) { try await update($0, $1, isPatch: false) }
        router.change(API.networkForwards.patch) { try await update($0, $1, isPatch: true) }
        router.remove(API.networkForwards.delete) { request in
            try await forwards.delete(
                request.parameter("network"), request.parameter("address"), project: request.project,
                requestor: request.requestor)
        }
    }

    private func update(_ request: Request, _ body: NetworkForward.Update, isPatch: Bool) async throws {
        try await forwards.update(
            request.parameter("network"), request.parameter("address"), body, project: request.project,
            isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }
}
