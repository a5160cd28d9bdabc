/// A store that forgets: the reference implementation, and what tests use that are not about disks.
package actor MemoryStore: StateStore {
    // By bytes: as text, keys with one and the same accent written in two ways would be one key.
    private var entries: [[UInt8]: Entry] = [:]
    private var revision: Revision = 0

    package init() {}

    package func read(_ range: KeyRange) -> Snapshot {
        let found: [Entry] =
            switch range {
            case .key(let key): entries[Array(key.utf8)].map { [$0] } ?? []
            case .prefix(let prefix):
                entries.values.filter { $0.key.utf8.starts(with: prefix.utf8) }
                    .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            }
        return Snapshot(entries: found, revision: revision)
    }

    package func commit(_ changes: [Change], ifUnchanged guards: [Guard]) throws(CommitError) -> Revision {
        try StoreLimits.check(changes, guards)
        for condition in guards {
            let (key, wanted): (String, Revision) =
                switch condition {
                case .at(let revision, let key): (key, revision)
                case .absent(let key): (key, 0)
                }
            if (entries[Array(key.utf8)]?.revision ?? 0) != wanted { throw .conflict(key: key) }
        }
        revision += 1
        for change in changes {
            switch change {
            case .put(let key, let value): entries[Array(key.utf8)] = Entry(key: key, value: value, revision: revision)
            case .delete(let key): entries[Array(key.utf8)] = nil
            }
        }
        return revision
    }

    package func close() {}
}
