import LexIPC
import LexTestKit
import Testing

@testable import LexHost

@Suite struct IDRangesTests {
    private func ranges(_ directory: String, _ owner: String, count: UInt32 = 65536 * 100) throws -> IDRanges {
        try IDRanges(directory: directory, owner: owner, base: 1_000_000, count: count)
    }

    @Test func twoDaemonsNeverShare() async throws {
        try await withTemporaryDirectory { directory in
            let one = try ranges(directory, "/var/lib/lexd")
            let two = try ranges(directory, "/srv/a daemon with spaces")
            var seen: Set<UInt32> = [one.archiveBase]
            #expect(one.archiveBase == two.archiveBase)
            for number in 0..<10 {
                // The same names, which are other instances.
                #expect(seen.insert(try one.claim("default/i\(number)", wanted: nil)).inserted)
                #expect(seen.insert(try two.claim("default/i\(number)", wanted: nil)).inserted)
            }
            #expect(seen.allSatisfy { ($0 - 1_000_000) % IDRanges.size == 0 })
        }
    }

    @Test func largerOnesAreSeveralInARow() async throws {
        try await withTemporaryDirectory { directory in
            let size = IDRanges.size
            let one = try ranges(directory, "/a", count: size * 13)
            let first = 1_000_000 + size
            #expect(try one.claim("a", wanted: nil) == first)
            #expect(try one.claim("b", wanted: nil, count: 3 * size) == first + size)
            #expect(try one.claim("c", wanted: nil, count: 3 * size + 1) == first + 4 * size, "four of them")
            #expect(try one.claim("b", wanted: nil, count: 3 * size) == first + size)
            // What it had does not do any more: it has another before.
            #expect(try one.claim("b", wanted: first + size, count: 4 * size) != first + size)
            #expect(throws: IDRangeError.self) { try one.claim("d", wanted: nil, count: 4 * size) }
            try one.release("c")
            try one.release("b")
            // Another daemon after this one reads their lengths.
            let again = try ranges(directory, "/a", count: size * 13)
            #expect(try again.claim("d", wanted: nil, count: 11 * size) == first + size)
            #expect(throws: IDRangeError.self) { try one.claim("e", wanted: nil, count: 1) }
            #expect(throws: IDRangeError.self) { try one.claim("e", wanted: nil, count: .max) }
        }
    }

    @Test func aFixedOneOrNone() async throws {
        try await withTemporaryDirectory { directory in
            let size = IDRanges.size
            let one = try ranges(directory, "/a", count: size * 6)
            let wanted = 1_000_000 + 3 * size
            #expect(try one.claim("a", wanted: wanted, count: 2 * size, isFixed: true) == wanted)
            for bad in [wanted, wanted + size, wanted - size, wanted + 1, 1_000_000, 1_000_000 + 5 * size, 5, .max] {
                #expect(throws: IDRangeError.self) { try one.claim("b", wanted: bad, count: 2 * size, isFixed: true) }
            }
            #expect(try one.claim("b", wanted: wanted - size, isFixed: true) == wanted - size)
        }
    }

    @Test func insideAnInstanceThereAreOnlyItsOwn() {
        let given = SubordinateIDs.Range(base: 100_000, count: 65536 * 3)
        #expect(SubordinateIDs.choose(given: nil, own: .none) == (1_000_000, 1_000_000_000))
        #expect(SubordinateIDs.choose(given: given, own: .none) == (100_000, 65536 * 3))
        let instance = IDMap(first: 1_000_000, count: 1 << 20)
        #expect(SubordinateIDs.choose(given: nil, own: instance) == (65536, (1 << 20) - 65536))
        #expect(SubordinateIDs.choose(given: given, own: instance) == (100_000, 65536 * 3))
        // With one range alone there are none to give.
        #expect(SubordinateIDs.choose(given: nil, own: IDMap(first: 5, count: 65536)) == (1_000_000, 1_000_000_000))
    }

    @Test func whoHasOneKeepsIt() async throws {
        try await withTemporaryDirectory { directory in
            let one = try ranges(directory, "/a")
            let first = try one.claim("web", wanted: nil)
            #expect(try one.claim("web", wanted: nil) == first)
            #expect(try one.claim("web", wanted: first) == first)
            // Another daemon after this one has the same table.
            #expect(try ranges(directory, "/a").claim("web", wanted: nil) == first)
        }
    }

    @Test func theWantedOneIsGivenWhereItIsFree() async throws {
        try await withTemporaryDirectory { directory in
            let one = try ranges(directory, "/a")
            let wanted = 1_000_000 + 7 * IDRanges.size
            #expect(try one.claim("web", wanted: wanted) == wanted)
            let other = try ranges(directory, "/b").claim("web", wanted: wanted)
            #expect(other != wanted)
            // One that is none: not a multiple, below, above, the archive helper's.
            for odd in [wanted + 1, 0, 65536, 1_000_000, 1_000_000 + 100 * IDRanges.size, .max] {
                let given = try one.claim("odd\(odd)", wanted: odd)
                #expect(given != odd && given > 1_000_000 && (given - 1_000_000) % IDRanges.size == 0)
            }
            // One that changes its wish gives its old range up.
            let moved = 1_000_000 + 50 * IDRanges.size
            #expect(try one.claim("web", wanted: moved) == moved)
            #expect(try ranges(directory, "/b").claim("new", wanted: wanted) == wanted)
        }
    }

