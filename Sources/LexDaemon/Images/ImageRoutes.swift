import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import NIOCore
import NIOHTTP1

/// `/1.0/images`
struct ImageRoutes: Sendable {
    let images: Images

    func mount(on router: inout Router) {
        router.get(API.images.list) { request in
            let filter = try Filter(request.query["filter"] ?? "")
            let list = try await images.list().filter { try filter.isEmpty || filter.fits(try JSONCoding.value($0)) }
            return request.recursion > 0
                ? try JSONCoding.value(list) : .array(list.map { .string("/1.0/images/\($0.fingerprint)") })
        }
        router.mount(API.images.create) { try await create($0) }
        router.getTagged(API.images.get) { request in
            let image = try await images.get(request.parameter("fingerprint"))
            return try Tagged(image, writable: image.properties)
        }
        router.begin(API.images.delete) { request in
            let image = try await images.get(request.parameter("fingerprint"))
            let requestor = request.requestor
            return images.operations.start(
                OperationPlan(
                    description: "Deleting image", resources: ["images": ["/1.0/images/\(image.fingerprint)"]])
            ) { _ in
                try await images.delete(image.fingerprint, requestor: requestor)
            }
        }
        router.get(API.images.templates) { _ in try await images.templates() }
        router.mount(API.images.export) { try await export($0) }

        router.get(API.images.aliases) { request in
            let list = try await images.aliasEntries()
            return request.recursion > 0
                ? try JSONCoding.value(list) : .array(list.map { .string("/1.0/images/aliases/\($0.name)") })
        }
        router.create(API.images.createAlias) { request, body in
            try await images.createAlias(body, requestor: request.requestor)
            return "/1.0/images/aliases/\(body.name)"
        }
        router.getTagged(API.images.alias) { request in
            let alias = try await images.alias(request.parameter("name"))
            return try Tagged(
                alias, writable: Image.AliasUpdate(description: alias.description, target: alias.target))
        }
        router.change(API.images.updateAlias) { try await updateAlias($0, $1, isPatch: false) }
        router.change(API.images.patchAlias) { try await updateAlias($0, $1, isPatch: true) }
        router.create(API.images.renameAlias) { request, body in
            try await images.renameAlias(request.parameter("name"), to: body.name, requestor: request.requestor)
            return "/1.0/images/aliases/\(body.name)"
        }
        router.remove(API.images.deleteAlias) { request in
            try await images.deleteAlias(request.parameter("name"), requestor: request.requestor)
        }
    }

    private func updateAlias(_ request: Request, _ body: Image.AliasUpdate, isPatch: Bool) async throws {
        try await images.updateAlias(
            request.parameter("name"), body, isPatch: isPatch, check: { try ETag.check(request, writable: $0) },
            requestor: request.requestor)
    }

    /// A tarball in the body, or, as JSON, a wish for one that is not.
    private func create(_ request: Request) async throws -> Answer {
        let type = request.headers.first(name: "content-type") ?? ""
        if type.hasPrefix("multipart/form-data") {
            throw APIError.badRequest(
                "This version of lexd takes images as one tarball of metadata.yaml and rootfs, not in two parts")
        }
        if type.hasPrefix("application/json") { return try await createFromTemplate(request) }
        return try await createFromBody(request)
    }

    private func createFromBody(_ request: Request) async throws -> Answer {
        var description = Images.Description()
        description.filename = String((request.headers.first(name: "x-lxd-filename") ?? "").prefix(255))
        description.isPublic = ["1", "true", "yes", "on"]
            .contains((request.headers.first(name: "x-lxd-public") ?? "").lowercased())
        if let text = request.headers.first(name: "x-lxd-properties") {
            guard let target = RequestTarget("/?" + text) else {
                throw APIError.badRequest("The header X-LXD-properties is not a list of name=value joined by &")
            }
            try Images.check(properties: target.query)
            description.properties = target.query
        }
        let upload = try await images.receive(request.body)
        if let wanted = request.headers.first(name: "x-lxd-fingerprint"), wanted != upload.fingerprint.text {
            unlink(upload.path)
            throw APIError.badRequest(
                "The image that arrived has the fingerprint \(upload.fingerprint), not \(wanted): it was changed on the "
                    + "way")
        }
        let requestor = request.requestor
        let finalDescription = description
        let operation = images.operations.start(OperationPlan(description: "Downloading image")) { operation in
            operation.set("fingerprint", .string(upload.fingerprint.text))
            operation.set("size", .string(String(upload.size)))
            try await images.add(
                upload, finalDescription,
                progress: { operation.set("create_image_from_container_pack_progress", .string("Unpack: \($0)")) },
                requestor: requestor)
        }
        return try .async(operation)
    }

    private func createFromTemplate(_ request: Request) async throws -> Answer {
        let body = try await request.json(Image.Creation.self)
        guard let source = body.source, source.type == "template" else {
            throw APIError.badRequest(
                "This version of lexd makes images from an uploaded tarball, or with source.type \"template\" from a "
                    + "recipe")
        }
        guard try await images.templates().contains(where: { $0.name == source.alias }) else {
            throw APIError.notFound("There is no template \"\(source.alias)\"")
        }
        let requestor = request.requestor
        let operation = images.operations.start(OperationPlan(description: "Building image")) { operation in
            let record = try await images.template(
                source.alias, rebuild: true, aliases: body.aliases, isCached: false,
                progress: { operation.set("build_progress", .string($0)) }, requestor: requestor)
            operation.set("fingerprint", .string(record.fingerprint))
            operation.set("size", .string(String(record.size)))
        }
        return try .async(operation)
    }

    private func export(_ request: Request) async throws -> Answer {
        let record = try await images.find(request.parameter("fingerprint")).value
        let path = images.file(of: record)
        // `bb.tar.gz` gives `FINGERPRINT.tar.gz`.
        let parts = record.filename.split(separator: ".")
        let ending = parts.firstIndex(of: "tar").map { parts[$0...].map { "." + $0 }.joined() } ?? ""
        return try await FileAnswer.make(path, filename: record.fingerprint + ending)
    }
}
