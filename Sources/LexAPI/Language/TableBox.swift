import Synchronization

/// Key tables by the type of their set, behind a lock: enumerated once, then only read.
final class TableBox: Sendable {
    private let tables = Mutex<[ObjectIdentifier: ConfigKeyTable]>([:])

    func table(for type: ObjectIdentifier, make: () -> ConfigKeyTable) -> ConfigKeyTable {
        if let table = tables.withLock({ $0[type] }) { return table }
        let table = make()
        tables.withLock { $0[type] = table }
        return table
    }
}
