/// A part of a request's query.
public struct QueryParameter: Sendable {
    /// What its text is.
    public enum Kind: String, Sendable {
        /// Any text.
        case string
        /// A whole number.
        case integer
        /// `true` or `false`.
        case boolean
    }

    /// The name.
    public let name: String
    /// What its text is.
    public let kind: Kind
    /// One sentence.
    public let summary: String

    init(_ name: String, _ kind: Kind = .string, _ summary: String) {
        self.name = name
        self.kind = kind
        self.summary = summary
    }
}

extension AnyEndpoint {
    /// What its query may hold. Most follows from what the endpoint is: a list, something that belongs to a project.
    public var queryParameters: [QueryParameter] {
        let parts = path.split(separator: "/")
        var parameters: [QueryParameter] = []
        // Only a list answers open JSON: addresses or objects.
        if method == .get, replyType == JSONValue.self {
            parameters.append(.recursion)
            parameters.append(.filter)
        }
        if parts.count > 1, QueryParameter.projectBound.contains(parts[1]) { parameters.append(.project) }
        if method == .get, QueryParameter.acrossProjects.contains(path) {
            parameters.append(.allProjects)
        }
        return parameters + (QueryParameter.special["\(method.rawValue) \(path)"] ?? [])
    }
}

extension QueryParameter {
    static let project = QueryParameter(
        "project", .string, "The project to work in; the default one when it is not given.")
    static let allProjects = QueryParameter("all-projects", .boolean, "Whether to list what is in all projects.")
    static let recursion = QueryParameter("recursion", .integer, "0 for URLs, 1 for objects, 2 for more.")
    static let filter = QueryParameter(
        "filter", .string, "Which to list, as an expression: status eq running and name eq web.")

    /// What belongs to a project.
    fileprivate static let projectBound: Set<Substring> = [
        "events", "images", "instances", "metrics", "network-acls", "networks", "operations", "profiles",
        "storage-pools", "warnings",
    ]
    fileprivate static let acrossProjects: Set<String> = [
        "/1.0/events", "/1.0/instances", "/1.0/operations", "/1.0/storage-pools/{pool}/volumes",
        "/1.0/storage-pools/{pool}/volumes/{type}",
    ]

    private static let secret = QueryParameter("secret", .string, "The secret that was given with the operation.")
    private static let instanceType = QueryParameter(
        "instance-type", .string, "Only those of a type: container or virtual-machine; all when it is not given.")
    private static let path = QueryParameter("path", .string, "The path of a file.")
    fileprivate static let special: [String: [QueryParameter]] = [
        "GET /1.0/operations/{id}/wait": [
            QueryParameter("timeout", .integer, "Seconds to wait at most; -1 for as long as it takes."), secret,
        ],
        "GET /1.0/operations/{id}/websocket": [secret],
        "GET /1.0/events": [QueryParameter("type", .string, "The kinds of events, with commas between.")],
        "GET /1.0/images/{fingerprint}": [QueryParameter("secret", .string, "The secret to a private image.")],
        "GET /1.0/images/{fingerprint}/export": [QueryParameter("secret", .string, "The secret to a private image.")],
        "GET /1.0/instances": [instanceType],
        "PUT /1.0/instances": [instanceType],
        "GET /1.0/instances/{name}": [recursion],
        "GET /1.0/operations": [recursion],
        "GET /1.0/instances/{name}/files": [path],
        "POST /1.0/instances/{name}/files": [path],
        "DELETE /1.0/instances/{name}/files": [path],
        "GET /1.0/instances/{name}/metadata/templates": [path],
        "POST /1.0/instances/{name}/metadata/templates": [path],
        "DELETE /1.0/instances/{name}/metadata/templates": [path],
    ]
}