    @Test func releasedRangesAreGivenAgain() async throws {
        try await withTemporaryDirectory { directory in
            let one = try ranges(directory, "/a", count: 65536 * 3)
            let two = try ranges(directory, "/b", count: 65536 * 3)
            let first = try one.claim("a", wanted: nil)
            let second = try two.claim("a", wanted: nil)
            let error = #expect(throws: IDRangeError.self) { try one.claim("b", wanted: nil) }
            #expect(error?.description.contains("of the 2 ranges") == true)
            #expect(error?.description.contains("/etc/subuid") == true)
            // Nobody gives back what belongs to somebody else.
            try one.release("b")
            try two.release("b")
            #expect(throws: IDRangeError.self) { try one.claim("b", wanted: nil) }
            try one.release("a")
            #expect(try two.claim("b", wanted: nil) == first)
            #expect(try two.claim("a", wanted: nil) == second)
        }
    }

    @Test func allButTheLivingAreReleased() async throws {
        try await withTemporaryDirectory { directory in
            let one = try ranges(directory, "/a")
            let two = try ranges(directory, "/b")
            let kept = try one.claim("keep", wanted: nil)
            let gone = try one.claim("gone", wanted: nil)
            let others = try two.claim("gone", wanted: nil)
            try one.releaseAll(except: ["keep", "never was"])
            #expect(try one.claim("keep", wanted: nil) == kept)
            #expect(try two.claim("gone", wanted: nil) == others)
            #expect(try two.claim("new", wanted: gone) == gone)
        }
    }

    @Test func manyAtOnceNeverShare() async throws {
        try await withTemporaryDirectory { directory in
            // A table of its own for each, and so a descriptor of its own for the lock, as another process has it.
            let bases = try await withThrowingTaskGroup(of: [UInt32].self) { group in
                for number in 0..<6 {
                    group.addTask {
                        try await onThread {
                            let mine = try self.ranges(directory, "/daemon\(number % 3)")
                            return try (0..<8).map { try mine.claim("\(number)-\($0)", wanted: nil) }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(bases).count == 48)
            // And none was lost on the way.
            for number in 0..<6 {
                let mine = try ranges(directory, "/daemon\(number % 3)")
                for instance in 0..<8 { #expect(bases.contains(try mine.claim("\(number)-\(instance)", wanted: nil))) }
            }
        }
    }

    @Test func tooFewIDsAreSaid() async throws {
        try await withTemporaryDirectory { directory in
            let error = #expect(throws: IDRangeError.self) { try ranges(directory, "/a", count: 131_071) }
            #expect(error?.description.contains("131071") == true && error?.description.contains("131072") == true)
            #expect(throws: Never.self) { try ranges(directory, "/a", count: 131_072) }
        }
    }

    /// Root's ids were moved in /etc/subuid, while instances run with those from before.
    @Test(arguments: [1, 65535, -1, -65535, 32768]) func rangesFromBeforeAMoveAreNotTouched(_ moved: Int) async throws {
        try await withTemporaryDirectory { directory in
            let old = try ranges(directory, "/a").claim("old", wanted: 1_000_000 + 3 * IDRanges.size)
            let new = try IDRanges(
                directory: directory, owner: "/a", base: UInt32(1_000_000 + moved), count: IDRanges.size * 5)
            // Of the five one is the archive helper's, and two have ids of the old one.
            var given: [UInt32] = []
            while let one = try? new.claim("new\(given.count)", wanted: nil) { given.append(one) }
            #expect(given.count == 2)
            for one in given { #expect(max(one, old) - min(one, old) >= IDRanges.size) }
            // It keeps its own, also when the table was lost.
            #expect(try new.claim("old", wanted: old, isInUse: true) == old)
            try new.release("old")
            #expect(try new.claim("old", wanted: old, isInUse: true) == old)
            #expect(try readFile(directory + "/ranges").contains("\(old) old /a\n"))
            #expect(try new.claim("old", wanted: old) == old)
        }
    }

    @Test func theTableIsOnlyOurs() async throws {
        try await withTemporaryDirectory { directory in
            _ = try ranges(directory + "/ids", "/a").claim("web", wanted: nil)
            #expect(try directoryNames(directory + "/ids") == ["ranges", "ranges.lock"])
            #expect(try readFile(directory + "/ids/ranges") == "1065536 web /a\n")
        }
    }
}

@Suite struct SubordinateIDsTests {
    @Test func readsWhatIsRoots() {
        let text = """
            # a comment
            user:100000:65536
            root:1000000:1000000000
            0:2000000000:65536
            root:100000:65536:more
            root:x:65536
            root:100000
            root:-1:65536
            root:4294967295:65536
            root:0:4294967295
            root:65535:65536

            """
        #expect(
            SubordinateIDs.parse(text) == [
                .init(base: 1_000_000, count: 1_000_000_000), .init(base: 2_000_000_000, count: 65536),
            ])
        #expect(SubordinateIDs.parse("").isEmpty)
        #expect(SubordinateIDs.parse("root:100000:65536\r\n") == [.init(base: 100_000, count: 65536)])
    }

    @Test func theHostHasSome() {
        let range = SubordinateIDs.ofRoot()
        #expect(range.base >= 65536 && range.count > 0)
    }
}
