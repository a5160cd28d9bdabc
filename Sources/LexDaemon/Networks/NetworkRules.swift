import LexAPI
import LexNetwork

/// A forward of a network as its network's record keeps it, under its listen address.
struct NetworkForwardRecord: Codable, Sendable, Equatable {
    var description: String
    var config: [String: String]
    var ports: [NetworkForward.Port]
}

/// A network ACL. Its name in the store is `PROJECT/NAME`.
struct NetworkACLRecord: Record, Equatable {
    static let keyPrefix = "/network-acls/"

    var project: String
    var name: String
    var description: String
    var egress: [NetworkACL.Rule]
    var ingress: [NetworkACL.Rule]
    var config: [String: String]

    /// The name of its entry.
    var key: String { ProjectKey(project, name).text }
    /// The rules that name other ACLs.
    func names(_ acl: String) -> Bool {
        ingress.contains { $0.source?.split(separator: ",").contains { $0.filter { $0 != " " } == acl } == true }
            || egress.contains {
                $0.destination?.split(separator: ",").contains { $0.filter { $0 != " " } == acl } == true
            }
    }

    /// The rules as the firewall takes them. Throws a 400 in LXD's words for the first that does not hold together.
    func rules(isACL: (String) -> Bool) throws(APIError) -> [PacketFilter.Rule] {
        try PacketFilter.Rule.all(ingress, .ingress, isACL: isACL)
            + PacketFilter.Rule.all(egress, .egress, isACL: isACL)
    }
}

extension NetworkRecord {
    /// The names of its ACLs.
    var acls: [String] {
        (config["security.acls"] ?? "").split(separator: ",").map { String($0.filter { $0 != " " }) }
    }
}

extension PacketForward {
    /// Reads a forward of a network with these settings.
    init(_ listen: IPAddress, _ record: NetworkForwardRecord, _ settings: BridgeSettings) throws(APIError) {
        try self.init(
            listen: listen, config: record.config, ports: record.ports, ipv4: settings.ipv4, ipv6: settings.ipv6)
    }
}
