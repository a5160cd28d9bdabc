import LexAPI

/// What lies in projects, read from the records of every kind that belongs to them.
struct ProjectContents: Sendable {
    let instances: Records<InstanceRecord>
    let images: Records<ImageRecord>
    let profiles: Records<ProfileRecord>
    let networks: Records<NetworkRecord>
    let volumes: Records<StorageVolumeRecord>
    let acls: Records<NetworkACLRecord>

    /// The URLs of what lies in a project.
    func urls(in project: String) async throws -> [String] {
        func urls(_ kind: String, _ keys: [ProjectKey]) -> [String] {
            keys.map { Projects.url("/1.0/\(kind)/\($0.name)", project: project) }
        }
        let volumes = try await volumes.list(in: project).map(\.value)
        return urls("instances", try await instances.list(in: project).map(\.owned))
            + urls("profiles", try await profiles.list(in: project).map(\.owned))
            + urls("images", try await images.list(in: project).map(\.owned))
            + urls("networks", try await networks.list(in: project).map(\.owned))
            + volumes.map {
                StorageVolumes.Key(pool: $0.pool, project: $0.project, name: $0.name).url
            }
            + urls("network-acls", try await acls.list(in: project).map(\.owned))
    }

    /// Whether nothing lies in it but the profile it was made with.
    func isEmpty(_ project: String) async throws -> Bool {
        let own = Projects.url("/1.0/profiles/\(Project.defaultName)", project: project)
        return try await urls(in: project).allSatisfy { $0 == own }
    }

    /// What a project uses, by the names of `GET /1.0/projects/NAME/state`. What its instances use is counted by their
    /// limits, as projects are limited by them.
    func usage(of project: String, profilesOf holder: String) async throws -> [String: Int64] {
        var usage = Dictionary(
            uniqueKeysWithValues: [
                "containers", "cpu", "disk", "instances", "memory", "networks", "processes", "virtual-machines",
            ].map { ($0, Int64(0)) })
        let records = try await instances.list(in: project).map(\.value)
        usage["containers"] = Int64(records.count)
        usage["instances"] = Int64(records.count)
        usage["networks"] = Int64(try await networks.list(in: project).count)
        for record in records {
            var present: [ProfileRecord] = []
            for name in record.profiles {
                if let profile = try await profiles.find(name, in: holder) { present.append(profile.value) }
            }
            let expansion = Expansion(present, config: record.config, devices: record.devices)
            for (kind, amount) in Self.limits(of: expansion) {
                let (sum, isTooMuch) = (usage[kind] ?? 0).addingReportingOverflow(amount)
                usage[kind] = isTooMuch ? .max : sum
            }
        }
        return usage
    }

    /// What an instance may use by its own limits; nothing of a kind without one, or with one that is a share of the
    /// host's.
    private static func limits(of expansion: Expansion) -> [String: Int64] {
        var limits: [String: Int64] = [:]
        let config = Config<InstanceKeys>(expansion.config)
        if case .size(let size)? = try? config[\.limits.memory] { limits["memory"] = size.bytes }
        switch try? config[\.limits.cpu] {
        case .count(let count)?: limits["cpu"] = Int64(count)
        case .set(let set)?: limits["cpu"] = Int64(set.count)
        default: break
        }
        if let count = try? config[\.limits.processes] { limits["processes"] = count }
        let sizes = expansion.devices.values.filter { $0["type"] == "disk" && $0["path"] == "/" }
            .compactMap { $0["size"].flatMap { ByteSize(configText: $0) } }
        if let size = sizes.first { limits["disk"] = size.bytes }
        return limits
    }
}
