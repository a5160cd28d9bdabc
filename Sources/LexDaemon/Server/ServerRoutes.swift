import Glibc
import LexAPI
import LexHost
import LexStore

/// `/`, `/1.0` and what is not part of the public API.
struct ServerRoutes: Sendable {
    let records: Records<ServerRecord>
    let pools: StoragePools
    let facts: HostFacts
    let certificate: ServerCertificate
    let lxcVersion: String
    let events: Events
    let isReady: Gate
    let shutDown: @Sendable () async -> Void

    func mount(on router: inout Router) {
        router.get(API.server.versions) { _ in ["/1.0"] }
        router.getTagged(API.server.get) { request in
            if let project = request.query["project"], !project.isEmpty, project != Project.defaultName {
                throw APIError.notFound("Project not found")
            }
            let server = try await view()
            return try Tagged(server, writable: server.config ?? [:])
        }
        router.change(API.server.update) { try await update($0, $1, isPatch: false) }
        router.change(API.server.patch) { try await update($0, $1, isPatch: true) }
        router.get(API.server.ready) { _ in
            guard isReady.isOpen else { throw APIError.unavailable("lexd is starting") }
            return Empty()
        }
        router.change(API.server.shutdown) { _, _ in await shutDown() }
    }

    private func view() async throws -> Server {
        let drivers = try await pools.driverNames()
        return Server(
            config: try await records.find("config")?.value.config ?? [:], apiExtensions: APIExtensions.all,
            environment: Server.Environment(
                addresses: [], architectures: facts.architectures, certificate: certificate.pem,
                certificateFingerprint: certificate.fingerprint, driverVersion: lxcVersion,
                kernelArchitecture: facts.architecture, kernelFeatures: KernelFeatures.all,
                kernelVersion: facts.kernelRelease, lxcFeatures: LXCFeatures.all, osName: facts.distribution.name,
                osVersion: facts.distribution.version, project: Project.defaultName, serverName: facts.name,
                serverPid: Int(getpid()), lexdVersion: Release.version, storage: drivers.used.joined(separator: " | "),
                storageVersion: drivers.used.map { _ in "1" }.joined(separator: " | "),
                storageSupportedDrivers: drivers.all.map {
                    Server.StorageDriver(name: $0, version: "1", remote: false)
                }))
    }

    private func update(_ request: Request, _ body: Server.Update, isPatch: Bool) async throws {
        let stored = try await records.find("config")
        let old = stored?.value.config ?? [:]
        try ETag.check(request, writable: old)
        let wanted = body.config.mapValues(\.text)
        let new = isPatch ? Merge.config(old, wanted) : Merge.replacement(wanted)
        try Config<ServerKeys>(new).validate { "Cannot set '\($0)': Unknown key" }
        if var stored {
            stored.value.config = new
            try await records.update(stored)
        } else {
            try await records.create("config", ServerRecord(config: new))
        }
        events.lifecycle("config-updated", source: "/1.0", requestor: request.requestor)
    }
}
