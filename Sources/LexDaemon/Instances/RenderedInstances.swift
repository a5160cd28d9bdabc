import FoundationEssentials
import LexAPI
import LexStore
import Synchronization

/// The JSON of instances as they were last shown, so that a list of hundreds is put together and not made anew.
///
/// An entry counts only while nothing that it was made of has changed: the record, any profile, the status.
final class RenderedInstances: Sendable {
    private struct Entry {
        let revision: Revision
        let profiles: UInt64
        let status: StatusCode
        let json: Data
    }
    private let entries = Mutex<[String: Entry]>([:])
    private struct Snapshots {
        let revision: Revision
        let profiles: UInt64
        let json: Data
    }
    private let snapshots = Mutex<[String: Snapshots]>([:])

    /// The state of all that do not run.
    private let stopped = Result { try JSONCoding.encode(Instance.State(status: .stopped)) }

    /// The JSON of an instance.
    /// - Parameters:
    ///   - profiles: How often the profiles have changed, read before they are.
    ///   - status: What it is at now.
    ///   - make: Makes the instance, when what is here is old.
    func json(
        of stored: Stored<InstanceRecord>, profiles: UInt64, status: StatusCode, make: () async throws -> Instance
    ) async throws -> Data {
        let key = stored.value.key
        let known = entries.withLock { $0[key] }
        if let known, known.revision == stored.revision, known.profiles == profiles, known.status == status {
            return known.json
        }
        let instance = try await make()
        let json = try JSONCoding.encode(instance)
        if let status = StatusCode(rawValue: instance.statusCode) {
            let entry = Entry(revision: stored.revision, profiles: profiles, status: status, json: json)
            entries.withLock { $0[key] = entry }
        }
        return json
    }

    /// The JSON of an instance's snapshots; null when it has none.
    func snapshotsJSON(
        of stored: Stored<InstanceRecord>, profiles: UInt64, make: () async throws -> [Instance.Snapshot]
    ) async throws -> Data {
        let key = stored.value.key
        if stored.value.snapshots.isEmpty { return Self.null }
        if let known = snapshots.withLock({ $0[key] }), known.revision == stored.revision, known.profiles == profiles {
            return known.json
        }
        let made = try await make()
        let json = made.isEmpty ? Self.null : try JSONCoding.encode(made)
        let entry = Snapshots(revision: stored.revision, profiles: profiles, json: json)
        snapshots.withLock { $0[key] = entry }
        return json
    }

    private static let null = Data("null".utf8)

    /// The JSON of a state.
    func json(of state: Instance.State) throws -> Data {
        state.statusCode == StatusCode.stopped.rawValue ? try stopped.get() : try JSONCoding.encode(state)
    }

    func forget(_ key: String) {
        entries.withLock { $0[key] = nil }
        snapshots.withLock { $0[key] = nil }
    }

    /// An instance's JSON with its state and snapshots, as ``Instance/Full`` would be written.
    static func full(_ instance: Data, state: Data, snapshots: Data) -> Data {
        var json = instance.dropLast()
        json.append(contentsOf: #","backups":null,"snapshots":"#.utf8)
        json.append(snapshots)
        json.append(contentsOf: #","state":"#.utf8)
        json.append(state)
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// A JSON array of what is rendered already.
    static func array(_ values: [Data]) -> Data {
        var json = Data(capacity: values.reduce(2) { $0 + $1.count + 1 })
        json.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.append(value)
        }
        json.append(UInt8(ascii: "]"))
        return json
    }
}
