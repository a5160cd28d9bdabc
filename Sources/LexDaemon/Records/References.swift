import LexAPI

/// Who uses what, read from the records: the answer to every `used_by`.
struct References: Sendable {
    let instances: Records<InstanceRecord>
    let profiles: Records<ProfileRecord>
    let images: Records<ImageRecord>

    /// The URLs of the instances with a profile.
    func users(ofProfile name: String) async throws -> [String] {
        try await instances.list().filter { $0.value.profiles.contains(name) }.map { url($0.value) }
    }

    /// The URLs of the instances and profiles with a device on a network.
    func users(ofNetwork name: String) async throws -> [String] {
        func uses(_ devices: [String: [String: String]]) -> Bool {
            devices.values.contains { options in
                options["type"] == "nic" && (options["network"] == name || options["parent"] == name)
            }
        }
        let profiles = try await profiles.list().filter { uses($0.value.devices) }
        let names = Set(profiles.map(\.name))
        let instances = try await instances.list().filter { stored in
            uses(stored.value.devices)
                || stored.value.profiles.contains(where: { names.contains($0) })
        }
        return instances.map { url($0.value) } + profiles.map { "/1.0/profiles/\($0.name)" }
    }

    /// The URLs of the instances in a pool, and of the profiles that name it.
    func users(ofPool name: String) async throws -> [String] {
        let instances = try await instances.list().filter { $0.value.pool == name }.map { url($0.value) }
        let profiles = try await profiles.list().filter { stored in
            stored.value.devices.values.contains { $0["type"] == "disk" && $0["pool"] == name }
        }
        return instances + profiles.map { "/1.0/profiles/\($0.name)" }
    }

    /// The URLs of the images among these fingerprints.
    func images(of fingerprints: Set<String>) async throws -> [String] {
        try await images.list().map(\.value.fingerprint).filter { fingerprints.contains($0) }.sorted()
            .map { "/1.0/images/\($0)" }
    }

    private func url(_ record: InstanceRecord) -> String {
        "/1.0/instances/\(record.name)" + (record.project == Project.defaultName ? "" : "?project=\(record.project)")
    }
}
