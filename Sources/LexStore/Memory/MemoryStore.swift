/// A store that forgets: the reference implementation, and what tests use that are not about disks.
package actor MemoryStore: StateStore {
    private var entries: [String: Entry] = [:]
    private var revision: Revision = 0

    package init() {}

    package func read(_ range: KeyRange) -> Snapshot {
        let found: [Entry] =
            switch range {
            case .key(let key): entries[key].map { [$0] } ?? []
            case .prefix(let prefix):
                entries.values.filter { $0.key.utf8.starts(with: prefix.utf8) }
                    .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            }
        return Snapshot(entries: found, revision: revision)
    }

    package func commit(_ changes: [Change], ifUnchanged guards: [Guard]) throws(CommitError) -> Revision {
        try StoreLimits.check(changes, guards)
        for condition in guards {
            switch condition {
            case .at(let revision, let key):
                if entries[key]?.revision != revision { throw .conflict(key: key) }
            case .absent(let key):
                if entries[key] != nil { throw .conflict(key: key) }
            }
        }
        revision += 1
        for change in changes {
            switch change {
            case .put(let key, let value): entries[key] = Entry(key: key, value: value, revision: revision)
            case .delete(let key): entries[key] = nil
            }
        }
        return revision
    }

    package func close() {}
}
