/// The endpoints of projects.
public struct ProjectEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/projects", "List the projects.")
    /// Makes one.
    public let create = Endpoint<Project.Creation, Empty>(.post, "/1.0/projects", "Create a project.")
    /// One of them.
    public let get = Endpoint<Empty, Project>(.get, "/1.0/projects/{name}", "Show a project.")
    /// Replaces it.
    public let update = Endpoint<Project.Update, Empty>(.put, "/1.0/projects/{name}", "Replace a project.")
    /// Changes it in part.
    public let patch = Endpoint<Project.Update, Empty>(.patch, "/1.0/projects/{name}", "Change a project in part.")
    /// Gives it another name, in the background.
    public let rename = Endpoint<Project.Rename, Operation>(.post, "/1.0/projects/{name}", "Rename a project.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/projects/{name}", "Delete a project.")
    /// What it may use and uses.
    public let state = Endpoint<Empty, Project.State>(
        .get, "/1.0/projects/{name}/state", "Show what a project may use and uses.")

    init() {}
}
