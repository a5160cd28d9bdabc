import Testing

@testable import LexAPI

@Suite struct SnapshotAgeTests {
    @Test(
        arguments: [
            ("1M", "2026-01-31T10:01:00Z"), ("2H 3d", "2026-02-03T12:00:00Z"), ("4w", "2026-02-28T10:00:00Z"),
            ("1y", "2027-01-31T10:00:00Z"), ("12m", "2027-01-31T10:00:00Z"), ("2m", "2026-03-31T10:00:00Z"),
            // February has no 31st: counted on, as Go does.
            ("1m", "2026-03-03T10:00:00Z"), ("1m 1y 1d", "2027-03-04T10:00:00Z"),
        ])
    func comesAfter(_ text: String, _ expected: String) throws {
        let moment = try #require(Timestamp("2026-01-31T10:00:00Z"))
        #expect(SnapshotAge(configText: text)?.after(moment).text == expected)
    }

    @Test(arguments: ["", " ", "1", "M", "1x", "-1M", "+1M", "1M 2M", "1.5H", "99999999999y", "1MM", "١M"])
    func whatIsNoAgeIsRefused(_ text: String) { #expect(SnapshotAge(configText: text) == nil) }

    @Test func theOldestAgesCanBeWritten() throws {
        let age = try #require(SnapshotAge(configText: "100000y 100000m 100000w 100000d 100000H 100000M"))
        let text = age.after(.now).text
        #expect(Timestamp(text) != nil, "\(text)")
        #expect(SnapshotAge(configText: "1d")?.after(Timestamp(seconds: -5)).seconds == 86395)
    }
}

@Suite struct SnapshotPatternTests {
    private let moment = CalendarTime(year: 2026, month: 2, day: 3, hour: 16, minute: 5, second: 9)

    private func name(_ pattern: String, _ taken: [String] = []) -> String? {
        SnapshotPattern(configText: pattern)?.name(at: moment, taken: taken)
    }

    @Test func numbersAreOneMoreThanTheHighest() {
        #expect(name("snap%d") == "snap0")
        #expect(name("snap%d", ["snap0", "snap7", "snap3", "snapx", "snap", "other9"]) == "snap8")
        #expect(name("a%db", ["a1b", "a12b", "ab", "a-3b"]) == "a13b")
        #expect(name("%d", ["4294967295"]) == "4294967296")
        #expect(name("snap%d", ["snap99999999999999999999"]) == "snap0")
    }

    @Test func nameThatIsTakenGetsANumber() {
        #expect(name("abc") == "abc")
        #expect(name("abc", ["abc"]) == "abc-0")
        #expect(name("abc", ["abc", "abc-0", "abc-4"]) == "abc-5")
    }

    @Test(
        arguments: [
            ("{{ creation_date|date:'2006-01-02_15-04-05' }}", "2026-02-03_16-05-09"),
            ("{{creation_date|date:\"2006\"}}-%d", "2026-0"),
            ("x{{ creation_date | date: 'Jan2' }}y", "xFeb3y"),
            ("{{ creation_date|date:'Monday-3.4.5PM' }}", "Tuesday-4.5.9PM"),
            ("{{ creation_date|date:'06' }}{{ creation_date|date:'03' }}", "2604"),
        ])
    func dates(_ pattern: String, _ expected: String) { #expect(name(pattern) == expected) }

    @Test(
        arguments: [
            "a/%d", "%d%d", "{{ creation_date }}", "a b", "..", "{{ nope", "{{ other|date:'2006' }}", "{% if x %}",
            "{{ creation_date|date:'2006 01' }}", "{{ creation_date|date:'2006/01' }}", "{{ creation_date|upper }}",
            "{{ creation_date|date:'' }}", "{{ creation_date|date:'2006'|x }}", String(repeating: "a", count: 65),
        ])
    func whatIsNoPatternIsRefused(_ text: String) {
        #expect(SnapshotPattern(configText: text) == nil)
        let error = #expect(throws: APIError.self) {
            try Config<StorageVolumeKeys>(["snapshots.pattern": text]).validate()
        }
        #expect(error?.status == 400)
    }

