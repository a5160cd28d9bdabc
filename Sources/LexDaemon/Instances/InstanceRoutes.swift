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
            try await instances.create(body, requestor: request.requestor)
        }
        router.mount(API.instances.get) { try await get($0) }
        router.begin(API.instances.update) { request, body in try await update(request, body) }
        router.change(API.instances.patch) { request, body in
            let record = try await find(request)
            try await instances.update(
                record.key, body, isPatch: true, check: { try ETag.check(request, writable: $0) },
                requestor: request.requestor)
        }
        router.begin(API.instances.delete) { try await delete($0) }
        router.get(API.instances.state) { try await instances.state(try await find($0)) }
        router.begin(API.instances.changeState) { request, body in try await changeState(request, body) }
        router.begin(API.instances.exec) { request, body in
            try await instances.exec(request.parameter("name"), body, requestor: request.requestor)
        }
        router.get(API.instances.logs) { request in
            let record = try await find(request)
            return try await instances.logs(record).map { "/1.0/instances/\(record.name)/logs/\($0)" }
        }
        router.mount(API.instances.log) { request in
            let name = try request.parameter("file")
            return try await FileAnswer.make(try instances.log(try await find(request), name), filename: name)
        }
        router.remove(API.instances.deleteLog) { request in
            try await instances.deleteLog(try await find(request), try request.parameter("file"))
        }
    }

    private func find(_ request: Request) async throws -> InstanceRecord {
        guard request.legacyName != "virtual-machines" else { throw APIError.notFound("Instance not found") }
        return try await instances.find(request.parameter("name")).value
    }

    private func list(_ request: Request) async throws -> Answer {
        if request.query["all-projects"] == "true", request.query["project"] != nil {
            throw APIError.badRequest("Cannot specify a project when requesting all projects")
        }
        let filter = try Filter(request.query["filter"] ?? "")
        var list = request.legacyName == "virtual-machines" ? [] : try await instances.list()
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
            return try .sync(list.map { "/1.0/\(kind)/\($0.value.name)" })
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
            let full = Instance.Full(instance: view, state: try await instances.state(record))
            return try .sync(full, headers: ["ETag": "\"\(tag)\""])
        }
        return try .sync(view, headers: ["ETag": "\"\(tag)\""])
    }

    private func update(_ request: Request, _ body: Instance.Update) async throws -> LexAPI.Operation {
        let record = try await find(request)
        try ETag.check(request, writable: Instances.writable(record))
        let requestor = request.requestor
        return instances.operations.start(
            OperationPlan(
                description: "Updating instance", resources: Instances.resources(record.name, legacy: true))
        ) { _ in
            try await instances.update(
                record.key, body, isPatch: false, check: { try ETag.check(request, writable: $0) },
                requestor: requestor)
        }
    }

    private func delete(_ request: Request) async throws -> LexAPI.Operation {
        let record = try await find(request)
        guard instances.liveInstance(record.key).run == nil else { throw APIError.badRequest("Instance is running") }
        let requestor = request.requestor
        return instances.operations.start(
            OperationPlan(
                description: "Deleting instance", resources: Instances.resources(record.name, legacy: true))
        ) { _ in
            try await instances.delete(record.key, requestor: requestor)
        }
    }

    private func changeState(_ request: Request, _ body: Instance.StateChange) async throws -> LexAPI.Operation {
        let record = try await find(request)
        let requestor = request.requestor
        let key = record.key
        // LXD's rule: no time, or none left, is a kill; -1 is as long as it takes.
        let seconds = body.timeout ?? 0
        let force = body.force || seconds == 0
        let timeout: TimeAmount? = seconds < 0 ? nil : .seconds(min(seconds, 1 << 31))
        guard !body.stateful else {
            throw APIError.badRequest("This version of lexd cannot keep the memory of an instance: leave out stateful")
        }
        let words: String
        let work: @Sendable (RunningOperation) async throws -> Void
        switch body.action {
        case "start":
            words = "Starting instance"
            work = { _ in try await instances.start(key, requestor: requestor) }
        case "stop":
            words = "Stopping instance"
            work = { _ in try await instances.stop(key, force: force, timeout: timeout, requestor: requestor) }
        case "restart":
            words = "Restarting instance"
            work = { _ in try await instances.restart(key, force: force, timeout: timeout, requestor: requestor) }
        case "freeze":
            words = "Freezing instance"
            work = { _ in try await instances.freeze(key, true, requestor: requestor) }
        case "unfreeze":
            words = "Unfreezing instance"
            work = { _ in try await instances.freeze(key, false, requestor: requestor) }
        default: throw APIError.badRequest("Unknown action: '\(body.action.prefix(64))'")
        }
        return instances.operations.start(
            OperationPlan(description: words, resources: Instances.resources(record.name, legacy: false)), work)
    }
}

extension Instances {
    /// The names of an instance's log files.
    func logs(_ record: InstanceRecord) async throws -> [String] {
        let directory = host.paths(of: record.key).logs
        return try await blocking {
            ((try? directoryNames(directory)) ?? []).filter(Self.isLog)
        }
    }

    /// The path of a log file; a name that is none is not found.
    func log(_ record: InstanceRecord, _ name: String) throws(APIError) -> String {
        guard Self.isLog(name) else { throw .notFound("not found") }
        return "\(host.paths(of: record.key).logs)/\(name)"
    }

    func deleteLog(_ record: InstanceRecord, _ name: String) async throws {
        guard name.hasPrefix("exec_") else {
            throw APIError.badRequest("Only the recorded output of commands can be deleted, not \"\(name.prefix(64))\"")
        }
        let path = try log(record, name)
        try await blocking {
            guard unlink(path) == 0 else { throw APIError.notFound("not found") }
        }
    }

    /// Plain names of the files lexd and liblxc write, and nothing else: the name comes from a request.
    private static func isLog(_ name: String) -> Bool {
        if name == "lxc.log" || name == "console.log" { return true }
        guard name.hasPrefix("exec_"), name.hasSuffix(".stdout") || name.hasSuffix(".stderr") else { return false }
        return name.utf8.count <= 64
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || "_-.".utf8.contains($0)
            }
    }
}
