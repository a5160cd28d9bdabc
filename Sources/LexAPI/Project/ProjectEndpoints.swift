/// The endpoints of projects.
public struct ProjectEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/projects", "List the projects.")
    /// One of them.
    public let get = Endpoint<Empty, Project>(.get, "/1.0/projects/{name}", "Show a project.")

    init() {}
}
