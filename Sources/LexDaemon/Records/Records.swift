import FoundationEssentials
import LexAPI
import LexStore
import Synchronization

/// What the store keeps of one kind of thing. Never sent on the wire.
protocol Record: Codable, Sendable {
    /// The kind's place in the store; the names of its entries follow.
    static var keyPrefix: String { get }
}

/// A record with the revision it was read or written at.
struct Stored<Value: Record>: Sendable {
    let name: String
    var value: Value
    let revision: Revision
}

/// The typed face of the store for one kind of record, with everything read once kept in memory.
///
/// On one machine lexd is the only writer, so its memory is as new as the store; a cluster will follow the store's
/// changes here.
final class Records<Value: Record>: Sendable {
    private let store: any StateStore
    private struct Cache {
        var isComplete = false
        var entries: [String: Stored<Value>] = [:]
        var changes: UInt64 = 0
    }
    private let cache = Mutex(Cache())

    init(_ store: any StateStore) { self.store = store }

    /// The key of an entry.
    static func key(_ name: String) -> String { Value.keyPrefix + name }

    /// One record, or nil.
    func find(_ name: String) async throws -> Stored<Value>? {
        try await load()
        return cache.withLock { $0.entries[name] }
    }

    /// How often any of the records has changed since lexd began.
    var changes: UInt64 { cache.withLock { $0.changes } }

    /// All records in the order of their names.
    func list() async throws -> [Stored<Value>] {
        try await load()
        return cache.withLock { $0.entries.values.sorted { $0.name < $1.name } }
    }

    private func load() async throws {
        if cache.withLock({ $0.isComplete }) { return }
        let snapshot = try await store.read(.prefix(Value.keyPrefix))
        var entries: [String: Stored<Value>] = [:]
        for entry in snapshot.entries {
            let name = String(entry.key.dropFirst(Value.keyPrefix.count))
            let value: Value
            do {
                value = try JSONDecoder().decode(Value.self, from: Data(entry.value))
            } catch {
                throw APIError.failed("cannot read the stored record \(entry.key): \(error)")
            }
            entries[name] = Stored(name: name, value: value, revision: entry.revision)
        }
        cache.withLock { cache in
            guard !cache.isComplete else { return }
            cache.entries = entries
            cache.isComplete = true
        }
    }

    /// Saves a record that is not there yet; one that is makes it fail with ``CommitError/conflict(key:)``.
    @discardableResult
    func create(_ name: String, _ value: Value) async throws -> Stored<Value> {
        try await write(name, value, ifUnchanged: .absent(Self.key(name)))
    }

    /// Saves a changed record, unless someone else has changed it since it was read.
    @discardableResult
    func update(_ stored: Stored<Value>) async throws -> Stored<Value> {
        try await write(stored.name, stored.value, ifUnchanged: .at(stored.revision, Self.key(stored.name)))
    }

    private func write(_ name: String, _ value: Value, ifUnchanged condition: Guard) async throws -> Stored<Value> {
        try await load()
        let bytes = Array(try JSONCoding.encode(value))
        let revision = try await store.commit([.put(Self.key(name), bytes)], ifUnchanged: [condition])
        let stored = Stored(name: name, value: value, revision: revision)
        cache.withLock { cache in
            // Two commits may come back in the other order than they were made in.
            if let newer = cache.entries[name], newer.revision > revision { return }
            cache.entries[name] = stored
            cache.changes &+= 1
        }
        return stored
    }

    /// Removes a record, unless someone else has changed it since it was read.
    func delete(_ stored: Stored<Value>) async throws {
        try await store.commit(
            [.delete(Self.key(stored.name))], ifUnchanged: [.at(stored.revision, Self.key(stored.name))])
        cache.withLock { cache in
            // One of the same name may have been made meanwhile.
            if let present = cache.entries[stored.name], present.revision > stored.revision { return }
            cache.entries[stored.name] = nil
            cache.changes &+= 1
        }
    }
}
