package import LexStore
import Testing

/// What every state store must do: each rule is a test of its own, run on an empty store.
///
///     @Test(arguments: StateStoreSuite.allCases) func holds(_ rule: StateStoreSuite) async throws {
///         try await rule.check(MemoryStore())
///     }
package enum StateStoreSuite: String, CaseIterable, Sendable {
    case anEmptyStoreIsEmpty
    case whatIsPutIsRead
    case keysComeInTheOrderOfTheirBytes
    case keysAreBytesAndNotText
    case aPrefixIsOfBytes
    case everyCommitHasTheNextRevision
    case absentHoldsOnlyWhereThereIsNothing
    case atHoldsOnlyAtItsRevision
    case aConflictChangesNothing
    case changesAreAllOrNothing
    case whatIsNotThereCanBeDeleted
    case limitsHold
    case oneCommitWins
    case nothingIsLostUnderConcurrency
    case aSnapshotIsOneMoment

    package func check(_ store: any StateStore) async throws {
        switch self {
        case .anEmptyStoreIsEmpty: try await anEmptyStoreIsEmpty(store)
        case .whatIsPutIsRead: try await whatIsPutIsRead(store)
        case .keysComeInTheOrderOfTheirBytes: try await keysComeInTheOrderOfTheirBytes(store)
        case .keysAreBytesAndNotText: try await keysAreBytesAndNotText(store)
        case .aPrefixIsOfBytes: try await aPrefixIsOfBytes(store)
        case .everyCommitHasTheNextRevision: try await everyCommitHasTheNextRevision(store)
        case .absentHoldsOnlyWhereThereIsNothing: try await absentHoldsOnlyWhereThereIsNothing(store)
        case .atHoldsOnlyAtItsRevision: try await atHoldsOnlyAtItsRevision(store)
        case .aConflictChangesNothing: try await aConflictChangesNothing(store)
        case .changesAreAllOrNothing: try await changesAreAllOrNothing(store)
        case .whatIsNotThereCanBeDeleted: try await whatIsNotThereCanBeDeleted(store)
        case .limitsHold: try await limitsHold(store)
        case .oneCommitWins: try await oneCommitWins(store)
        case .nothingIsLostUnderConcurrency: try await nothingIsLostUnderConcurrency(store)
        case .aSnapshotIsOneMoment: try await aSnapshotIsOneMoment(store)
        }
    }

    private func anEmptyStoreIsEmpty(_ store: any StateStore) async throws {
        #expect(try await store.read(.prefix("")) == Snapshot(entries: [], revision: 0))
        #expect(try await store.read(.key("/a")) == Snapshot(entries: [], revision: 0))
    }

    private func whatIsPutIsRead(_ store: any StateStore) async throws {
        let values: [[UInt8]] = [[], [0], Array(0...255), Array("text".utf8), [UInt8](repeating: 7, count: 100_000)]
        for (index, value) in values.enumerated() {
            try await store.commit([.put("/key\(index)", value)], ifUnchanged: [])
        }
        for (index, value) in values.enumerated() {
            #expect(try await store.read(.key("/key\(index)")).entries.map(\.value) == [value])
        }
        try await store.commit([.put("/key0", [9])], ifUnchanged: [])
        #expect(try await store.read(.key("/key0")).entries.map(\.value) == [[9]])
        #expect(try await store.read(.prefix("/key")).entries.count == values.count)
    }

    private func keysComeInTheOrderOfTheirBytes(_ store: any StateStore) async throws {
        let keys = [
            "/", "/A", "/Z", "/a", "/a/b", "/a0", "/a\u{0}", "/aa", "/z", "/\u{7f}", "/é", "/漢", "/\u{ffff}", "/😀",
            "/\u{10ffff}", "0",
        ]
        try await store.commit(keys.shuffled().map { .put($0, []) }, ifUnchanged: [])
        let wanted = keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(try await store.read(.prefix("")).entries.map(\.key) == wanted)
    }

    private func keysAreBytesAndNotText(_ store: any StateStore) async throws {
        // The same letter to people, and to Swift: composed and in two parts.
        try await store.commit([.put("/\u{e9}", [1]), .put("/e\u{301}", [2])], ifUnchanged: [])
        #expect(try await store.read(.key("/\u{e9}")).entries.map(\.value) == [[1]])
        #expect(try await store.read(.key("/e\u{301}")).entries.map(\.value) == [[2]])
        try await store.commit([.delete("/\u{e9}")], ifUnchanged: [])
        #expect(try await store.read(.prefix("/")).entries.map(\.value) == [[2]])
        #expect(try await store.read(.key("/E\u{301}")).entries.isEmpty)
    }

    private func aPrefixIsOfBytes(_ store: any StateStore) async throws {
        let keys = [
            "/a", "/a/1", "/a/2", "/ab", "/b", "/e\u{301}x", "/\u{7f}", "/\u{7f}x", "/\u{10ffff}", "/\u{10ffff}x",
        ]
        try await store.commit(keys.map { .put($0, []) }, ifUnchanged: [])
        func found(_ prefix: String) async throws -> [String] {
            try await store.read(.prefix(prefix)).entries.map(\.key)
        }
        #expect(try await found("/a/") == ["/a/1", "/a/2"])
        #expect(try await found("/a") == ["/a", "/a/1", "/a/2", "/ab"])
        #expect(try await found("/e") == ["/e\u{301}x"])
        #expect(try await found("/\u{7f}") == ["/\u{7f}", "/\u{7f}x"])
        #expect(try await found("/\u{10ffff}") == ["/\u{10ffff}", "/\u{10ffff}x"])
        #expect(try await found("/\u{10ffff}x").count == 1)
        #expect(try await found("/c").isEmpty)
        #expect(try await found("").count == keys.count)
        // Signs that other stores read as wildcards.
        for sign in ["%", "_", "*", "?", "/%", "/_"] { #expect(try await found(sign).isEmpty) }
    }

    private func everyCommitHasTheNextRevision(_ store: any StateStore) async throws {
        var last: Revision = 0
        for number in 1...20 {
            let revision = try await store.commit([.put("/k\(number % 3)", [UInt8(number)])], ifUnchanged: [])
            #expect(revision > last)
            last = revision
            let snapshot = try await store.read(.key("/k\(number % 3)"))
            #expect(snapshot.entries.map(\.revision) == [revision] && snapshot.revision >= revision)
        }
        let several = try await store.commit([.put("/x", []), .put("/y", [])], ifUnchanged: [])
        #expect(try await store.read(.key("/x")).entries.first?.revision == several)
        #expect(try await store.read(.key("/y")).entries.first?.revision == several)
        let deleted = try await store.commit([.delete("/x")], ifUnchanged: [])
        #expect(deleted > several)
        // Who comes back is somebody else.
        let again = try await store.commit([.put("/x", [])], ifUnchanged: [.absent("/x")])
        #expect(again > deleted)
    }

    private func absentHoldsOnlyWhereThereIsNothing(_ store: any StateStore) async throws {
        try await store.commit([.put("/a", [1])], ifUnchanged: [.absent("/a"), .absent("/b")])
        await expectConflict("/a") { try await store.commit([.put("/a", [2])], ifUnchanged: [.absent("/a")]) }
        await expectConflict("/a") {
            try await store.commit([.put("/c", [2])], ifUnchanged: [.absent("/c"), .absent("/a")])
        }
        #expect(try await store.read(.prefix("")).entries.map(\.value) == [[1]])
    }

    private func atHoldsOnlyAtItsRevision(_ store: any StateStore) async throws {
        let first = try await store.commit([.put("/a", [1])], ifUnchanged: [.at(0, "/a")])
        let second = try await store.commit([.put("/a", [2])], ifUnchanged: [.at(first, "/a")])
        await expectConflict("/a") { try await store.commit([.put("/a", [3])], ifUnchanged: [.at(first, "/a")]) }
        await expectConflict("/a") { try await store.commit([.put("/a", [3])], ifUnchanged: [.at(second + 1, "/a")]) }
        await expectConflict("/a") { try await store.commit([.put("/a", [3])], ifUnchanged: [.at(0, "/a")]) }
        await expectConflict("/b") { try await store.commit([.put("/a", [3])], ifUnchanged: [.at(1, "/b")]) }
        // A guard of a key that is not changed by the commit counts all the same.
        try await store.commit([.put("/b", [1])], ifUnchanged: [.at(second, "/a")])
        try await store.commit([.delete("/a")], ifUnchanged: [.at(second, "/a")])
        await expectConflict("/a") { try await store.commit([.put("/a", [3])], ifUnchanged: [.at(second, "/a")]) }
    }

    private func aConflictChangesNothing(_ store: any StateStore) async throws {
        try await store.commit([.put("/a", [1]), .put("/b", [2])], ifUnchanged: [])
        let before = try await store.read(.prefix(""))
        await expectConflict("/c") {
            try await store.commit(
                [.put("/a", [9]), .delete("/b"), .put("/c", [3])], ifUnchanged: [.absent("/d"), .at(77, "/c")])
        }
        #expect(try await store.read(.prefix("")) == before)
        let next = try await store.commit([.put("/a", [9])], ifUnchanged: [])
        #expect(next == before.revision + 1)
    }

    private func changesAreAllOrNothing(_ store: any StateStore) async throws {
        let keys = (0..<StoreLimits.changes).map { "/k\($0)" }
        try await store.commit(keys.map { .put($0, [1]) }, ifUnchanged: keys.map { .absent($0) })
        #expect(try await store.read(.prefix("/k")).entries.count == keys.count)
        try await store.commit(keys.map { .delete($0) }, ifUnchanged: [])
        #expect(try await store.read(.prefix("")).entries.isEmpty)
    }

    private func whatIsNotThereCanBeDeleted(_ store: any StateStore) async throws {
        try await store.commit([.delete("/none")], ifUnchanged: [])
        try await store.commit([.delete("/none")], ifUnchanged: [.absent("/none")])
        #expect(try await store.read(.prefix("")).entries.isEmpty)
    }

    private func limitsHold(_ store: any StateStore) async throws {
        func expectRefused(_ changes: [Change], _ guards: [Guard] = []) async {
            do {
                try await store.commit(changes, ifUnchanged: guards)
                Issue.record("\(rawValue): it was taken")
            } catch {
                guard case .refused = error else {
                    Issue.record("\(rawValue): \(error)")
                    return
                }
            }
        }
        let many = (0...StoreLimits.changes).map { "/k\($0)" }
        await expectRefused(many.map { .put($0, []) })
        await expectRefused([.put("/a", [])], many.map { .absent($0) })
        await expectRefused([.put("/a", [UInt8](repeating: 0, count: StoreLimits.bytes - 1))])
        let half = [UInt8](repeating: 0, count: StoreLimits.bytes / 2)
        await expectRefused([.put("/a", half), .put("/b", half)])
        await expectRefused([.put(String(repeating: "k", count: StoreLimits.keyBytes + 1), [])])
        await expectRefused([.put("", [])])
        await expectRefused([.delete("")])
        // Two changes of one key have no order in etcd, which refuses them.
        await expectRefused([.put("/a", [1]), .put("/a", [2])])
        await expectRefused([.delete("/a"), .put("/a", [2])])
        #expect(try await store.read(.prefix("")) == Snapshot(entries: [], revision: 0))
        // And what is just within them is taken.
        try await store.commit([.put("/a", [UInt8](repeating: 0, count: StoreLimits.bytes - 2))], ifUnchanged: [])
        try await store.commit([.put(String(repeating: "k", count: StoreLimits.keyBytes), [])], ifUnchanged: [])
        #expect(try await store.read(.prefix("")).entries.count == 2)
    }

    private func oneCommitWins(_ store: any StateStore) async throws {
        let winners = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<16 {
                group.addTask {
                    (try? await store.commit([.put("/a", [UInt8(number)])], ifUnchanged: [.absent("/a")])) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(try await store.read(.prefix("")).revision == 1)
    }

    private func nothingIsLostUnderConcurrency(_ store: any StateStore) async throws {
        try await store.commit([.put("/n", [0])], ifUnchanged: [])
        let revisions = try await withThrowingTaskGroup(of: [Revision].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var mine: [Revision] = []
                    while mine.count < 10 {
                        guard let entry = try await store.read(.key("/n")).entries.first else { continue }
                        do {
                            mine.append(
                                try await store.commit(
                                    [.put("/n", [entry.value[0] + 1])], ifUnchanged: [.at(entry.revision, "/n")]))
                        } catch CommitError.conflict {
                            continue
                        }
                    }
                    return mine
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(revisions).count == 40)
        #expect(try await store.read(.key("/n")).entries.map(\.value) == [[40]])
    }

    private func aSnapshotIsOneMoment(_ store: any StateStore) async throws {
        try await store.commit([.put("/p/a", [0]), .put("/p/b", [0])], ifUnchanged: [])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 1...50 {
                    try await store.commit(
                        [.put("/p/a", [UInt8(number)]), .put("/p/b", [UInt8(number)])], ifUnchanged: [])
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    for _ in 0..<50 {
                        let snapshot = try await store.read(.prefix("/p/"))
                        #expect(snapshot.entries.count == 2 && Set(snapshot.entries.map(\.value)).count == 1)
                        #expect(snapshot.entries.allSatisfy { $0.revision <= snapshot.revision })
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func expectConflict(_ key: String, _ commit: () async throws -> Revision) async {
        do {
            _ = try await commit()
            Issue.record("\(rawValue): no conflict at \(key)")
        } catch {
            guard case .conflict(let found)? = error as? CommitError, found == key else {
                Issue.record("\(rawValue): \(error) instead of a conflict at \(key)")
                return
            }
        }
    }
}
