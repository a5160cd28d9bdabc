import LexAPI

/// What the daemon does with projects: there is only the one yet.
enum Projects {
    /// What belongs to a project; pools, the server and its operations do not.
    private static let bound: Set<Substring> = ["instances", "images", "profiles", "networks"]

    /// Throws a 404 for a request that is meant for a project there is not: it must not meet things of the default one.
    static func check(_ path: String, query: [String: String]) throws(APIError) {
        guard let name = query["project"], !name.isEmpty, name != Project.defaultName else { return }
        let parts = path.split(separator: "/")
        if parts.count > 1, bound.contains(parts[1]) { throw .notFound("Project not found") }
    }
}
