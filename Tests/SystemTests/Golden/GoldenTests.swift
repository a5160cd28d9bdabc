import Glibc
import LexAPI
import LexTestKit
import Testing

extension SystemTests {
    /// lexd's answers beside those that a stock LXD 5.0.2 gave to the same requests: the same keys, types and null, {}
    /// and [] everywhere, and the same values but for what differs from run to run.
    @Suite struct GoldenAnswers {
        @Test(.enabled(if: getenv("LEXD_GOLDEN_CAPTURE") == nil)) func answersAreThoseOfLXD() async throws {
            let golden = try await withDaemon(.withoutImage) { daemon in
                try await Self.answers(daemon.directory, driver: "overlay")
            }
            var differences: [GoldenDifference] = []
            for (group, ours) in golden {
                differences += GoldenDifference.all(try GoldenFiles.answers(group), ours, path: group)
            }
            let places = try GoldenException.all().flatMap(\.places)
            for difference in differences where !places.contains(where: { fnmatch($0, difference.path, 0) == 0 }) {
                Issue.record("\(difference)")
            }
            #expect(Set(places).count == places.count, "a place is in the table twice")
            for place in places where !differences.contains(where: { fnmatch(place, $0.path, 0) == 0 }) {
                Issue.record("the exception \(place) is needed no more")
            }
        }

        /// Not a test: how the script `capture` asks LXD.
        @Test(.enabled(if: getenv("LEXD_GOLDEN_CAPTURE") != nil)) func capture() async throws {
            let directory = String(cString: try #require(getenv("LEXD_GOLDEN_CAPTURE")))
            for (group, answers) in try await Self.answers(directory, driver: "dir") {
                try GoldenFiles.writeAnswers(answers, group)
            }
        }

        private static func answers(_ directory: String, driver: String) async throws -> [(String, JSONValue)] {
            var walk = try await GoldenWalk(
                directory: directory, driver: driver, image: try await BusyboxImage.standard())
            var answers: [(String, JSONValue)] = []
            for group in try GoldenFiles.requests() {
                answers.append((group.group, try await walk.answers(group)))
            }
            return answers
        }
    }
}
