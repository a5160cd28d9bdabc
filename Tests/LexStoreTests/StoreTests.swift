import GRDB
import Glibc
import LexStore
import LexTestKit
import Testing

@Suite struct MemoryStoreTests {
    @Test(arguments: StateStoreSuite.allCases) func holds(_ rule: StateStoreSuite) async throws {
        try await rule.check(MemoryStore())
    }
}

@Suite struct SQLiteStoreTests {
    @Test(arguments: StateStoreSuite.allCases) func holds(_ rule: StateStoreSuite) async throws {
        try await withTemporaryDirectory { directory in
            let store: any StateStore = try SQLiteStore(path: directory + "/state.db")
            try await rule.check(store)
            await store.close()
        }
    }

    @Test func everythingIsThereAfterReopening() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            let first: any StateStore = try SQLiteStore(path: path)
            for number in 0..<5 { try await first.commit([.put("/k\(number)", [UInt8(number)])], ifUnchanged: []) }
            try await first.commit([.delete("/k0")], ifUnchanged: [])
            let before = try await first.read(.prefix(""))
            await first.close()
            let second: any StateStore = try SQLiteStore(path: path)
            #expect(try await second.read(.prefix("")) == before)
            #expect(try await second.commit([.put("/new", [])], ifUnchanged: []) == before.revision + 1)
            await second.close()
        }
    }

    /// What was committed is there although nobody said goodbye.
    @Test func nothingIsLostWithoutAClose() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            let first: any StateStore = try SQLiteStore(path: path)
            try await first.commit([.put("/a", [1])], ifUnchanged: [])
            // The files as they would lie there after a crash.
            for name in ["state.db", "state.db-wal"] {
                let bytes = try bytes(of: "\(directory)/\(name)")
                try write(bytes, to: "\(directory)/copy-\(name)")
            }
            let second: any StateStore = try SQLiteStore(path: "\(directory)/copy-state.db")
            #expect(try await second.read(.key("/a")).entries.map(\.value) == [[1]])
            await second.close()
            await first.close()
        }
    }

    @Test func nobodyElseMayReadItsFiles() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            let store: any StateStore = try SQLiteStore(path: path)
            try await store.commit([.put("/a", [1])], ifUnchanged: [])
            for name in ["state.db", "state.db-wal", "state.db-shm"] {
                #expect(try mode(of: "\(directory)/\(name)") == 0o600, "\(name)")
            }
            await store.close()
        }
    }

    @Test func aFileThatWasOpenIsClosed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            let first: any StateStore = try SQLiteStore(path: path)
            try await first.commit([.put("/a", [1])], ifUnchanged: [])
            for name in ["", "-wal", "-shm"] { chmod(path + name, 0o644) }
            let second: any StateStore = try SQLiteStore(path: path)
            #expect(try await second.read(.key("/a")).entries.count == 1)
            for name in ["", "-wal", "-shm"] { #expect(try mode(of: path + name) == 0o600) }
            await second.close()
            await first.close()
        }
    }

    @Test func whatIsNoDatabaseIsSaid() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            try write(
                Array("this is no database, and long enough to have a header: ".utf8)
                    + [UInt8](repeating: 1, count: 8192), to: path)
            let error = #expect(throws: (any Error).self) { try SQLiteStore(path: path) }
            #expect(error.map { "\($0)".contains("not a database") } == true)
            let missing = #expect(throws: StoreFileError.self) { try SQLiteStore(path: directory + "/none/state.db") }
            #expect(missing.map { "\($0)".contains("No such file") && "\($0)".contains("/none/state.db") } == true)
            #expect(symlink("/etc/passwd", directory + "/link.db") == 0)
            #expect(throws: StoreFileError.self) { try SQLiteStore(path: directory + "/link.db") }
        }
    }

    @Test func damageIsAnErrorAndNoEnd() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/state.db"
            let store: any StateStore = try SQLiteStore(path: path)
            try await store.commit([.put("/a", [1])], ifUnchanged: [])
            await store.close()
            let raw = try DatabaseQueue(path: path)
            try await raw.write { try $0.execute(sql: "DELETE FROM last_commit") }
            try raw.close()
            let damaged: any StateStore = try SQLiteStore(path: path)
            await #expect(throws: CommitError.self) { try await damaged.commit([.put("/a", [2])], ifUnchanged: []) }
            #expect(try await damaged.read(.key("/a")).entries.map(\.value) == [[1]])
            await damaged.close()
        }
    }

    @Test func afterTheCloseNothingIsTaken() async throws {
        try await withTemporaryDirectory { directory in
            let store: any StateStore = try SQLiteStore(path: directory + "/state.db")
            await store.close()
            await #expect(throws: (any Error).self) { try await store.read(.prefix("")) }
            do {
                try await store.commit([.put("/a", [])], ifUnchanged: [])
                Issue.record("it was taken")
            } catch {
                guard case .unavailable? = error as? CommitError else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }

    private func mode(of path: String) throws -> mode_t {
        var status = stat()
        try #require(lstat(path, &status) == 0, "\(path)")
        return status.st_mode & 0o777
    }

    private func bytes(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = Glibc.read(file, &chunk, chunk.count)
            try #require(got >= 0, "\(path)")
            if got == 0 { return bytes }
            bytes += chunk[..<got]
        }
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(file) }
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }
}

@Suite struct CommitErrorTests {
    @Test func wordsSayWhatHappened() {
        #expect("\(CommitError.conflict(key: "/a"))" == "cannot save: /a was changed by someone else meanwhile")
        #expect("\(CommitError.refused("it is large"))" == "cannot save: it is large")
        #expect(
            "\(CommitError.unavailable(CancellationError()))".hasPrefix("cannot save: the state store is not available")
        )
    }
}
