import Testing

@testable import LexInstance

@Suite struct CPUSetTests {
    private typealias Group = (path: String, cpus: [Int])

    private func text(_ groups: [Group], to cpus: [Int]) -> [String] {
        CPUSet.steps(groups, to: cpus).map { "\($0.path)=\(CPUList.text($0.cpus))" }
    }

    /// The kernel refuses a group that lacks a CPU of one below it, and one that has more than the one above.
    @Test func theLowerShrinkFirstAndTheUpperGrowFirst() {
        let tree: [Group] = [("/a", [0, 1]), ("/a/b", [0, 1]), ("/a/c", [1]), ("/a/n", []), ("/a/b/d", [0, 1])]
        #expect(text(tree, to: [0]) == ["/a/c=0-1", "/a/b/d=0", "/a/c=0", "/a/b=0", "/a=0"])
        let chain: [Group] = [("/a", [0]), ("/a/b", [0]), ("/a/b/d", [0])]
        #expect(text(chain, to: [0, 1]) == ["/a=0-1", "/a/b=0-1", "/a/b/d=0-1"])
        // One that has fewer than the one above keeps them.
        #expect(text([("/a", [0, 1]), ("/a/b", [0])], to: [0, 1, 2]) == ["/a=0-2"])
        #expect(text([("/a", [0]), ("/a/b", [0])], to: [1]) == ["/a=0-1", "/a/b=0-1", "/a/b=1", "/a=1"])
        #expect(text([("/a", [0]), ("/a/b", [0])], to: [0]).isEmpty && text([], to: [0]).isEmpty)
    }

    @Test func noStepBreaksTheKernelsRule() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var groups: [Group] = [("/a", random(of: Array(0..<6), &generator))]
            for number in 0..<6 {
                let parent = groups[Int.random(in: 0..<groups.count, using: &generator)]
                groups.append(("\(parent.path)/\(number)", random(of: parent.cpus, &generator)))
            }
            groups.sort { $0.path.count < $1.path.count }
            var present = Dictionary(uniqueKeysWithValues: groups.map { ($0.path, Set($0.cpus)) })
            for step in CPUSet.steps(groups, to: random(of: Array(0..<6), &generator)) {
                present[step.path] = Set(step.cpus)
                for (path, cpus) in present where path != "/a" {
                    let parent = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
                    #expect(cpus.isSubset(of: present[parent] ?? []) && !cpus.isEmpty)
                }
            }
        }
    }

    private func random(of cpus: [Int], _ generator: inout SystemRandomNumberGenerator) -> [Int] {
        cpus.shuffled(using: &generator).prefix(Int.random(in: 1...cpus.count, using: &generator)).sorted()
    }
}
