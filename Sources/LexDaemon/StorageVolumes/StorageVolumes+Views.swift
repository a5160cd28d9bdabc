import LexAPI
import LexIPC
import LexInstance
import LexStorage
import LexStore

extension StorageVolumes {
    /// The kinds of volumes there are.
    static func checkType(_ type: String) throws(APIError) {
        guard ["custom", "container", "virtual-machine", "image"].contains(type) else {
            throw .badRequest("Invalid storage volume type name")
        }
    }

    /// The volumes of a pool that a project has, or that all have; of one kind, or of all.
    func list(pool: String, type: String?, project: String?) async throws -> [StorageVolume] {
        let driver = try pools.driver(of: pool)
        if let type { try Self.checkType(type) }
        func isWanted(_ kind: String) -> Bool { type == nil || type == kind }
        var result: [StorageVolume] = []
        if isWanted("container") {
            let instances: [Stored<InstanceRecord>]
            if let project {
                instances = try await references.instances.list(in: project)
            } else {
                instances = try await references.instances.list()
            }
            result += instances.map(\.value).filter { $0.pool == pool }.flatMap { Self.views(of: $0) }
        }
        if isWanted("custom") {
            let stored: [Stored<StorageVolumeRecord>]
            if let project {
                stored = try await records.list(in: try await projects.holder(of: .volumes, for: project))
            } else {
                stored = try await records.list()
            }
            for record in stored.map(\.value) where record.pool == pool && record.isFinished {
                result += try await views(of: record)
            }
        }
        if isWanted("image") { result += try await images(in: driver, project: project) }
        return result
    }

    /// An instance's root and the snapshots of it.
    private static func views(of record: InstanceRecord) -> [StorageVolume] {
        let snapshots = record.snapshots.filter(\.isFinished).sorted { $0.name < $1.name }
        return [
            StorageVolume(
                name: record.name, type: "container", project: record.project, description: "",
                usedBy: [record.url], createdAt: record.createdAt)
        ]
            + snapshots.map { snapshot in
                StorageVolume(
                    name: "\(record.name)/\(snapshot.name)", type: "container", project: record.project,
                    description: "", usedBy: [record.url(ofSnapshot: snapshot.name)], createdAt: snapshot.createdAt)
            }
    }

    /// The snapshots of an instance's root, as volumes have them.
    func snapshots(
        ofInstance name: String, pool: String, project: String
    ) async throws -> (record: InstanceRecord, snapshots: [StorageVolumeRecord.Snapshot]) {
        guard let record = try await references.instances.find(name, in: project)?.value, record.pool == pool else {
            throw APIError.notFound("Storage pool volume not found")
        }
        return (
            record,
            record.snapshots.filter(\.isFinished).map {
                StorageVolumeRecord.Snapshot(
                    name: $0.name, description: "", config: [:], createdAt: $0.createdAt, expiresAt: $0.expiresAt,
                    isFinished: true)
            }
        )
    }

    /// The unpacked images that a project uses, or any. LXD has them all in the project `default`; here one is where
    /// its image is.
    private func images(in driver: any StorageDriver, project: String?) async throws -> [StorageVolume] {
        var holder: String?
        if let project { holder = try await projects.holder(of: .images, for: project) }
        var result: [StorageVolume] = []
        for fingerprint in try await driver.layers().sorted() {
            let owners = try await references.owners(ofImages: [fingerprint])
                .filter { holder == nil || $0.project == holder }
            guard let first = owners.first else { continue }
            let isShared = owners.contains { $0.project == Project.defaultName }
            result.append(
                StorageVolume(
                    name: fingerprint, type: "image", project: isShared ? Project.defaultName : first.project,
                    usedBy: owners.map { Projects.url("/1.0/images/\($0.name)", project: $0.project) },
                    createdAt: .never))
        }
        return result
    }

    /// A custom volume and its snapshots.
    private func views(of record: StorageVolumeRecord) async throws -> [StorageVolume] {
        let volume = try await view(of: record)
        return [volume]
            + record.snapshots.filter(\.isFinished).sorted { $0.name < $1.name }.map { snapshot in
                StorageVolume(
                    name: "\(record.name)/\(snapshot.name)", type: "custom", project: record.project,
                    description: snapshot.description, config: snapshot.config, usedBy: volume.usedBy,
                    createdAt: snapshot.createdAt)
            }
    }

    private func view(of record: StorageVolumeRecord) async throws -> StorageVolume {
        let key = Key(pool: record.pool, project: record.project, name: record.name)
        return StorageVolume(
            name: record.name, type: "custom", project: record.project, description: record.description,
            config: record.config, usedBy: try await references.users(ofVolume: key), createdAt: record.createdAt)
    }

