/// What the daemon remembers: a sorted map from key to bytes, with a revision on every change.
///
/// It has the shape of etcd's key space, so that the same daemon runs on SQLite alone and on etcd in a cluster: keys
/// are paths such as `/projects/default/instances/web`; every commit that changes something gets the next revision;
/// a commit can be made to hold only if the keys it was decided on have not changed since they were read. Everything
/// else - transactions, caches, locks - is made of these.
///
///     let found = try await store.read(.key("/profiles/default"))
///     try await store.commit(
///         [.put("/profiles/default", bytes)], ifUnchanged: [.at(found.entries[0].revision, "/profiles/default")])
///
/// All stores keep to the narrowest limits of any of them, see ``StoreLimits``, so that what works on one machine works
/// in a cluster. Logs, images and backups are files, never entries.
package protocol StateStore: Sendable {
    /// What lies in a range at this moment, in the order of the keys.
    func read(_ range: KeyRange) async throws -> Snapshot

    /// Makes all the changes, or none: a guard that does not hold is ``CommitError/conflict(key:)``.
    ///
    /// - Returns: The revision the changed entries now have.
    @discardableResult
    func commit(_ changes: [Change], ifUnchanged guards: [Guard]) async throws(CommitError) -> Revision

    /// Ends all use of the store; everything committed is on disk.
    func close() async
}

/// The number of a commit, counted from 1; 0 stands for "not there".
package typealias Revision = Int64

/// Part of the key space.
package enum KeyRange: Sendable, Equatable {
    /// One key.
    case key(String)
    /// Every key that begins with this text.
    case prefix(String)
}

/// One entry as it was read.
package struct Entry: Sendable, Equatable {
    package let key: String
    package let value: [UInt8]
    /// The revision of the commit that last wrote it.
    package let revision: Revision

    package init(key: String, value: [UInt8], revision: Revision) {
        self.key = key
        self.value = value
        self.revision = revision
    }
}

/// The entries of a range at one moment.
package struct Snapshot: Sendable, Equatable {
    /// In the order of their keys' UTF-8 bytes.
    package let entries: [Entry]
    /// The last commit this snapshot has seen.
    package let revision: Revision

    package init(entries: [Entry], revision: Revision) {
        self.entries = entries
        self.revision = revision
    }
}

/// One change of a commit.
package enum Change: Sendable, Equatable {
    case put(String, [UInt8])
    /// Removes a key; that it is not there is fine.
    case delete(String)

    var key: String {
        switch self {
        case .put(let key, _), .delete(let key): key
        }
    }
    var isDeletion: Bool {
        if case .delete = self { true } else { false }
    }
}

/// What a commit depends on.
package enum Guard: Sendable, Equatable {
    /// The key still has the revision it was read with; with revision 0, it is still not there.
    case at(Revision, String)
    /// The key is not there.
    case absent(String)
}

/// Why a commit was not made.
package enum CommitError: Error, Sendable, CustomStringConvertible {
    /// A guard does not hold: someone else has changed this key.
    case conflict(key: String)
    /// The commit is not one that every store takes: too large, or two changes of one key.
    case refused(String)
    /// The disk of the store is full; where it lies.
    case noSpace(String)
    /// The store cannot be reached or written.
    case unavailable(any Error)

    package var description: String {
        switch self {
        case .conflict(let key): "cannot save: \(key) was changed by someone else meanwhile"
        case .refused(let what): "cannot save: \(what)"
        case .noSpace(let path):
            "cannot save: there is no space left on the disk of \(path). Free some space there and try again"
        case .unavailable(let error): "cannot save: the state store is not available: \(error)"
        }
    }
}

/// The limits every store keeps to; etcd's are 128 changes and 1.5 MiB a request.
package enum StoreLimits {
    /// The most changes in a commit.
    package static let changes = 100
    /// The most bytes of keys and values in a commit.
    package static let bytes = 1 << 20
    /// The most bytes in a key.
    package static let keyBytes = 1024

    static func check(_ changes: [Change], _ guards: [Guard]) throws(CommitError) {
        guard changes.count <= Self.changes, guards.count <= Self.changes else {
            throw .refused("it has \(max(changes.count, guards.count)) changes; the most is \(Self.changes)")
        }
        var bytes = 0
        var keys: Set<[UInt8]> = []
        for change in changes {
            guard keys.insert(Array(change.key.utf8)).inserted else {
                throw .refused("it changes \(change.key) twice, which etcd does not take")
            }
            guard change.key.utf8.count <= keyBytes, !change.key.isEmpty else {
                throw .refused("a key has \(change.key.utf8.count) bytes; the most is \(keyBytes), the least 1")
            }
            bytes += change.key.utf8.count
            if case .put(_, let value) = change { bytes += value.count }
        }
        guard bytes <= Self.bytes else { throw .refused("it has \(bytes) bytes; the most is \(Self.bytes)") }
    }
}
