import LexAPI
import LexIPC
import LexStorage

extension Instances {
    /// Stores the root of an instance that is not mounted for its ids, where the kernel does not mount it with them. Its
    /// lock is held.
    func giveOwners(_ record: inout InstanceRecord, _ config: Config<InstanceKeys>, _ ids: IDMap) async throws {
        let driver = try pools.driver(of: record.pool)
        let volume = try Self.volume(record)
        let owners = try await pools.mapsOwners(in: record.pool) ? IDMap.none : ids
        let present = try await driver.owners(of: volume)
        if present != owners {
            if try config[\.security.protectionShift] == true {
                throw APIError.badRequest(
                    "Cannot mount the root of \"\(record.name)\": its files are stored for other ids than it has, and "
                        + "security.protection.shift forbids to change that. Unset the key")
            }
            // It may hold the root that is to be replaced.
            await fileServers.end(of: record.key)
            try await driver.setOwners(of: volume, to: owners)
            pools.sweepSoon()
        }
        record.config["volatile.last_state.idmap"] = Self.idMapText(owners)
    }
}
