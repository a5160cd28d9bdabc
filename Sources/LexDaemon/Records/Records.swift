import FoundationEssentials
import LexAPI
import LexStore
import Synchronization

/// What the store keeps of one kind of thing. Never sent on the wire.
protocol Record: Codable, Sendable {
    /// The kind's place in the store; the names of its entries follow.
    static var keyPrefix: String { get }
    /// Where entries of this kind lay when there was only the default project, under their bare names; nil for a kind
    /// that never did.
    static var prefixBeforeProjects: String? { get }
}

extension Record {
    static var prefixBeforeProjects: String? { nil }
}

/// The name of an entry that belongs to a project: `PROJECT/NAME`. No project's name has a slash in it.
struct ProjectKey: Hashable, Sendable, CustomStringConvertible {
    let project: String
    let name: String

    init(_ project: String, _ name: String) {
        self.project = project
        self.name = name
    }

    /// Takes an entry's name apart.
    init(_ key: String) {
        let parts = key.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        project = String(parts[0])
        name = parts.count > 1 ? String(parts[1]) : ""
    }

    /// `PROJECT/NAME`.
    var text: String { "\(project)/\(name)" }
    var description: String { text }
}

/// A record with the revision it was read or written at.
struct Stored<Value: Record>: Sendable {
    let name: String
    var value: Value
    let revision: Revision

    /// Whose it is and what it is called, for a kind that belongs to projects.
    var owned: ProjectKey { ProjectKey(name) }
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

    /// The record of that name in a project, for a kind that belongs to projects.
    func find(_ name: String, in project: String) async throws -> Stored<Value>? {
        try await find(ProjectKey(project, name).text)
    }

    /// A project's records in the order of their names, for a kind that belongs to projects.
    func list(in project: String) async throws -> [Stored<Value>] {
        try await load()
        let prefix = project + "/"
        return cache.withLock { cache in
            cache.entries.values.filter { $0.name.hasPrefix(prefix) }.sorted { $0.name < $1.name }
        }
    }

    /// All records in the order of their names.
    func list() async throws -> [Stored<Value>] {
        try await load()
        return cache.withLock { $0.entries.values.sorted { $0.name < $1.name } }
    }

    private func load() async throws {
        if cache.withLock({ $0.isComplete }) { return }
        try await moveIntoDefaultProject()
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

    /// Gives entries of a lexd that had no projects the names they have with them. Each commit moves whole entries, so
    /// that a crash between two leaves nothing to find out: what is left lies where it was.
    private func moveIntoDefaultProject() async throws {
        guard let former = Value.prefixBeforeProjects else { return }
        var left = try await store.read(.prefix(former)).entries[...]
        while !left.isEmpty {
            var changes: [Change] = []
            var guards: [Guard] = []
            var bytes = 0
            repeat {
                guard let entry = left.popFirst() else { break }
                let name = String(entry.key.dropFirst(former.count))
                changes.append(.put(Self.key(ProjectKey(Project.defaultName, name).text), entry.value))
                changes.append(.delete(entry.key))
                guards.append(.at(entry.revision, entry.key))
                bytes += entry.value.count + 4096
            } while changes.count < StoreLimits.changes
                && bytes + (left.first?.value.count ?? 0) < StoreLimits.bytes / 2
            try await store.commit(changes, ifUnchanged: guards)
        }
    }

    /// Saves a record that is not there yet; one that is makes it fail with ``CommitError/conflict(key:)``.
    @discardableResult
    func create(_ name: String, _ value: Value) async throws -> Stored<Value> {
        try await write(name, value, ifUnchanged: .absent(Self.key(name)))
    }

    /// Saves a changed record, unless someone else has changed it since it was read.
    ///
    /// - Parameter others: Changes of other kinds that are made with it, all or none.
    @discardableResult
    func update(_ stored: Stored<Value>, with others: [RecordChange] = []) async throws -> Stored<Value> {
        try await write(
            stored.name, stored.value, ifUnchanged: .at(stored.revision, Self.key(stored.name)), with: others)
    }

    private func write(
        _ name: String, _ value: Value, ifUnchanged condition: Guard, with others: [RecordChange] = []
    ) async throws -> Stored<Value> {
        try await load()
        let bytes = Array(try JSONCoding.encode(value))
        let revision = try await store.commit(
            [.put(Self.key(name), bytes)] + others.map(\.change), ifUnchanged: [condition] + others.map(\.condition))
        let stored = Stored(name: name, value: value, revision: revision)
        keep(stored)
        for other in others { other.done(revision) }
        return stored
    }

    private func keep(_ stored: Stored<Value>) {
        cache.withLock { cache in
            // Two commits may come back in the other order than they were made in.
            if let newer = cache.entries[stored.name], newer.revision > stored.revision { return }
            cache.entries[stored.name] = stored
            cache.changes &+= 1
        }
    }

    /// Gives a record another name, unless someone else has changed it since it was read or there is one of that name;
    /// then it fails with ``CommitError/conflict(key:)``. `value` is what the record becomes by it.
    ///
    /// - Parameter others: Changes of other kinds that are made with it, all or none.
    @discardableResult
    func rename(
        _ stored: Stored<Value>, to name: String, as value: Value? = nil, with others: [RecordChange] = []
    ) async throws -> Stored<Value> {
        try await load()
        let value = value ?? stored.value
        let revision = try await store.commit(
            [.delete(Self.key(stored.name)), .put(Self.key(name), Array(try JSONCoding.encode(value)))]
                + others.map(\.change),
            ifUnchanged: [.at(stored.revision, Self.key(stored.name)), .absent(Self.key(name))]
                + others.map(\.condition))
        let renamed = Stored(name: name, value: value, revision: revision)
        cache.withLock { cache in
            if let present = cache.entries[stored.name], present.revision <= stored.revision {
                cache.entries[stored.name] = nil
            }
            if (cache.entries[name]?.revision ?? 0) < revision { cache.entries[name] = renamed }
            cache.changes &+= 1
        }
        for other in others { other.done(revision) }
        return renamed
    }

    /// A changed record, to be saved together with others; as ``update(_:)`` otherwise.
    func change(_ stored: Stored<Value>) throws -> RecordChange {
        RecordChange(
            change: .put(Self.key(stored.name), Array(try JSONCoding.encode(stored.value))),
            condition: .at(stored.revision, Self.key(stored.name)),
            done: { self.keep(Stored(name: stored.name, value: stored.value, revision: $0)) })
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

/// The change of a record that is saved together with others.
struct RecordChange: Sendable {
    fileprivate let change: Change
    fileprivate let condition: Guard
    /// Takes it into the memory of its kind.
    fileprivate let done: @Sendable (Revision) -> Void
}
