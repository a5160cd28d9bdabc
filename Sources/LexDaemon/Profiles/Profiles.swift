import LexAPI
import LexStore

/// What the daemon does with profiles.
///
/// Everything takes the project that is asked for; whose profiles that project uses is found out here.
struct Profiles: Sendable {
    let records: Records<ProfileRecord>
    let projects: Projects
    let references: References
    let events: Events
    private let locks = Locks()

    /// Whose a profile is that a project uses.
    func key(_ name: String, _ project: String) async throws -> ProjectKey {
        ProjectKey(try await projects.holder(of: .profiles, for: project), name)
    }

    func list(project: String) async throws -> [Profile] {
        var result: [Profile] = []
        for stored in try await records.list(in: projects.holder(of: .profiles, for: project)) {
            result.append(try await view(stored))
        }
        return result
    }

    func urls(project: String) async throws -> [String] {
        let holder = try await projects.holder(of: .profiles, for: project)
        return try await records.list(in: holder).map {
            Projects.url("/1.0/profiles/\($0.owned.name)", project: holder)
        }
    }

    func get(_ name: String, project: String) async throws -> Profile {
        try await view(find(key(name, project), "Fetch profile: Profile not found"))
    }

    private func view(_ stored: Stored<ProfileRecord>) async throws -> Profile {
        Profile(
            name: stored.owned.name, description: stored.value.description, config: stored.value.config,
            devices: stored.value.devices, usedBy: try await references.users(ofProfile: stored.owned))
    }

    private func find(
        _ key: ProjectKey, _ absent: String = "Profile not found"
    ) async throws -> Stored<ProfileRecord> {
        guard let stored = try await records.find(key.text) else { throw APIError.notFound(absent) }
        return stored
    }

    /// The profiles of an instance, in order; LXD's words for one that is not there.
    func resolve(_ names: [String], project: String) async throws -> [ProfileRecord] {
        let holder = try await projects.holder(of: .profiles, for: project)
        var result: [ProfileRecord] = []
        for name in names {
            guard let stored = try await records.find(name, in: holder) else {
                throw APIError.badRequest("Requested profile \"\(name)\" doesn't exist")
            }
            result.append(stored.value)
        }
        return result
    }

    /// The same, without those that are not there: to show an instance, and to reckon with it beside others.
    func present(_ names: [String], project: String) async throws -> [ProfileRecord] {
        let holder = try await projects.holder(of: .profiles, for: project)
        var result: [ProfileRecord] = []
        for name in names {
            if let stored = try await records.find(name, in: holder) { result.append(stored.value) }
        }
        return result
    }

    /// Those of the names that stand for a profile.
    func known(among names: [String], project: String) async throws -> [String] {
        let holder = try await projects.holder(of: .profiles, for: project)
        var result: [String] = []
        for name in names where try await records.find(name, in: holder) != nil { result.append(name) }
        return result
    }

    /// Keeps profiles from being changed or deleted, and the project from going, while `body` judges an instance with
    /// them and saves it.
    ///
    /// A condition of the commit would not do: who deletes a profile has looked for its instances before.
    func holding<Result: Sendable>(
        _ names: [String], project: String, _ body: () async throws -> Result
    ) async throws -> Result {
        guard Set(names).count == names.count else {
            throw APIError.badRequest("Duplicate profile found in request")
        }
        return try await projects.holding(.profiles, for: project) { holder in
            _ = try await resolve(names, project: project)
            return try await locks.with(all: Set(names.map { ProjectKey(holder, $0).text }), body)
        }
    }

    func create(_ profile: Profile.Creation, project: String, requestor: Event.Requestor?) async throws {
        try ObjectName.validate(profile.name, what: "profile")
        let record = ProfileRecord(
            description: profile.description, config: Merge.replacement(profile.config), devices: profile.devices)
        try Self.validate(record)
        let holder = try await projects.holding(.profiles, for: project) { holder in
            do {
                try await records.create(ProjectKey(holder, profile.name).text, record)
            } catch CommitError.conflict {
                throw APIError.conflict("Error inserting \"\(profile.name)\" into database: The profile already exists")
            }
            return holder
        }
        tell("profile-created", ProjectKey(holder, profile.name), requestor: requestor)
    }