    /// One volume of any kind.
    func get(_ name: String, type: String, pool: String, project: String) async throws -> StorageVolume {
        try Self.checkType(type)
        if type == "custom" { return try await view(of: find(try await key(name, pool: pool, project: project)).value) }
        let all = try await list(pool: pool, type: type, project: project)
        guard let volume = all.first(where: { $0.name == name }) else {
            throw APIError.notFound("Storage pool volume not found")
        }
        return volume
    }

    /// How much room a volume takes.
    func state(_ name: String, type: String, pool: String, project: String) async throws -> StorageVolume.State {
        let volume = try await get(name, type: type, pool: pool, project: project)
        let driver = try pools.driver(of: pool)
        let place: VolumeName
        switch type {
        case "custom": place = VolumeName(project: volume.project, custom: volume.name)
        case "container": place = VolumeName(project: volume.project, instance: try InstanceName(volume.name))
        default: throw APIError.badRequest("The files of an image are measured with the image, not as a volume")
        }
        return StorageVolume.State(used: UInt64(clamping: try await driver.usage(of: place).bytes), total: 0)
    }

    /// The address of a volume or of a snapshot of one, as lists give it.
    static func url(_ volume: StorageVolume, pool: String) -> String {
        let parts = volume.name.split(separator: "/", maxSplits: 1)
        let base = "/1.0/storage-pools/\(pool)/volumes/\(volume.type)/\(parts.first ?? "")"
        return Projects.url(parts.count > 1 ? "\(base)/snapshots/\(parts[1])" : base, project: volume.project)
    }

    // MARK: for instances

    /// Throws unless the volumes among an instance's devices are there and no two take the same place.
    func check(_ devices: [String: Device], project: String) async throws {
        var paths: [String: String] = [:]
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .volume(let config) = device else { continue }
            let disk = try await disk(name, config, project: project)
            if let other = paths.updateValue(name, forKey: disk.path) {
                throw APIError.badRequest(
                    "More than one disk device uses the same path \"\(disk.path)\": \"\(other)\" and \"\(name)\"")
            }
        }
    }

    /// What a device of an instance mounts.
    func disk(_ name: String, _ config: Config<VolumeDiskKeys>, project: String) async throws -> InstanceDisk {
        guard let pool = try config[\.pool]?.text, let source = try config[\.source]?.text,
            let path = try config[\.path]?.text
        else { throw APIError.badRequest("The device \"\(name)\" has no pool, source or path") }
        func cannot(_ why: String) -> APIError {
            .badRequest(
                "Cannot use the device \"\(name)\": its source, volume \"\(source)\" of storage pool \"\(pool)\": "
                    + why)
        }
        guard let driver = try? pools.driver(of: pool) else { throw cannot("Storage pool not found") }
        guard !source.utf8.contains(UInt8(ascii: "/")) else {
            throw cannot("a snapshot cannot be attached; copy it to a volume of its own first")
        }
        let key = try await key(source, pool: pool, project: project)
        guard let record = try? await find(key).value else { throw cannot("Storage volume not found") }
        guard case .directory(let directory) = try await driver.root(of: key.volume, from: nil) else {
            throw cannot("it is no directory")
        }
        let words = MountWords(try config[\.rawMountOptions]?.words ?? [])
        guard words.rest.isEmpty else {
            throw cannot("\"\(words.rest[0])\" in raw.mount.options is none of \(MountWords.known)")
        }
        return InstanceDisk(
            source: directory, path: DevicePath.plain(path),
            flags: try config[\.readonly] == true ? words.flags.union(.readOnly) : words.flags,
            propagation: try config[\.propagation],
            isMapped: try Config<StorageVolumeKeys>(record.config)[\.security.unmapped] != true)
    }

    /// Keeps the volumes among devices from being deleted, renamed and moved while `body` saves what has them.
    func holding<Result: Sendable>(
        _ devices: [String: Device], project: String, _ body: () async throws -> Result
    ) async throws -> Result {
        try await holding(devices, projects: [project], body)
    }

    /// The same for devices that several projects have, by a profile they share. Projects can share volumes as well, so
    /// they are not held for one project after the other.
    func holding<Result: Sendable>(
        _ devices: [String: Device], projects: Set<String>, _ body: () async throws -> Result
    ) async throws -> Result {
        var keys: Set<String> = []
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .volume(let config) = device, let pool = try config[\.pool]?.text,
                let source = try config[\.source]?.text
            else { continue }
            do {
                for project in projects { keys.insert(try await key(source, pool: pool, project: project).text) }
            } catch let error as APIError where error.status == 404 {
                throw APIError.badRequest(
                    "Invalid device \"\(name)\": there is no storage pool \"\(pool.prefix(64))\". See lx storage list")
            }
        }
        return try await locks.with(all: keys) {
            for project in projects.sorted() { try await check(devices, project: project) }
            return try await body()
        }
    }
}
