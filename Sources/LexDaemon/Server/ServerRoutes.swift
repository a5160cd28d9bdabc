import Glibc
import LexAPI
import LexHost
import LexStore
import NIOCore
import NIOHTTP1

/// `/`, `/1.0` and what is not part of the public API.
struct ServerRoutes: Sendable {
    let config: ServerConfig
    let metrics: Metrics
    let pools: StoragePools
    let facts: HostFacts
    let certificate: ServerCertificate
    let lxcVersion: String
    let isReady: Gate
    let shutDown: @Sendable () async -> Void

    func mount(on router: inout Router) {
        router.get(API.server.versions) { _ in ["/1.0"] }
        router.getTagged(API.server.get) { request in
            let server = try await view(project: request.project)
            return try Tagged(server, writable: server.config ?? [:])
        }
        router.change(API.server.update) { try await update($0, $1, isPatch: false) }
        router.change(API.server.patch) { try await update($0, $1, isPatch: true) }
        router.get(API.server.resources) { _ in
            try await blocking { [facts] in
                HostResources(
                    tree: KernelTree(), architecture: facts.architecture, kernelRelease: facts.kernelRelease
                ).all()
            }
        }
        router.mount(API.server.metrics) { request in
            let text = try await metrics.text(project: request.query["project"].flatMap { $0.isEmpty ? nil : $0 })
            return Answer(headers: ["Content-Type": "text/plain"], .bytes(ByteBuffer(string: text)))
        }
        router.get(API.server.configuration) { _ in ConfigurationMetadata.all }
        router.get(API.server.ready) { _ in
            guard isReady.isOpen else { throw APIError.unavailable("lexd is starting") }
            return Empty()
        }
        router.change(API.server.shutdown) { _, _ in await shutDown() }
    }

    private func view(project: String) async throws -> Server {
        let drivers = try await pools.driverNames()
        return Server(
            config: try await config.values(), apiExtensions: APIExtensions.all,
            environment: Server.Environment(
                addresses: [], architectures: facts.architectures, certificate: certificate.pem,
                certificateFingerprint: certificate.fingerprint, driverVersion: lxcVersion,
                kernelArchitecture: facts.architecture, kernelFeatures: KernelFeatures.all,
                kernelVersion: facts.kernelRelease, lxcFeatures: LXCFeatures.all, osName: facts.distribution.name,
                osVersion: facts.distribution.version, project: project, serverName: facts.name,
                serverPid: Int(getpid()), lexdVersion: Release.version, storage: drivers.used.joined(separator: " | "),
                storageVersion: drivers.used.map { _ in "1" }.joined(separator: " | "),
                storageSupportedDrivers: drivers.all.map {
                    Server.StorageDriver(name: $0, version: "1", remote: false)
                }))
    }

    private func update(_ request: Request, _ body: Server.Update, isPatch: Bool) async throws {
        try await config.update(
            body.config.mapValues(\.text), isPatch: isPatch, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
    }
}
