import FoundationEssentials
import LexAPI
import NIOCore

/// `/1.0/instances/NAME/metadata`
extension InstanceRoutes {
    func mountMetadata(on router: inout Router) {
        router.getTagged(API.instances.metadata) { request in
            let record = try await find(request)
            let metadata = try await instances.metadata(of: record).metadata
            tell("retrieved", record, request)
            return try Tagged(metadata, writable: metadata)
        }
        router.change(API.instances.updateMetadata) { request, body in
            try await change(request) { $0 = body }
        }
        router.change(API.instances.patchMetadata) { request, body in
            try await change(request) { $0.apply(body) }
        }
        router.mount(API.instances.templates) { try await templates($0) }
        router.mount(API.instances.putTemplate) { request in
            let (record, name) = (try await find(request), try Self.name(request))
            let content = Data(try await request.bytes(limit: MetadataRules.largestTemplates).readableBytesView)
            try await instances.putTemplate(name, content, of: record.key)
            tell("template-created", record, request, path: name)
            return try .sync(Empty())
        }
        router.remove(API.instances.deleteTemplate) { request in
            let (record, name) = (try await find(request), try Self.name(request))
            try await instances.deleteTemplate(name, of: record.key)
            tell("template-deleted", record, request, path: name)
        }
    }

    private func change(_ request: Request, _ body: (inout Instance.Metadata) -> Void) async throws {
        let record = try await find(request)
        try await instances.changeMetadata(of: record.key) { record in
            try ETag.check(request, writable: record.metadata)
            body(&record.metadata)
        }
        tell("updated", record, request)
    }

    private func templates(_ request: Request) async throws -> Answer {
        let record = try await find(request)
        let templates = try await instances.metadata(of: record).templates
        guard request.query["path"]?.isEmpty == false else {
            return try .sync(templates.keys.sorted())
        }
        let name = try Self.name(request)
        guard MetadataRules.isFileName(name) else { throw Instances.noFileName }
        guard let content = templates[name] else { throw Instances.noTemplate(name) }
        tell("template-retrieved", record, request, path: name)
        return FileAnswer.make(Array(content), filename: name)
    }

    private static func name(_ request: Request) throws(APIError) -> String {
        guard let name = request.query["path"], !name.isEmpty else { throw .badRequest("missing path argument") }
        return name
    }

    private func tell(_ action: String, _ record: InstanceRecord, _ request: Request, path: String? = nil) {
        instances.events.lifecycle(
            "instance-metadata-\(action)",
            source: "/1.0/instances/\(record.name)/metadata\(path == nil ? "" : "/templates")",
            context: path.map { ["path": .string($0)] }, requestor: request.requestor, project: record.project)
    }
}