    @Test func daysOfTheWeek() {
        #expect(CalendarTime(year: 1970, month: 1, day: 1).weekday == 4)
        #expect(CalendarTime(year: 2026, month: 11, day: 23).weekday == 1)
        #expect(CalendarTime(year: 1969, month: 12, day: 28).weekday == 0)
    }
}

@Suite struct SnapshotScheduleTests {
    private func isDue(_ schedule: String, _ moment: CalendarTime, seed: UInt64 = 0) -> Bool? {
        SnapshotSchedule(configText: schedule)?.isDue(at: moment, seed: seed)
    }
    // A Monday.
    private func at(_ hour: Int, _ minute: Int, day: Int = 23) -> CalendarTime {
        CalendarTime(year: 2026, month: 11, day: day, hour: hour, minute: minute)
    }

    @Test(
        arguments: [
            ("* * * * *", true), ("5 * * * *", true), ("6 * * * *", false), ("*/5 10 * * *", true),
            ("1-9/2 * * * *", true), ("2-8/2 * * * *", false), ("5,6 9-11 23 11 1", true), ("5 10 23 nov mon", true),
            ("5 10 * * tue", false), ("5 10 * 12 *", false), ("5/60 * * * *", true), ("0/5 * * * *", true),
            // Either day is enough where both are said, and both are needed where one is not.
            ("5 10 1 * mon", true), ("5 10 23 * tue", true), ("5 10 1 * tue", false), ("5 10 1 * *", false),
            ("5 10 */22 * *", true), ("5 10 * * 0-6", true), ("5 10 * * 7", false),
        ])
    func expressions(_ text: String, _ expected: Bool) {
        // Steps beyond a field's range are none that cron takes, but harmless.
        #expect(isDue(text, at(10, 5)) == expected)
    }

    @Test func sundayHasTwoNumbers() {
        #expect(isDue("5 10 * * 7", at(10, 5, day: 22)) == true)
        #expect(isDue("5 10 * * 0", at(10, 5, day: 22)) == true)
    }

    @Test func aliasesHaveAMinuteOfTheirOwn() {
        let day = (0..<24).flatMap { hour in (0..<60).map { (hour, $0) } }
        for seed: UInt64 in [0, 61, 1439, .max] {
            func count(_ text: String, day number: Int = 23) -> Int {
                day.count { isDue(text, at($0.0, $0.1, day: number), seed: seed) == true }
            }
            #expect(count("@hourly") == 24 && count("@daily") == 1 && count("@MIDNIGHT") == 1)
            #expect(count("@weekly") == 0 && count("@weekly", day: 22) == 1)
            #expect(count("@monthly") == 0 && count("@monthly", day: 1) == 1 && count("@yearly", day: 1) == 0)
            #expect(count("@never") == 0 && count("@startup") == 0)
            #expect(count("@daily, @hourly") == 24 && count("@daily,@hourly") == 24)
        }
    }

    @Test func atStart() {
        #expect(SnapshotSchedule(configText: "@startup")?.isAtStart == true)
        #expect(SnapshotSchedule(configText: "@daily, @startup")?.isAtStart == true)
        #expect(SnapshotSchedule(configText: "@daily, 5 * * * *")?.isAtStart == false)
    }

    @Test(
        arguments: [
            "", " ", "* * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
            "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *", "-1 * * * *", "+1 * * * *", "1, * * * *", "@nope",
            "@daily,", "@daily, ", "@daily @hourly", "*  * * * *", "1--2 * * * *", "1/ * * * *", "١ * * * *",
        ])
    func whatIsNoScheduleIsRefused(_ text: String) { #expect(SnapshotSchedule(configText: text) == nil) }
}
