import LexAPI

/// The member of a cluster that a request is meant for (`?target=`). A lexd stands alone.
enum ClusterMember {
    /// The name that LXD gives to a server which stands alone: to ask it is to ask this one.
    private static let alone = "none"

    /// Throws what LXD says where it looks for the member; where it does not, the name means nothing here either.
    static func check(_ method: Method, _ path: String, _ query: [String: String]) throws(APIError) {
        guard let target = query["target"], !target.isEmpty, target != alone, path != "/" else { return }
        let parts = path.split(separator: "/").dropFirst()
        let isList = method == .get && parts.count == 1
        switch parts.first {
        case "instances" where method == .post && parts.count == 1:
            throw .badRequest("Target only allowed when clustered")
        case "instances" where method == .post && parts.count == 2: throw .notFound("Cluster member not found")
        case nil, "resources": throw .notFound("Cluster member not found")
        case "networks" where !isList, "storage-pools" where !isList: throw .notFound("Cluster member not found")
        default: break
        }
    }
}
