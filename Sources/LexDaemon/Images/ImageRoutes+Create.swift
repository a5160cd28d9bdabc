import FoundationEssentials
import LexAPI
import NIOHTTP1

extension ImageRoutes {
    /// One file or two in the body, or, as JSON, a wish for an image that is not there.
    func create(_ request: Request) async throws -> Answer {
        let type = request.headers.first(name: "content-type") ?? ""
        guard type.lowercased().hasPrefix("application/json") else { return try await createFromBody(request, type) }
        let body = try await request.json(Image.Creation.self)
        guard let source = body.source else {
            throw APIError.badRequest("The wish for an image does not say where it comes from: there is no \"source\"")
        }
        switch source.type {
        case "template": return try await createFromTemplate(body, source, request)
        case "image": return try await copy(body, source, request)
        case "url":
            throw APIError.badRequest(
                "This version of lexd does not download images from a URL. Fetch the file, then: lx image import FILE")
        case "instance", "container", "snapshot", "virtual-machine":
            throw APIError.badRequest("This version of lexd does not make images of instances or snapshots")
        default:
            throw APIError.badRequest(
                "Invalid images JSON: there is no source type \"\(source.type.prefix(64))\"; there are image and template"
            )
        }
    }

    private func createFromBody(_ request: Request, _ type: String) async throws -> Answer {
        let project = request.project
        var description = try Self.description(request.headers)
        // What cannot succeed is said before gigabytes have come.
        try await images.check(description, project: project)
        let upload = try await images.receive(request.body, contentType: type)
        if let name = upload.rootFilename { description.filename = Self.plainName(name) }
        if let wanted = request.headers.first(name: "x-lxd-fingerprint"), !wanted.isEmpty,
            wanted != upload.fingerprint.text
        {
            upload.discard()
            throw APIError.badRequest(
                "The image that arrived has the fingerprint \(upload.fingerprint), not \(wanted.prefix(64)): it was "
                    + "changed on the way")
        }
        let requestor = request.requestor
        let finalDescription = description
        let plan = OperationPlan(description: "Downloading image", project: project)
        let operation = images.operations.start(plan) { operation in
            operation.set("fingerprint", .string(upload.fingerprint.text))
            operation.set("size", .string(String(upload.size)))
            try await images.add(
                upload, finalDescription, project: project,
                progress: { operation.set("create_image_from_container_pack_progress", .string("Unpack: \($0)")) },
                requestor: requestor)
        }
        return try .async(operation)
    }

    /// The name of a file without the way to it: it is told to whoever downloads the image, and may be used as it is.
    static func plainName(_ name: String) -> String {
        let last = name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        let plain = String(last.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(255))
        return plain == "." || plain == ".." ? "" : plain
    }

    /// What the headers beside an upload say.
    static func description(_ headers: HTTPHeaders) throws -> Images.Description {
        func fields(_ name: String) throws(APIError) -> [(name: String, value: String)] {
            guard let text = headers.first(name: name), !text.isEmpty else { return [] }
            guard let fields = RequestTarget.fields(text) else {
                throw .badRequest("The header \(name) is not a list of name=value joined by &")
            }
            return fields
        }
        var description = Images.Description()
        description.filename = plainName(headers.first(name: "X-LXD-filename") ?? "")
        description.isPublic = ["1", "true", "yes", "on"]
            .contains((headers.first(name: "X-LXD-public") ?? "").lowercased())
        for (name, value) in try fields("X-LXD-properties") where description.properties[name] == nil {
            description.properties[name] = value
        }
        try Images.check(properties: description.properties)
        let profiles = try fields("X-LXD-profiles")
        if !profiles.isEmpty { description.profiles = profiles.filter { $0.name == "profile" }.map(\.value) }
        description.aliases = try fields("X-LXD-aliases").filter { $0.name == "alias" }
            .map { Image.Alias(name: $0.value, description: "") }
        return description
    }

    private func createFromTemplate(
        _ body: Image.Creation, _ source: Image.Source, _ request: Request
    ) async throws -> Answer {
        guard try await images.templates().contains(where: { $0.name == source.alias }) else {
            throw APIError.notFound("There is no template \"\(source.alias)\"")
        }
        let requestor = request.requestor
        let project = request.project
        let plan = OperationPlan(description: "Building image", project: project)
        let operation = images.operations.start(plan) { operation in
            let record = try await images.template(
                source.alias, rebuild: true, aliases: body.aliases, isCached: false, project: project,
                progress: { operation.set("build_progress", .string($0)) }, requestor: requestor)
            operation.set("fingerprint", .string(record.fingerprint))
            operation.set("size", .string(String(record.size)))
        }
        return try .async(operation)
    }

    /// A copy of what another project has.
    private func copy(_ body: Image.Creation, _ source: Image.Source, _ request: Request) async throws -> Answer {
        guard source.server.isEmpty, source.mode.isEmpty || source.mode == "pull" else {
            throw APIError.badRequest(
                "This version of lexd takes images from other projects of its own only, not from other servers. Fetch "
                    + "the image, then: lx image import FILE")
        }
        var description = Images.Description()
        description.isPublic = body.public
        description.autoUpdate = body.autoUpdate
        description.properties = body.properties
        description.aliases = body.aliases
        description.profiles = body.profiles
        if let expiresAt = body.expiresAt, expiresAt != .never { description.expiresAt = expiresAt }
        let project = request.project
        let requestor = request.requestor
        let wanted = description
        try await images.check(wanted, project: project)
        let operation = images.operations.start(
            OperationPlan(description: "Downloading image", project: project)
        ) { operation in
            let record = try await images.copy(source, wanted, project: project, requestor: requestor)
            operation.set("fingerprint", .string(record.fingerprint))
            operation.set("size", .string(String(record.size)))
        }
        return try .async(operation)
    }
}
