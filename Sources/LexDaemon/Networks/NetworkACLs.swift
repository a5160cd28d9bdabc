import LexAPI
import LexNetwork
import LexStore

/// What the daemon does with network ACLs: lists of rules that networks name in `security.acls`.
struct NetworkACLs: Sendable {
    let networks: Networks
    let events: Events
    private var records: Records<NetworkACLRecord> { networks.acls }

    init(networks: Networks, events: Events) {
        self.networks = networks
        self.events = events
    }

    func list(project: String) async throws -> [NetworkACL] {
        var result: [NetworkACL] = []
        for stored in try await records.list(in: holder(project)) {
            result.append(try await view(stored))
        }
        return result
    }

    func get(_ name: String, project: String) async throws -> NetworkACL { try await view(find(name, project)) }

    /// The project whose ACLs a project uses: as its networks.
    func holder(_ project: String) async throws -> String {
        try await networks.projects.holder(of: .networks, for: project)
    }

    private func view(_ stored: Stored<NetworkACLRecord>) async throws -> NetworkACL {
        let record = stored.value
        return NetworkACL(
            name: record.name, description: record.description, egress: record.egress, ingress: record.ingress,
            config: record.config, usedBy: try await users(of: record))
    }

    func find(_ name: String, _ project: String) async throws -> Stored<NetworkACLRecord> {
        guard let stored = try await records.find(name, in: holder(project)) else {
            throw APIError.notFound("Network ACL not found")
        }
        return stored
    }

    /// The URLs of the networks that name it, and of the ACLs whose rules do.
    private func users(of record: NetworkACLRecord) async throws -> [String] {
        let networks = try await networksWith(record).map { url("networks", $0.owned) }
        let acls = try await records.list().map(\.value).filter { $0.project == record.project && $0 != record }
        return networks + acls.filter { $0.names(record.name) }.map { url("network-acls", ProjectKey($0.key)) }
    }

    private func url(_ kind: String, _ key: ProjectKey) -> String {
        Projects.url("/1.0/\(kind)/\(key.name)", project: key.project)
    }

    private func networksWith(_ record: NetworkACLRecord) async throws -> [Stored<NetworkRecord>] {
        try await networks.records.list().filter {
            $0.value.acls.contains(record.name) && $0.owned.project == record.project
        }
    }

    /// What the ETag is made of.
    static func writable(_ acl: NetworkACL) -> NetworkACL.Update {
        NetworkACL.Update(
            description: acl.description, egress: acl.egress, ingress: acl.ingress, config: acl.config)
    }

    // MARK: changing

    func create(_ wish: NetworkACL.Creation, project: String, requestor: Event.Requestor?) async throws {
        try NetworkACL.validateName(wish.name)
        try await networks.projects.holding(.networks, for: project) { holder in
            let record = NetworkACLRecord(
                project: holder, name: wish.name, description: wish.description, egress: wish.egress,
                ingress: wish.ingress, config: Merge.replacement(wish.config))
            try await networks.locks.with("create") {
                guard try await records.find(record.key) == nil else {
                    throw APIError.badRequest("The network ACL already exists")
                }
                try await judge(record)
                try await records.create(record.key, record)
            }
        }
        try await lifecycle("network-acl-created", wish.name, project, requestor: requestor)
    }

    /// Replaces or, with `isPatch`, changes an ACL; the networks that name it take the change at once, all or none.
    func update(
        _ name: String, _ change: NetworkACL.Update, project: String, isPatch: Bool,
        check: (NetworkACL.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        try await networks.locks.with("create") {
            var new = try await find(name, project)
            try check(Self.writable(try await view(new)))
            if isPatch {
                new.value.config = Merge.config(new.value.config, change.config)
                new.value.description = change.description ?? new.value.description
                new.value.egress = change.egress ?? new.value.egress
                new.value.ingress = change.ingress ?? new.value.ingress
            } else {
                new.value.config = Merge.replacement(change.config)
                new.value.description = change.description ?? ""
                new.value.egress = change.egress ?? []
                new.value.ingress = change.ingress ?? []
            }
            try await judge(new.value)
            var changed: [BridgeSettings] = []
            for network in try await networksWith(new.value) {
                changed.append(try await networks.settings(network.owned.name, network.value, changed: new.value))
            }
            let saved = new
            try await networks.bringRules(changed) { try await records.update(saved) }
        }
        try await lifecycle("network-acl-updated", name, project, requestor: requestor)
    }

    func rename(_ name: String, to newName: String, project: String, requestor: Event.Requestor?) async throws {
        try await networks.locks.with("create") {
            let stored = try await find(name, project)
            try NetworkACL.validateName(newName)
            guard try await records.find(newName, in: stored.owned.project) == nil else {
                throw APIError.conflict("An ACL by that name exists already")
            }
            guard try await users(of: stored.value).isEmpty else {
                throw APIError.badRequest("Cannot rename an ACL that is in use")
            }
            var renamed = stored.value
            renamed.name = newName
            try await records.rename(stored, to: renamed.key, as: renamed)
        }
        events.lifecycle(
            "network-acl-renamed", source: "/1.0/network-acls/\(newName)", context: ["old_name": .string(name)],
            requestor: requestor, project: try await holder(project))
    }

    func delete(_ name: String, project: String, requestor: Event.Requestor?) async throws {
        try await networks.locks.with("create") {
            let stored = try await find(name, project)
            guard try await users(of: stored.value).isEmpty else {
                throw APIError.badRequest("Cannot delete an ACL that is in use")
            }
            try await records.delete(stored)
        }
        try await lifecycle("network-acl-deleted", name, project, requestor: requestor)
    }

    /// Throws unless the ACL holds together.
    private func judge(_ record: NetworkACLRecord) async throws {
        try Config<NetworkACLKeys>(record.config).validate { "Invalid config option \"\($0)\"" }
        let names = Set(try await records.list().map(\.name))
        _ = try record.rules { names.contains(ProjectKey(record.project, $0).text) }
    }

    private func lifecycle(
        _ action: String, _ name: String, _ project: String, requestor: Event.Requestor?
    ) async throws {
        events.lifecycle(
            action, source: "/1.0/network-acls/\(name)", requestor: requestor, project: try await holder(project))
    }
}
