import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexInstance
import LexStore
import NIOCore
import NIOHTTP1

/// `/1.0/instances`
struct InstanceRoutes: Sendable {
    let instances: Instances

    func mount(on router: inout Router) {
        router.mount(API.instances.list) { try await list($0) }
        router.begin(API.instances.create) { request, body in
            try await instances.create(body, project: request.project, requestor: request.requestor)
        }
        router.mount(API.instances.get) { try await get($0) }
        router.begin(API.instances.update) { request, body in try await update(request, body) }
        router.change(
            API.instances.patch,
            answering: { request, body in
                let record = try await find(request)
                return Instance.Changed(
                    restartRequired: try await instances.update(
                        record.key, body, isPatch: true, check: { try ETag.check(request, writable: $0) },
                        requestor: request.requestor))
            })
        router.begin(API.instances.delete) { try await delete($0) }
        router.get(API.instances.state) { try await instances.state(try await find($0)) }
        router.get(API.instances.explanation) { try await instances.explain(try await find($0)) }
        router.begin(API.instances.changeState) { request, body in
            try instances.changeState(try await find(request), body, requestor: request.requestor)
        }
        router.begin(API.instances.changeStates) { request, body in
            try await instances.changeStates(
                in: request.project, body.state, areContainersMeant: try Self.areContainersMeant(request),
                requestor: request.requestor)
        }
        router.begin(API.instances.move) { request, body in
            try await instances.move(try await find(request), body, requestor: request.requestor)
        }
        router.begin(API.instances.exec) { request, body in
            try await instances.exec(try await find(request), body, requestor: request.requestor)
        }
        router.begin(API.instances.console) { request, body in
            try instances.console(try await find(request), body, requestor: request.requestor)
        }
        router.mount(API.instances.consoleLog) { request in
            try await instances.consoleLog(try await find(request), requestor: request.requestor)
        }
        router.remove(API.instances.clearConsoleLog) { request in
            try await instances.clearConsoleLog(try await find(request), requestor: request.requestor)
        }
        router.get(API.instances.logs) { request in
            let record = try await find(request)
            return try await instances.logs(record).map {
                Projects.url("/1.0/instances/\(record.name)/logs/\($0)", project: record.project)
            }
        }
        router.mount(API.instances.log) { request in
            try await instances.log(
                try await find(request), try request.parameter("file"), requestor: request.requestor)
        }
        router.remove(API.instances.deleteLog) { request in
            try await instances.deleteLog(
                try await find(request), try request.parameter("file"), requestor: request.requestor)
        }
        mountFiles(on: &router)
        mountMetadata(on: &router)
        mountSnapshots(on: &router)
    }

    private func mountSnapshots(on router: inout Router) {
        router.get(API.instances.listSnapshots) { request in
            let record = try await find(request)
            let kind = request.legacyName ?? "instances"
            func url(_ name: String) -> String {
                Projects.url("/1.0/\(kind)/\(record.name)/snapshots/\(name)", project: record.project)
            }
            // They are put together only for who sees them.
            if request.recursion == 0, try request.filter().isEmpty {
                return .array(record.snapshots.filter(\.isFinished).map { .string(url($0.name)) })
            }
            return try request.list(try await instances.snapshots(of: record)) { url($0.name) }
        }
        router.begin(API.instances.createSnapshot) { request, body in
            try instances.createSnapshot(try await find(request), body, requestor: request.requestor)
        }
        router.getTagged(API.instances.getSnapshot) { request in
            let record = try await find(request)
            let snapshot = try Instances.snapshot(try request.parameter("snapshot"), of: record)
            return try Tagged(
                try await instances.view(snapshot, of: record, isMeasured: true),
                writable: Instances.writable(snapshot))
        }
        router.begin(API.instances.renameSnapshot) { request, body in
            try instances.renameSnapshot(
                try await find(request), try request.parameter("snapshot"), body, requestor: request.requestor)
        }
        router.begin(API.instances.updateSnapshot) { try await updateSnapshot($0, $1, isPatch: false) }
        router.begin(API.instances.patchSnapshot) { try await updateSnapshot($0, $1, isPatch: true) }
        router.begin(API.instances.deleteSnapshot) { request in
            try instances.deleteSnapshot(
                try await find(request), try request.parameter("snapshot"), requestor: request.requestor)
        }
    }

