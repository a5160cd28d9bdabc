import LexAPI
import LexHost
import LexStorage

/// The `size` of root disks.
extension Instances {
    /// How much an instance may hold by itself, in the words of its root disk, else of its pool.
    private func size(of record: InstanceRecord, _ devices: [String: Device]) async throws -> String? {
        for device in devices.values {
            if case .disk(let config) = device, let size = config.values["size"], !size.isEmpty { return size }
        }
        return try await pools.find(record.pool).value.config["volume.size"]
    }

    /// Limits the root disk as the configuration says. Throws where that cannot be done, unless there is no limit.
    func limitRoot(of record: InstanceRecord, _ devices: [String: Device]) async throws {
        try await limitRoot(of: record, to: try await size(of: record, devices))
    }

    private func limitRoot(of record: InstanceRecord, to size: String?) async throws {
        do {
            try await pools.driver(of: record.pool).limit(
                try Self.volume(record), to: size.flatMap { ByteSize(configText: $0) })
        } catch let reason as QuotaUnavailable {
            throw APIError.badRequest(
                "Cannot limit the root disk of \"\(record.name)\" to \(size ?? ""): \(reason). Take "
                    + "the option size off the root disk (or volume.size off the pool), or move the instance to a pool on "
                    + "such a file system")
        }
    }

    /// Brings a running instance the size that a changed record says.
    func bringSize(of record: InstanceRecord, over old: InstanceRecord) async throws {
        guard liveInstance(record.key).run != nil else { return }
        if old.devices == record.devices, old.profiles == record.profiles { return }
        let size = try await size(of: record)
        if try await self.size(of: old) != size { try await limitRoot(of: record, to: size) }
    }

    /// The same after a change of what the record stands on.
    func bringSize(of record: InstanceRecord) async throws {
        try await limitRoot(of: record, to: try await size(of: record))
    }

    private func size(of record: InstanceRecord) async throws -> String? {
        try await size(of: record, try Device.readAll(try await expansion(of: record).devices))
    }
}
