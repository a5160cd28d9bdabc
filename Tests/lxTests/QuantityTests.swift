import LexAPI
import Testing

@testable import lx

@Suite struct QuantityTests {
    @Test(arguments: [
        (0, "0B"), (999, "999B"), (1000, "1.00kB"), (1552, "1.55kB"), (146_860_000, "146.86MB"),
        (1_500_000_000, "1.50GB"), (Int64.max, "9.22EB"), (-5, "-5B"),
    ]) func decimalSizes(_ bytes: Int64, _ text: String) {
        #expect(Quantities.decimalSize(bytes) == text)
    }

    @Test(arguments: [
        (1023, "1023B"), (1024, "1.00KiB"), (2_652_897, "2.53MiB"), (21_474_836_480, "20.00GiB"),
        (135_168, "132.00KiB"), (Int64.max, "8.00EiB"),
    ]) func binarySizes(_ bytes: Int64, _ text: String) {
        #expect(Quantities.binarySize(bytes) == text)
    }

    @Test func imagesAreMeasuredInTheirOwnWay() {
        #expect(Quantities.imageSize(1_036_949) == "0.99MB")
        #expect(Quantities.imageSize(233_072_640) == "222.28MB")
    }

    @Test(arguments: [(1.005, 2, "1.00"), (0.995, 1, "1.0"), (-1.25, 1, "-1.2"), (12, 0, "12"), (.infinity, 2, "inf")])
    func fixedDigits(_ value: Double, _ digits: Int, _ text: String) {
        #expect(Quantities.fixed(value, digits) == text)
    }

    @Test func momentsAreWrittenThreeWays() throws {
        let moment = try #require(Timestamp("2026-11-23T06:39:16.123610408Z"))
        #expect(Quantities.utc(moment) == "2026/11/23 06:39 UTC")
        #expect(Quantities.upload(moment) == "Nov 23, 2026 at 6:39am (UTC)")
        #expect(try Quantities.upload(#require(Timestamp("2026-01-02T00:05:00Z"))) == "Jan 2, 2026 at 12:05am (UTC)")
        #expect(try Quantities.upload(#require(Timestamp("2026-01-02T12:05:00Z"))) == "Jan 2, 2026 at 12:05pm (UTC)")
        #expect(Quantities.local(moment).hasPrefix("2026/11/23 ") || Quantities.local(moment).hasPrefix("2026/11/22 "))
        #expect(!Timestamp.never.isSet && !Timestamp.epoch.isSet && moment.isSet)
    }

    @Test func transfersSayHowFarTheyAre() {
        let text = TransferProgress.text
        #expect(text(50, 100, .seconds(1)) == "50% (50B/s)")
        #expect(text(99_999_999, 100_000_000, .seconds(2)) == "99% (50.00MB/s)")
        #expect(text(5000, nil, .milliseconds(500)) == "5.00kB (10.00kB/s)")
        #expect(text(0, 0, .zero) == "0B (0B/s)")
    }

    @Test func theProgressLineStaysOnItsLine() {
        func line(_ detail: String, width: Int, frame: Int = 0) -> String {
            ProgressLine.text(
                frame: frame, elapsed: .milliseconds(7900), title: "Creating web", detail: detail, width: width)
        }
        #expect(line("", width: 80) == "| Creating web  7s")
        #expect(line("rootfs: 42%\n", width: 80, frame: 5) == "/ Creating web: rootfs: 42%  7s")
        #expect(line("rootfs: 42%", width: 20) == "| Creating web:  7s")
        #expect(line("x", width: 3) == "  7s")
        #expect(TextWidth.of(line("日本日本日本日本", width: 24)) <= 23)
    }
}