    private func updateSnapshot(
        _ request: Request, _ body: Instance.Snapshot.Update, isPatch: Bool
    ) async throws -> LexAPI.Operation {
        try instances.updateSnapshot(
            try await find(request), try request.parameter("snapshot"), body, isPatch: isPatch,
            check: { try ETag.check(request, writable: $0) }, requestor: request.requestor)
    }

    func find(_ request: Request) async throws -> InstanceRecord {
        guard request.legacyName != "virtual-machines" else { throw APIError.notFound("Instance not found") }
        return try await instances.find(request.parameter("name"), project: request.project).value
    }

    /// Whether a request for all instances is about containers, which are all there are. The old path counts more than the
    /// query, as in LXD.
    static func areContainersMeant(_ request: Request) throws(APIError) -> Bool {
        if let name = request.legacyName { return name == "containers" }
        switch request.query["instance-type"] ?? "" {
        case "", "container": return true
        case "virtual-machine": return false
        case let other:
            throw .badRequest("Invalid instance type \"\(other.prefix(64))\": there are container and virtual-machine")
        }
    }

    private func list(_ request: Request) async throws -> Answer {
        let project = try request.isForAllProjects() ? nil : request.project
        let filter = try request.filter()
        var list = try Self.areContainersMeant(request) ? try await instances.list(project: project) : []
        if !filter.isEmpty {
            var fitting: [Stored<InstanceRecord>] = []
            for stored in list {
                if filter.fits(try JSONCoding.value(try await instances.view(stored.value))) { fitting.append(stored) }
            }
            list = fitting
        }
        switch request.recursion {
        case 0:
            let kind = request.legacyName ?? "instances"
            return try .sync(
                list.map { Projects.url("/1.0/\(kind)/\($0.value.name)", project: $0.value.project) })
        default:
            let rendered = try await instances.json(of: list, withState: request.recursion > 1)
            return .sync(rendered: RenderedInstances.array(rendered))
        }
    }

    private func get(_ request: Request) async throws -> Answer {
        let record = try await find(request)
        let view = try await instances.view(record)
        let tag = try ETag.of(Instances.writable(record))
        if request.recursion > 0 {
            let snapshots = try await instances.snapshots(of: record)
            let full = Instance.Full(
                instance: view, state: try await instances.state(record),
                snapshots: snapshots.isEmpty ? nil : snapshots)
            return try .sync(full, headers: ["ETag": "\"\(tag)\""])
        }
        return try .sync(view, headers: ["ETag": "\"\(tag)\""])
    }

    private func update(_ request: Request, _ body: Instance.Update) async throws -> LexAPI.Operation {
        let record = try await find(request)
        try ETag.check(request, writable: Instances.writable(record))
        let requestor = request.requestor
        guard body.restore.isEmpty else {
            return try instances.restore(record, body.restore, stateful: body.stateful, requestor: requestor)
        }
        return instances.operations.start(
            OperationPlan(
                description: "Updating instance", project: record.project,
                resources: Instances.resources(record.name, legacy: true))
        ) { operation in
            let waiting = try await instances.update(
                record.key, body, isPatch: false, check: { try ETag.check(request, writable: $0) },
                requestor: requestor)
            if let waiting { operation.set(Instance.Changed.restartRequiredKey, .string(waiting)) }
        }
    }

    private func delete(_ request: Request) async throws -> LexAPI.Operation {
        let record = try await find(request)
        guard instances.liveInstance(record.key).run == nil else { throw APIError.badRequest("Instance is running") }
        let requestor = request.requestor
        return instances.operations.start(
            OperationPlan(
                description: "Deleting instance", project: record.project,
                resources: Instances.resources(record.name, legacy: true))
        ) { _ in
            try await instances.delete(record.key, requestor: requestor)
        }
    }
}
