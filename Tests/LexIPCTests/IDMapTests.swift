import LexIPC
import LexTestKit
import Testing

@Suite struct IDMapTests {
    private func lines(_ ranges: [IDRange]) -> [String] { ranges.map(\.line) }

    @Test func othersTakeTheirPlaceInARange() {
        let map = IDMap(
            first: 1_000_000, count: 65536, users: [IDRange(inside: 1000, host: 1000, count: 1)],
            groups: [
                IDRange(inside: 65530, host: 50, count: 10), IDRange(inside: 0, host: 7, count: 2),
                IDRange(inside: 100_000, host: 90, count: 1),
            ])
        #expect(lines(map.users) == ["0 1000000 1000", "1000 1000 1", "1001 1001001 64535"])
        #expect(lines(map.groups) == ["0 7 2", "2 1000002 65528", "65530 50 10", "100000 90 1"])
        #expect(map.user(0) == 1_000_000 && map.user(1000) == 1000 && map.user(65535) == 1_065_535)
        #expect(map.user(65536) == nil && map.group(1) == 8 && map.group(65539) == 59 && map.group(65540) == nil)
        #expect(map.userText == "0-65535")
        #expect(IDMap(users: map.groups, groups: []).userText == "0-65539, 100000-100000")
        #expect(IDMap(first: 5, count: 1).users == [IDRange(inside: 0, host: 5, count: 1)])
    }

    /// Whatever is put in its place: each id inside is there once, and is what was asked for or the range's own.
    @Test func everyIDIsThereOnce() {
        var random = SeededGenerator("id maps")
        for _ in 0..<300 {
            var others: [IDRange] = []
            var next: UInt32 = 0
            for number in 0..<UInt32.random(in: 0...6, using: &random) {
                next += .random(in: 0...40, using: &random)
                let count = UInt32.random(in: 1...30, using: &random)
                others.append(IDRange(inside: next, host: 5000 + 100 * number, count: count))
                next += count
            }
            let map = IDMap(first: 100_000, count: 100, users: others.shuffled(using: &random))
            #expect(map.groups == [IDRange(inside: 0, host: 100_000, count: 100)])
            for id in UInt32(0)..<300 {
                let holders = map.users.filter { id >= $0.inside && id - $0.inside < $0.count }
                let other = others.first { id >= $0.inside && id - $0.inside < $0.count }
                #expect(holders.count == (other != nil || id < 100 ? 1 : 0), "seed \(random.seed)")
                #expect(
                    map.user(id) == (other.map { $0.host + id - $0.inside } ?? (id < 100 ? 100_000 + id : nil)),
                    "seed \(random.seed)")
            }
        }
    }

    @Test func theKernelsFilesAreRead() {
        let text = "         0    1000000       1000\n      1000       1000          1\n"
        let map = IDMap(users: text, groups: "0 5 7\n")
        #expect(map?.users.map(\.line) == ["0 1000000 1000", "1000 1000 1"])
        #expect(map?.groups.map(\.line) == ["0 5 7"])
        let all = "         0          0 4294967295\n"
        #expect(IDMap(users: all, groups: all) == IDMap.none)
        #expect(IDMap(users: all, groups: all)?.isEmpty == true)
        for bad in ["", "0 1", "0 1 2 3", "0 -1 2", "a b c", "0 1 99999999999"] {
            #expect(IDMap(users: bad, groups: "0 5 7\n") == nil, "\(bad)")
            #expect(IDMap(users: "0 5 7\n", groups: bad) == nil, "\(bad)")
        }
    }
}
