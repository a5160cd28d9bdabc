import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStore
import Logging

/// `/dev/lxd` of the instances
extension Instances {
    /// Where it is seen inside.
    static let guestPath = "/dev/lxd"

    /// Begins to listen for an instance that has it, before it runs.
    func openGuest(_ key: String, _ config: Config<InstanceKeys>, _ ids: IDMap) async throws {
        guard try config[\.security.devlxd] != false else { return }
        try await guests.open(key, owner: ids.user(0) ?? 0, in: host.paths(of: key).guest)
    }

    /// Ends it, with its run.
    func closeGuest(_ key: String) async {
        await guests.close(key)
        guestEvents.finish(key)
    }

    /// Gives a running instance the socket or takes it away, as its configuration says now.
    func bringGuest(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws {
        guard let run = liveInstance(record.key).run else { return }
        let isWanted = try config[\.security.devlxd] != false
        guard isWanted != guests.isOpen(record.key) else { return }
        let directory = host.paths(of: record.key).guest
        if isWanted {
            try await openGuest(record.key, config, run.ids)
            do {
                _ = try await host.runtime.plug(
                    PlugJob(
                        thing: .disk(DiskMount(source: directory, ids: .none, flags: .readOnly)), path: Self.guestPath,
                        isUnprivileged: !run.ids.isEmpty, workDirectory: host.paths(of: record.key).mounts),
                    into: run.process)
            } catch {
                await closeGuest(record.key)
                throw error
            }
        } else {
            // The mount is of this very directory, so that it is known by it.
            let identity = try await blocking {
                var status = stat()
                try checked("look at", directory) { lstat(directory, &status) }
                return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
            }
            try await host.runtime.unplug(
                UnplugJob(
                    mark: .file(identity), path: Self.guestPath, removesFile: false,
                    isUnprivileged: !run.ids.isEmpty), from: run.process)
            await closeGuest(record.key)
        }
    }

    /// Listens again for an instance that was found running.
    func reopenGuest(_ record: InstanceRecord, _ ids: IDMap) async {
        do {
            try await openGuest(record.key, Config(try await expansion(of: record).config), ids)
        } catch {
            logger.error(
                "cannot listen for an instance on its /dev/lxd/sock",
                metadata: ["instance": "\(record.key)", "error": "\(error)"])
        }
    }

    /// Notes what an instance says of its state; answers its record as it is then.
    func setReady(_ isReady: Bool, _ key: String) async throws -> InstanceRecord {
        try await locks.with(key) {
            guard var stored = try await records.find(key) else { throw APIError.notFound("not found") }
            let text = String(isReady)
            guard stored.value.config["volatile.last_state.ready"] != text, liveInstance(key).run != nil else {
                return stored.value
            }
            stored.value.config["volatile.last_state.ready"] = text
            stored = try await records.update(stored)
            if isReady { lifecycle("instance-ready", stored.value, requestor: nil) }
            return stored.value
        }
    }

    // MARK: changes

    /// Tells a running instance what a change means for it.
    func tellGuest(_ key: String, from old: Expansion, to new: Expansion) {
        guard guestEvents.isHeard(key) else { return }
        guestEvents.tell(key, from: old, to: new)
    }

    /// What instances with a profile are with it at this moment.
    func expansions(withProfile key: ProjectKey) async throws -> [String: Expansion] {
        var expansions: [String: Expansion] = [:]
        for stored in try await profiles.references.instances(withProfile: key) {
            expansions[stored.value.key] = try await expansion(of: stored.value)
        }
        return expansions
    }

    /// Brings to instances what a changed profile of theirs means for their `/dev/lxd` and for mounts. It has been saved:
    /// one that cannot be told of it keeps nobody else from it.
    func followProfile(_ before: [String: Expansion]) async {
        for (key, old) in before {
            do {
                try await locks.with(key) {
                    guard var stored = try await records.find(key) else { return }
                    let new = try await expansion(of: stored.value)
                    tellGuest(key, from: old, to: new)
                    try await bringGuest(of: stored.value, Config(new.config))
                    try await bringMountable(of: stored.value, Config(new.config))
                    guard CloudSeed(old, stored.value) != CloudSeed(new, stored.value) else { return }
                    stored.value.config["volatile.cloud-init.instance-id"] = UUIDText.random()
                    try await records.update(stored)
                    try await writeBackup(stored.value)
                }
            } catch {
                logger.error(
                    "cannot bring a changed profile to the /dev/lxd and the mounts of an instance",
                    metadata: ["instance": "\(key)", "error": "\(error)"])
            }
        }
    }

    /// What makes an instance another one to cloud-init when it changes (cloud-init runs once for each identity), by
    /// LXD's rule.
    struct CloudSeed: Equatable {
        private let values: [String: String]
        private let interfaces: [String]

        private static let keys = [
            "cloud-init.vendor-data", "cloud-init.user-data", "cloud-init.network-config", "user.vendor-data",
            "user.user-data", "user.network-config",
        ]

        init(_ expansion: Expansion, _ record: InstanceRecord) {
            values = expansion.config.filter { Self.keys.contains($0.key) }
            interfaces = expansion.devices.filter { $0.value["type"] == "nic" }
                .map { name, device in device["name"] ?? record.config["volatile.\(name).name"] ?? name }.sorted()
        }
    }
}
