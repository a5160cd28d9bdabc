import LexAPI

/// Who uses what, read from the records: the answer to every `used_by`.
struct References: Sendable {
    let projects: Projects
    let instances: Records<InstanceRecord>
    let profiles: Records<ProfileRecord>
    let images: Records<ImageRecord>
    let volumes: Records<StorageVolumeRecord>
    /// Whether an instance runs, by the key of its record.
    let isRunning: RunningInstances

    /// The instances with a profile of a project; those of other projects among them that use this one's profiles.
    func instances(withProfile key: ProjectKey) async throws -> [Stored<InstanceRecord>] {
        let projects = try await projects.users(of: .profiles, in: key.project)
        return try await instances.list().filter {
            $0.value.profiles.contains(key.name) && projects.contains($0.value.project)
        }
    }

    /// The URLs of the instances with a profile.
    func users(ofProfile key: ProjectKey) async throws -> [String] {
        try await instances(withProfile: key).map(\.value.url)
    }

    /// The URLs of the instances and profiles with a device on a network.
    func users(ofNetwork key: ProjectKey) async throws -> [String] {
        func uses(_ devices: [String: [String: String]]) -> Bool {
            devices.values.contains { options in
                options["type"] == "nic" && (options["network"] == key.name || options["parent"] == key.name)
            }
        }
        let projects = try await projects.users(of: .networks, in: key.project)
        let profiles = try await profiles.list().filter {
            projects.contains($0.owned.project) && uses($0.value.devices)
        }
        let names = Set(profiles.map(\.owned))
        var users: [String] = []
        for stored in try await instances.list() where projects.contains(stored.value.project) {
            let holder = try await self.projects.holder(of: .profiles, for: stored.value.project)
            let isUser =
                uses(stored.value.devices)
                || stored.value.profiles.contains { names.contains(ProjectKey(holder, $0)) }
            if isUser { users.append(stored.value.url) }
        }
        return users + profiles.map { url(profile: $0.owned) }
    }

    /// The URLs of the instances in a pool, and of the profiles that name it.
    func users(ofPool name: String) async throws -> [String] {
        let instances = try await instances.list().map(\.value).filter { $0.pool == name }.flatMap { record in
            [record.url] + record.snapshots.filter(\.isFinished).map { record.url(ofSnapshot: $0.name) }.sorted()
        }
        let profiles = try await profiles.list().filter { stored in
            stored.value.devices.values.contains { $0["type"] == "disk" && $0["pool"] == name }
        }
        return instances + profiles.map { url(profile: $0.owned) }
    }

    /// The URLs of the custom volumes in a pool, and of their snapshots.
    func volumes(inPool name: String) async throws -> [String] {
        try await volumes.list().map(\.value).filter { $0.pool == name }.flatMap { record in
            let base = "/1.0/storage-pools/\(name)/volumes/custom/\(record.name)"
            return ([base] + record.snapshots.map(\.name).sorted().map { "\(base)/snapshots/\($0)" })
                .map { Projects.url($0, project: record.project) }
        }
    }

    /// The URLs of the instances and profiles that have a custom volume.
    func users(ofVolume key: StorageVolumes.Key) async throws -> [String] {
        let users = try await all(ofVolume: key)
        return users.instances.map(\.value.url) + users.profiles.map { url(profile: $0.owned) }
    }

    /// The URLs of the instances among them that run.
    func running(ofVolume key: StorageVolumes.Key) async throws -> [String] {
        try await all(ofVolume: key).instances.map(\.value).filter { isRunning.has($0.key) }.map(\.url)
    }

    /// The changes that give the users of a volume another in its place.
    ///
    /// Throws a 400 when a profile among them also means volumes of other projects.
    func changes(from key: StorageVolumes.Key, to new: StorageVolumes.Key) async throws -> [RecordChange] {
        func moved(_ devices: [String: [String: String]]) -> [String: [String: String]] {
            devices.mapValues { options in
                guard Self.isVolume(options, key) else { return options }
                return options.merging(["pool": new.pool, "source": new.name]) { $1 }
            }
        }
        let users = try await all(ofVolume: key)
        let sharing = try await projects.users(of: .volumes, in: key.project)
        var changes: [RecordChange] = []
        for var stored in users.profiles {
            guard try await projects.users(of: .profiles, in: stored.owned.project).isSubset(of: sharing) else {
                throw APIError.badRequest(
                    "The profile \"\(stored.owned.name)\" has the volume \"\(key.name)\", and also gives volumes of that "
                        + "name to instances of projects that have their own: detach it from the profile first")
            }
            stored.value.devices = moved(stored.value.devices)
            changes.append(try profiles.change(stored))
        }
        for var stored in users.instances where Self.uses(stored.value.devices, key) {
            stored.value.devices = moved(stored.value.devices)
            changes.append(try instances.change(stored))
        }
        return changes
    }

    private static func isVolume(_ options: [String: String], _ key: StorageVolumes.Key) -> Bool {
        options["type"] == "disk" && options["pool"] == key.pool && options["source"] == key.name
            && options["path"] != "/"
    }

    private static func uses(_ devices: [String: [String: String]], _ key: StorageVolumes.Key) -> Bool {
        devices.values.contains { isVolume($0, key) }
    }

    private func all(
        ofVolume key: StorageVolumes.Key
    ) async throws -> (instances: [Stored<InstanceRecord>], profiles: [Stored<ProfileRecord>]) {
        let projects = try await projects.users(of: .volumes, in: key.project)
        // A profile of a project may serve others, whose volumes of that name are other ones.
        let candidates = try await profiles.list().filter { Self.uses($0.value.devices, key) }
        let names = Set(candidates.map(\.owned))
        var instances: [Stored<InstanceRecord>] = []
        var used: Set<ProjectKey> = []
        for stored in try await self.instances.list() where projects.contains(stored.value.project) {
            let holder = try await self.projects.holder(of: .profiles, for: stored.value.project)
            let through = stored.value.profiles.map { ProjectKey(holder, $0) }.filter { names.contains($0) }
            used.formUnion(through)
            if Self.uses(stored.value.devices, key) || !through.isEmpty { instances.append(stored) }
        }
        used.formUnion(names.filter { projects.contains($0.project) })
        return (instances, candidates.filter { used.contains($0.owned) })
    }

    /// The URLs of the images among these fingerprints.
    func images(of fingerprints: Set<String>) async throws -> [String] {
        try await owners(ofImages: fingerprints).map { Projects.url("/1.0/images/\($0.name)", project: $0.project) }
    }

    /// The images among these fingerprints, each as often as projects have it.
    func owners(ofImages fingerprints: Set<String>) async throws -> [ProjectKey] {
        try await images.list().filter { fingerprints.contains($0.value.fingerprint) }.map(\.owned)
            .sorted { ($0.name, $0.project) < ($1.name, $1.project) }
    }

    private func url(profile key: ProjectKey) -> String {
        Projects.url("/1.0/profiles/\(key.name)", project: key.project)
    }
}
