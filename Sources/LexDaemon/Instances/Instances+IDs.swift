import LexAPI
import LexHost
import LexIPC
import LexInstance
import Logging

extension Instances {
    /// How many ids an instance has that does not say, and one that has instances inside.
    private static let usualIDCount = (own: IDRanges.size, nesting: 16 * IDRanges.size)

    /// The ids an instance has by its configuration: whole ranges of its own, whatever LXD's security.idmap.isolated says.
    static func idCount(_ config: Config<InstanceKeys>, of all: Range<UInt64>) throws -> UInt32 {
        if let count = try config[\.security.idmapSize] { return UInt32(clamping: count) }
        // A lexd that has few itself, as one in an instance, has none to spare for what such an instance may have inside.
        let isPlenty = all.upperBound - all.lowerBound >= 2 * UInt64(usualIDCount.nesting)
        return try config[\.security.nesting] == true && isPlenty ? usualIDCount.nesting : usualIDCount.own
    }

    /// The ids for this run: those the instance had, unless it is to have others, or another daemon took them meanwhile.
    /// None for a privileged one, which has its range nevertheless.
    func claimIDs(_ record: inout InstanceRecord, _ config: Config<InstanceKeys>) async throws -> IDMap {
        let map = try await claimedIDs(of: record, config)
        setIDMap(&record, base: map.base, map.ids)
        return try config[\.security.privileged] == true ? .none : map.ids
    }

    /// The same without noting it: the ids of its last run, or those it will have.
    func claimIDs(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws -> IDMap {
        let map = try await claimedIDs(of: record, config)
        return try config[\.security.privileged] == true ? .none : map.ids
    }

    /// Its range and with it its map, whether it is privileged or not.
    func claimedIDs(of record: InstanceRecord, _ config: Config<InstanceKeys>) async throws -> (
        base: UInt32, ids: IDMap
    ) {
        let ids = host.ids
        let key = record.key
        let fixed = try config[\.security.idmapBase].map { UInt32(clamping: $0) }
        let wanted = fixed ?? record.config["volatile.idmap.base"].flatMap { UInt32($0) }
        let count = try Self.idCount(config, of: ids.all)
        // Above its own ids there may be some of the host's; among those that instances get there may be none.
        let entries = try config[\.raw.idmap]?.entries ?? []
        for entry in entries where ids.all.overlaps(UInt64(entry.host)..<UInt64(entry.host) + UInt64(entry.count)) {
            throw APIError.badRequest(
                "Cannot give \"\(record.name)\" the host's ids from \(entry.host) on (raw.idmap): the ids from "
                    + "\(ids.all.lowerBound) to \(ids.all.upperBound - 1) are those that lexd gives to instances. Choose "
                    + "others")
        }
        let base: UInt32
        do {
            base = try await blocking {
                try ids.claim(key, wanted: wanted, count: count, isFixed: fixed != nil)
            }
        } catch let error as IDRangeError {
            throw APIError.badRequest("Cannot give \"\(record.name)\" its ids: \(error)")
        }
        func ranges(_ isMeant: (RawIDMap.Entry) -> Bool) -> [IDRange] {
            entries.filter(isMeant).map { IDRange(inside: $0.inside, host: $0.host, count: $0.count) }
        }
        return (
            base, IDMap(first: base, count: count, users: ranges(\.isOfUsers), groups: ranges(\.isOfGroups))
        )
    }

    /// Takes the id range an instance had. Without it the next start takes another one.
    func reclaimIDs(_ record: InstanceRecord, isInUse: Bool) async {
        guard let wanted = record.config["volatile.idmap.base"].flatMap({ UInt32($0) }) else { return }
        let ids = host.ids
        let key = record.key
        do {
            let count = try Self.idCount(Config(try await expansion(of: record).config), of: ids.all)
            let base = try await blocking { try ids.claim(key, wanted: wanted, count: count, isInUse: isInUse) }
            if base != wanted {
                logger.warning("another daemon has the id range of an instance", metadata: ["instance": "\(key)"])
            }
        } catch {
            logger.error(
                "cannot take the id range of an instance", metadata: ["instance": "\(key)", "error": "\(error)"])
        }
    }

    /// Notes the ids an instance will be started with.
    func setIDMap(_ record: inout InstanceRecord, base: UInt32, _ ids: IDMap) {
        record.config["volatile.idmap.base"] = String(base)
        record.config["volatile.idmap.next"] = Self.idMapText(ids)
    }

    /// An id map as LXD writes it.
    static func idMapText(_ ids: IDMap) -> String {
        let lines = ids.users.map { line($0, isUser: true) } + ids.groups.map { line($0, isUser: false) }
        return "[\(lines.joined(separator: ","))]"
        func line(_ range: IDRange, isUser: Bool) -> String {
            "{\"Isuid\":\(isUser),\"Isgid\":\(!isUser),\"Hostid\":\(range.host),\"Nsid\":\(range.inside),"
                + "\"Maprange\":\(range.count)}"
        }
    }
}
