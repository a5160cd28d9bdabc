import FoundationEssentials
import GRDB
import Glibc

/// The store of a machine that stands alone: one SQLite file in WAL mode.
///
/// `synchronous=FULL`: what was committed is on the disk when `commit` returns (https://sqlite.org/pragma.html).
package struct SQLiteStore: StateStore {
    private let pool: DatabasePool
    private let reserve: SpaceReserve

    /// Opens or makes the file, which only its owner may read.
    package init(path: String) throws {
        try Self.close(path)
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.maximumReaderCount = 2
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        pool = try DatabasePool(path: path, configuration: configuration)
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: entries and revision") { database in
            try database.execute(
                sql: """
                    CREATE TABLE entry(key BLOB PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL)
                        WITHOUT ROWID;
                    CREATE TABLE last_commit(id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);
                    INSERT INTO last_commit VALUES (1, 0);
                    """)
        }
        try migrator.migrate(pool)
        reserve = SpaceReserve(path: path + "-reserve")
        reserve.take()
    }

    /// Makes the file, or takes a file that is there, closed to everybody else: it holds what instances are given as
    /// secrets. SQLite gives the files it makes beside it the same mode (https://sqlite.org/src/file/src/os_unix.c).
    private static func close(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StoreFileError(path: path, code: errno) }
        defer { Glibc.close(file) }
        guard fchmod(file, 0o600) == 0 else { throw StoreFileError(path: path, code: errno) }
        for beside in [path + "-wal", path + "-shm"] {
            guard chmod(beside, 0o600) == 0 || errno == ENOENT else { throw StoreFileError(path: beside, code: errno) }
        }
    }

    package func read(_ range: KeyRange) async throws -> Snapshot {
        try await pool.read { database in
            let revision = try Int64.fetchOne(database, sql: "SELECT revision FROM last_commit") ?? 0
            let rows: [Row] =
                switch range {
                case .key(let key):
                    try Row.fetchAll(
                        database, sql: "SELECT key, value, revision FROM entry WHERE key = ?", arguments: [blob(key)])
                case .prefix(let prefix):
                    if let end = successor(prefix) {
                        try Row.fetchAll(
                            database,
                            sql: "SELECT key, value, revision FROM entry WHERE key >= ? AND key < ? ORDER BY key",
                            arguments: [blob(prefix), end])
                    } else {
                        try Row.fetchAll(
                            database, sql: "SELECT key, value, revision FROM entry WHERE key >= ? ORDER BY key",
                            arguments: [blob(prefix)])
                    }
                }
            let entries = rows.map { row in
                let key: Data = row[0]
                let value: Data = row[1]
                return Entry(key: String(decoding: key, as: UTF8.self), value: Array(value), revision: row[2])
            }
            return Snapshot(entries: entries, revision: revision)
        }
    }

    package func commit(_ changes: [Change], ifUnchanged guards: [Guard]) async throws(CommitError) -> Revision {
        try StoreLimits.check(changes, guards)
        do {
            do {
                return try await pool.write { database in try apply(changes, guards, in: database) }
            } catch let error as DatabaseError where Self.isFull(error) && changes.contains(where: \.isDeletion) {
                // So that on a full disk things can be deleted.
                reserve.give()
                defer { reserve.take() }
                return try await pool.write { database in try apply(changes, guards, in: database) }
            }
        } catch let error as CommitError {
            throw error
        } catch let error as DatabaseError where Self.isFull(error) {
            throw .noSpace(pool.path)
        } catch {
            throw .unavailable(error)
        }
    }

    private static func isFull(_ error: DatabaseError) -> Bool { error.resultCode == .SQLITE_FULL }

    package func close() async {
        try? pool.close()
    }
}

/// The file of the store cannot be made or closed to others.
package struct StoreFileError: Error, CustomStringConvertible {
    let path: String
    let code: Int32
    package var description: String { "cannot open the state store \(path): \(String(cString: strerror(code)))" }
}

private func apply(_ changes: [Change], _ guards: [Guard], in database: Database) throws -> Revision {
    for condition in guards {
        let (key, wanted): (String, Revision) =
            switch condition {
            case .at(let revision, let key): (key, revision)
            case .absent(let key): (key, 0)
            }
        let found = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT revision FROM entry WHERE key = ?"), arguments: [blob(key)])
        if (found ?? 0) != wanted { throw CommitError.conflict(key: key) }
    }
    let next = try Int64.fetchOne(
        database.cachedStatement(sql: "UPDATE last_commit SET revision = revision + 1 RETURNING revision"))
    guard let revision = next else { throw DatabaseError(message: "the table last_commit is empty") }
    for change in changes {
        switch change {
        case .put(let key, let value):
            try database.cachedStatement(
                sql: """
                    INSERT INTO entry VALUES (?, ?, ?)
                    ON CONFLICT(key) DO UPDATE SET value = excluded.value, revision = excluded.revision
                    """
            ).execute(arguments: [blob(key), Data(value), revision])
        case .delete(let key):
            try database.cachedStatement(sql: "DELETE FROM entry WHERE key = ?").execute(arguments: [blob(key)])
        }
    }
    return revision
}

// Keys are blobs, so that they compare by their bytes, as etcd's do.
private func blob(_ key: String) -> Data { Data(key.utf8) }

/// The first key after all that begin with `prefix`; nil when there is none.
private func successor(_ prefix: String) -> Data? {
    var bytes = Array(prefix.utf8)
    while let last = bytes.popLast() {
        if last < 0xff { return Data(bytes + [last + 1]) }
    }
    return nil
}
