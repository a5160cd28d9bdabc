import LexAPI
import LexStore

/// What the daemon does with profiles.
struct Profiles: Sendable {
    let records: Records<ProfileRecord>
    let references: References
    let events: Events
    private let locks = Locks()

    func list() async throws -> [Profile] {
        var result: [Profile] = []
        for stored in try await records.list() { result.append(try await view(stored)) }
        return result
    }

    func get(_ name: String) async throws -> Profile { try await view(find(name, "Fetch profile: Profile not found")) }

    private func view(_ stored: Stored<ProfileRecord>) async throws -> Profile {
        Profile(
            name: stored.name, description: stored.value.description, config: stored.value.config,
            devices: stored.value.devices, usedBy: try await references.users(ofProfile: stored.name))
    }

    func find(_ name: String, _ absent: String = "Profile not found") async throws -> Stored<ProfileRecord> {
        guard let stored = try await records.find(name) else { throw APIError.notFound(absent) }
        return stored
    }

    /// The profiles of an instance, in order; LXD's words for one that is not there.
    func resolve(_ names: [String]) async throws -> [ProfileRecord] {
        var result: [ProfileRecord] = []
        for name in names {
            guard let stored = try await records.find(name) else {
                throw APIError.badRequest("Requested profile \"\(name)\" doesn't exist")
            }
            result.append(stored.value)
        }
        return result
    }

    /// The same, without those that are not there: to show an instance, and to reckon with it beside others.
    func present(_ names: [String]) async throws -> [ProfileRecord] {
        var result: [ProfileRecord] = []
        for name in names {
            if let stored = try await records.find(name) { result.append(stored.value) }
        }
        return result
    }

    /// Keeps profiles from being changed or deleted while `body` judges an instance with them and saves it.
    ///
    /// A condition of the commit would not do: who deletes a profile has looked for its instances before.
    func holding<Result: Sendable>(
        _ names: [String], _ body: () async throws -> Result
    ) async throws -> Result {
        _ = try await resolve(names)
        // Always in the same order, so that no two wait for each other.
        return try await hold(Set(names).sorted()[...], body)
    }

    private func hold<Result: Sendable>(
        _ names: ArraySlice<String>, _ body: () async throws -> Result
    ) async throws -> Result {
        guard let name = names.first else { return try await body() }
        return try await locks.with(name) { try await hold(names.dropFirst(), body) }
    }

    func create(_ profile: Profile.Creation, requestor: Event.Requestor?) async throws {
        try ObjectName.validate(profile.name, what: "profile")
        let record = ProfileRecord(
            description: profile.description, config: Merge.replacement(profile.config), devices: profile.devices)
        try Self.validate(record)
        do {
            try await records.create(profile.name, record)
        } catch CommitError.conflict {
            throw APIError.conflict("Error inserting \"\(profile.name)\" into database: The profile already exists")
        }
        events.lifecycle("profile-created", source: "/1.0/profiles/\(profile.name)", requestor: requestor)
    }

    /// Replaces or, with `isPatch`, changes a profile.
    func update(
        _ name: String, _ change: Profile.Update, isPatch: Bool, check: (Profile.Update) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        try await locks.with(name) {
            var stored = try await find(name)
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
            try await checkInstances(with: stored)
            try await records.update(stored)
        }
        events.lifecycle("profile-updated", source: "/1.0/profiles/\(name)", requestor: requestor)
    }

    func delete(_ name: String, requestor: Event.Requestor?) async throws {
        guard name != Project.defaultName else {
            throw APIError.forbidden("The \"default\" profile cannot be deleted")
        }
        try await locks.with(name) {
            let stored = try await find(name)
            guard try await references.users(ofProfile: name).isEmpty else {
                throw APIError.badRequest("Profile is currently in use")
            }
            try await records.delete(stored)
        }
        events.lifecycle("profile-deleted", source: "/1.0/profiles/\(name)", requestor: requestor)
    }

    /// Judges what every instance with a profile would become by a change of it.
    private func checkInstances(with changed: Stored<ProfileRecord>) async throws {
        for instance in try await references.instances.list()
        where instance.value.profiles.contains(changed.name) {
            var profiles: [ProfileRecord] = []
            for name in instance.value.profiles {
                profiles.append(name == changed.name ? changed.value : try await find(name).value)
            }
            let expansion = Expansion(profiles, config: instance.value.config, devices: instance.value.devices)
            do {
                guard try Expansion.rootPool(try expansion.check()) == instance.value.pool else {
                    throw APIError.badRequest("its root disk would be in another storage pool")
                }
            } catch {
                throw APIError.badRequest(
                    "The profile cannot be changed so: instance \"\(instance.value.name)\" has it, and \(error)")
            }
        }
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
        try Config<InstanceKeys>(record.config).validate()
        _ = try Device.readAll(record.devices)
    }
}
