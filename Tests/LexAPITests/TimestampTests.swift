import FoundationEssentials
import Glibc
import LexAPI
import LexTestKit
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:00:00Z", 951_825_600, 0),
            ("2026-11-23T06:42:10.446104692Z", 1_795_416_130, 446_104_692),
            ("2100-02-28T23:59:59Z", 4_107_542_399, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ] as [(String, Int64, Int64)])
    func readsAndWrites(text: String, seconds: Int64, nanoseconds: Int64) throws {
        let time = try #require(Timestamp(text))
        #expect(time.seconds == seconds && time.nanoseconds == nanoseconds)
        #expect(time.text == text)
        #expect(Timestamp(seconds: seconds, nanoseconds: nanoseconds).text == text)
    }

    @Test func knowsItsMarks() {
        #expect(Timestamp.never.text == "0001-01-01T00:00:00Z")
        #expect(Timestamp.epoch.text == "1970-01-01T00:00:00Z")
        #expect(Timestamp.never < .epoch && .epoch < .now)
        #expect(Timestamp(seconds: 5, nanoseconds: 1) < Timestamp(seconds: 5, nanoseconds: 2))
    }

    @Test(
        arguments: [
            ("2024-02-29T00:30:00+01:00", "2024-02-28T23:30:00Z"),
            ("2023-12-31T23:30:00-01:00", "2024-01-01T00:30:00Z"),
            ("2024-01-01T00:00:00+14:00", "2023-12-31T10:00:00Z"),
            ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"),
            ("2024-01-01t00:00:00z", "2024-01-01T00:00:00Z"),
            ("2024-01-01 00:00:00Z", "2024-01-01T00:00:00Z"),
            ("2024-01-01T00:00:00.500Z", "2024-01-01T00:00:00.5Z"),
            ("2024-01-01T00:00:00.123456789999Z", "2024-01-01T00:00:00.123456789Z"),
            ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00Z"),
        ])
    func readsOffsetsAndFractions(text: String, canonical: String) {
        #expect(Timestamp(text)?.text == canonical)
    }

    @Test(
        arguments: [
            "", "now", "2024-01-01", "2024-01-01T00:00:00", "2024-1-01T00:00:00Z", "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-32T00:00:00Z", "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+01", "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00Zx", " 2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00Z\n", "+024-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "٢٠٢٤-01-01T00:00:00Z",
            "20240-01-01T00:00:00Z", "2024-01-01T00:00:00\u{301}Z",
        ])
    func refuses(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func everyDayIsTheDayGlibcSays() {
        // Each day of 801 years, with the leap years of two whole cycles among them.
        for day in -200_000..<93_000 as Range<Int> {
            var seconds = time_t(day * 86400 + 43_210)
            var parts = tm()
            gmtime_r(&seconds, &parts)
            guard parts.tm_year + 1900 >= 1 else { continue }
            let text = Timestamp(seconds: Int64(seconds)).text
            func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let year = String(parts.tm_year + 1900)
            let wanted =
                String(repeating: "0", count: 4 - year.count) + year
                + "-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T12:00:10Z"
            if text != wanted {
                Issue.record("\(text) is not \(wanted)")
                return
            }
        }
    }

    @Test func randomTimesRoundTrip() {
        var random = SeededGenerator("times")
        for _ in 0..<5000 {
            let time = Timestamp(
                seconds: .random(in: -62_135_596_800...253_402_300_799, using: &random),
                nanoseconds: .random(in: 0...999_999_999, using: &random))
            #expect(Timestamp(time.text) == time, "seed \(random.seed)")
        }
    }

    @Test func randomTextNeverTraps() {
        var random = SeededGenerator("time texts")
        let letters = Array("0123456789-:.TZ+ é")
        for _ in 0..<5000 {
            var text = Array("2024-02-29T12:34:56.789Z")
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] = letters.randomElement(using: &random) ?? "x"
            }
            if let time = Timestamp(String(text)) { #expect(Timestamp(time.text) == time, "seed \(random.seed)") }
        }
    }

    @Test func isTextInJSON() throws {
        let json = try JSONEncoder().encode([Timestamp.epoch])
        #expect(String(decoding: json, as: UTF8.self) == #"["1970-01-01T00:00:00Z"]"#)
        #expect(try JSONDecoder().decode([Timestamp].self, from: json) == [.epoch])
        for wrong in [#"["yesterday"]"#, "[5]", "[null]"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode([Timestamp].self, from: Data(wrong.utf8)) }
        }
    }
}
