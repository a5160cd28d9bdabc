import LexAPI

/// The declared endpoints as an OpenAPI document.
struct OpenAPI {
    private let recorder = SchemaRecorder()
    private let endpoints: [any AnyEndpoint]
    /// The types whose schemas are not whole, with the reason.
    var failures: [String] { recorder.failures }

    init(_ endpoints: [any AnyEndpoint] = API.all) {
        // What is internal is no part of the API.
        self.endpoints = endpoints.filter { !$0.path.hasPrefix("/internal") }
    }

    /// The document.
    func document() -> JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for endpoint in endpoints {
            paths[endpoint.path, default: [:]][endpoint.method.rawValue.lowercased()] = operation(endpoint)
        }
        var schemas = recorder.components
        schemas["Error"] = Self.envelope(type: "error", metadata: ["nullable": true])
        return [
            "openapi": "3.0.3",
            "info": [
                "title": "lexd",
                "version": "1.0",
                "description": .string(
                    "The REST API of lexd, which is that of LXD \(Release.lxdVersion) as far as api_extensions say."),
                "license": ["name": "Apache-2.0"],
            ],
            "servers": [["url": "http://localhost"]],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(schemas),
                "responses": [
                    "Error": [
                        "description": "What was attempted, on what, and why it failed.",
                        "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
                    ]
                ],
            ],
        ]
    }

    private func operation(_ endpoint: any AnyEndpoint) -> JSONValue {
        var members: [String: JSONValue] = [
            "summary": .string(endpoint.summary), "operationId": .string(Self.identifier(endpoint)),
            "tags": [.string(Self.tag(endpoint))], "responses": .object(responses(endpoint)),
        ]
        let parameters = Self.parameters(endpoint)
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let body = body(endpoint) { members["requestBody"] = body }
        return .object(members)
    }

    private func body(_ endpoint: any AnyEndpoint) -> JSONValue? {
        guard [.post, .put, .patch].contains(endpoint.method) else { return nil }
        var content: [String: JSONValue] = [:]
        if let type = endpoint.bodyType { content["application/json"] = ["schema": recorder.schema(of: type)] }
        if (endpoint as? RawEndpoint)?.takesBytes == true {
            content["application/octet-stream"] = ["schema": ["type": "string", "format": "binary"]]
        }
        return content.isEmpty ? nil : ["required": true, "content": .object(content)]
    }

    private func responses(_ endpoint: any AnyEndpoint) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [
            "4XX": ["$ref": "#/components/responses/Error"], "5XX": ["$ref": "#/components/responses/Error"],
        ]
        func json(_ description: String, _ schema: JSONValue) -> JSONValue {
            ["description": .string(description), "content": ["application/json": ["schema": schema]]]
        }
        if endpoint.isRaw {
            responses["200"] = ["description": "The file, or the answer.", "content": ["*/*": ["schema": [:]]]]
            if endpoint.method == .get {
                responses["101"] = ["description": "From here on a websocket."]
            } else {
                responses["202"] = json("The operation that was begun.", Self.envelope(type: "async", metadata: [:]))
            }
        } else if endpoint.replyType == LexAPI.Operation.self, endpoint.method != .get {
            let operation = recorder.schema(of: LexAPI.Operation.self)
            responses["202"] = json("The operation that was begun.", Self.envelope(type: "async", metadata: operation))
        } else {
            let metadata = endpoint.replyType.map { recorder.schema(of: $0) } ?? [:]
            let answer = json("Done.", Self.envelope(type: "sync", metadata: SchemaRecorder.nullable(metadata)))
            responses["200"] = answer
            if endpoint.method == .post { responses["201"] = answer }
        }
        return responses
    }

    private static func envelope(type: String, metadata: JSONValue) -> JSONValue {
        [
            "type": "object",
            "required": ["type", "status", "status_code", "operation", "error_code", "error", "metadata"],
            "properties": [
                "type": ["type": "string", "enum": [.string(type)]], "status": ["type": "string"],
                "status_code": ["type": "integer"], "operation": ["type": "string"],
                "error_code": ["type": "integer"], "error": ["type": "string"], "metadata": metadata,
            ],
        ]
    }

    private static func parameters(_ endpoint: any AnyEndpoint) -> [JSONValue] {
        let inPath = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part -> JSONValue in
            [
                "name": .string(String(part.dropFirst().dropLast())), "in": "path", "required": true,
                "schema": ["type": "string", "minLength": 1],
            ]
        }
        let inQuery = endpoint.queryParameters.map { parameter -> JSONValue in
            [
                "name": .string(parameter.name), "in": "query", "required": false,
                "description": .string(parameter.summary),
                "schema": ["type": .string(parameter.kind.rawValue)],
            ]
        }
        return inPath + inQuery
    }

    /// `GET /1.0/instances/{name}/state` is `get-instances-name-state`.
    static func identifier(_ endpoint: any AnyEndpoint) -> String {
        let parts = endpoint.path.split(separator: "/").filter { $0 != "1.0" }
            .map { $0.filter { $0 != "{" && $0 != "}" } }
        let place = parts.isEmpty ? (endpoint.path == "/" ? "versions" : "server") : parts.joined(separator: "-")
        return "\(endpoint.method.rawValue.lowercased())-\(place)"
    }

    /// The part of the API it belongs to.
    static func tag(_ endpoint: any AnyEndpoint) -> String {
        let parts = endpoint.path.split(separator: "/")
        guard parts.count > 1 else { return "server" }
        return ["resources", "metrics", "metadata"].contains(parts[1]) ? "server" : String(parts[1])
    }
}