    /// Replaces or, with `isPatch`, changes a profile.
    ///
    /// - Parameter apply: Brings the change to the instances, or throws why that cannot be; in between it saves it.
    func update(
        _ key: ProjectKey, _ change: Profile.Update, isPatch: Bool, check: (Profile.Update) throws -> Void,
        apply: (_ changed: Stored<ProfileRecord>, _ save: () async throws -> Void) async throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        try await locks.with(key.text) {
            var stored = try await find(key)
            try check(Self.writable(stored.value))
            if isPatch {
                stored.value.config = Merge.config(stored.value.config, change.config)
                stored.value.devices = Merge.devices(stored.value.devices, change.devices)
                stored.value.description = change.description ?? stored.value.description
            } else {
                stored.value = ProfileRecord(
                    description: change.description ?? "", config: Merge.replacement(change.config),
                    devices: change.devices ?? [:])
            }
            try Self.validate(stored.value)
            let changed = stored
            try await apply(changed) { try await records.update(changed) }
        }
        tell("profile-updated", key, requestor: requestor)
    }

    /// Gives a profile another name.
    ///
    /// - Parameter move: Brings the name to the instances with it. Meanwhile the profile has both names, so that no
    ///   instance is ever without it.
    func rename(
        _ key: ProjectKey, to new: String, move: () async throws -> Void, requestor: Event.Requestor?
    ) async throws {
        guard key.name != Project.defaultName else {
            throw APIError.forbidden("The \"default\" profile cannot be renamed")
        }
        guard !new.isEmpty else { throw APIError.badRequest("No name provided") }
        try ObjectName.validate(new, what: "profile")
        let newKey = ProjectKey(key.project, new)
        try await projects.holding(.profiles, for: key.project) { _ in
            try await locks.with(all: [key.text, newKey.text]) {
                let stored = try await find(key)
                guard try await records.find(newKey.text) == nil else {
                    throw APIError.conflict("Name \"\(new)\" already in use")
                }
                let renamed = try await records.create(newKey.text, stored.value)
                do {
                    try await move()
                } catch {
                    try? await records.delete(renamed)
                    throw error
                }
                try await records.delete(stored)
            }
        }
        tell("profile-renamed", newKey, context: ["old_name": .string(key.name)], requestor: requestor)
    }

    func delete(_ name: String, project: String, requestor: Event.Requestor?) async throws {
        guard name != Project.defaultName else {
            throw APIError.forbidden("The \"default\" profile cannot be deleted")
        }
        let key = try await key(name, project)
        try await locks.with(key.text) {
            let stored = try await find(key)
            guard try await references.users(ofProfile: key).isEmpty else {
                throw APIError.badRequest("Profile is currently in use")
            }
            try await records.delete(stored)
        }
        tell("profile-deleted", key, requestor: requestor)
    }

    private func tell(
        _ action: String, _ key: ProjectKey, context: [String: JSONValue]? = nil, requestor: Event.Requestor?
    ) {
        events.lifecycle(
            action, source: "/1.0/profiles/\(key.name)", context: context, requestor: requestor, project: key.project)
    }

    /// What the ETag is made of.
    static func writable(_ record: ProfileRecord) -> Profile.Update {
        Profile.Update(description: record.description, config: record.config, devices: record.devices)
    }

    private static func validate(_ record: ProfileRecord) throws {
        for key in record.config.keys.sorted() {
            guard !key.hasPrefix("volatile."), !key.hasPrefix("image.") else {
                throw APIError.badRequest(
                    "The key \"\(key)\" belongs to one instance: it cannot be set in a profile")
            }
        }
        let (ofMachines, config) = VirtualMachineKeys.split(record.config)
        try Config<VirtualMachineKeys>(ofMachines).validate()
        try Config<InstanceKeys>(config).validate()
        _ = try Device.readAll(record.devices)
    }
}
