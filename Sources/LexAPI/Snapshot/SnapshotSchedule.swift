/// The value of `snapshots.schedule`: when snapshots are made by themselves.
///
/// Expressions as of cron(8), or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@annually`, `@yearly`,
/// `@startup` and `@never`; several apart by a comma and a space, since a comma alone belongs to an expression.
public struct SnapshotSchedule: ConfigValue, Equatable {
    private enum Trigger: Equatable {
        case cron(CronExpression)
        case alias(String)
    }
    private let triggers: [Trigger]

    static let summary =
        "When snapshots are made by themselves: a cron expression, or some of @hourly, @daily, @midnight, @weekly, "
        + "@monthly, @annually, @yearly and @never."
    private static let periods: Set<String> = [
        "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@annually", "@yearly",
    ]

    /// One or several of them.
    public init?(configText: String) {
        var triggers: [Trigger] = []
        for part in Self.parts(configText.lowercased()) {
            if part.hasPrefix("@") {
                guard Self.periods.contains(part) || part == "@startup" || part == "@never" else { return nil }
                triggers.append(.alias(part))
            } else {
                guard let expression = CronExpression(part) else { return nil }
                triggers.append(.cron(expression))
            }
        }
        guard !triggers.isEmpty else { return nil }
        self.triggers = triggers
    }

    private static func parts(_ text: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(text)
        while let comma = rest.firstRange(of: ", ") {
            parts.append(String(rest[..<comma.lowerBound]))
            rest = rest[comma.upperBound...]
        }
        return (parts + [String(rest)]).flatMap { part in
            part.hasPrefix("@")
                ? part.split(separator: ",", omittingEmptySubsequences: false).map(String.init) : [part]
        }
    }

    /// Whether one is made whenever the instance starts.
    public var isAtStart: Bool { triggers.contains(.alias("@startup")) }

    /// Whether one is due in the minute of a moment.
    ///
    /// - Parameter seed: Anything that is always the same for one instance: each has its own minute of the hour and hour
    ///   of the day, so that not all are busy at once.
    public func isDue(at moment: CalendarTime, seed: UInt64) -> Bool {
        triggers.contains { trigger in
            switch trigger {
            case .cron(let expression): expression.fits(moment)
            case .alias(let alias): Self.isDue(alias, moment, seed)
            }
        }
    }

    private static func isDue(_ alias: String, _ moment: CalendarTime, _ seed: UInt64) -> Bool {
        guard periods.contains(alias), moment.minute == Int(seed % 60) else { return false }
        if alias == "@hourly" { return true }
        guard moment.hour == Int(seed / 60 % 24) else { return false }
        switch alias {
        case "@weekly": return moment.weekday == 0
        case "@monthly": return moment.day == 1
        case "@annually", "@yearly": return moment.day == 1 && moment.month == 1
        default: return true
        }
    }

    /// In the words of an error message.
    public static var allowedText: String {
        "<minute> <hour> <day-of-month> <month> <day-of-week>, or one of @hourly, @daily, @midnight, @weekly, @monthly, "
            + "@annually, @yearly, @startup and @never; several apart by a comma and a space"
    }
    /// In the manual.
    public static var typeName: String { "schedule" }
}

/// Five fields as of crontab(5): minute, hour, day of the month, month, day of the week.
struct CronExpression: Equatable {
    private let minutes: Set<Int>
    private let hours: Set<Int>
    private let days: Set<Int>
    private let months: Set<Int>
    private let weekdays: Set<Int>
    /// Whether the day of the month and of the week are both said: then either is enough.
    private let hasBothDays: Bool

    /// Takes lower-case text apart; nil when it is no such expression.
    init?(_ text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 5, text.utf8.count <= 512,
            let minutes = Self.field(fields[0], 0...59), let hours = Self.field(fields[1], 0...23),
            let days = Self.field(fields[2], 1...31),
            let months = Self.field(fields[3], 1...12, Self.names(CalendarTime.months, from: 1)),
            let weekdays = Self.field(fields[4], 0...7, Self.names(CalendarTime.weekdays, from: 0))
        else { return nil }
        self.minutes = minutes
        self.hours = hours
        self.days = days
        self.months = months
        // Sunday has two numbers.
        self.weekdays = weekdays.contains(7) ? weekdays.union([0]) : weekdays
        hasBothDays = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
    }

    func fits(_ moment: CalendarTime) -> Bool {
        let isDay = days.contains(moment.day)
        let isWeekday = weekdays.contains(moment.weekday)
        return minutes.contains(moment.minute) && hours.contains(moment.hour) && months.contains(moment.month)
            && (hasBothDays ? isDay || isWeekday : isDay && isWeekday)
    }

    private static func names(_ names: [String], from first: Int) -> [String: Int] {
        Dictionary(
            uniqueKeysWithValues: names.enumerated().map { (String($1.prefix(3)).lowercased(), $0 + first) })
    }

    /// `*`, `5`, `1-5`, `*/10`, `1-30/5`, `mon-fri`, and several apart by commas.
    private static func field(
        _ text: Substring, _ range: ClosedRange<Int>, _ names: [String: Int] = [:]
    ) -> Set<Int>? {
        func number(_ text: Substring) -> Int? {
            names[String(text)] ?? (text.utf8.count <= 2 && !text.isEmpty ? Digits.number(text).map(Int.init) : nil)
        }
        var result: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let span = halves.first else { return nil }
            let step = halves.count > 1 ? number(halves[1]) : 1
            guard let step, step > 0 else { return nil }
            var ends = (range.lowerBound, range.upperBound)
            if span != "*" {
                let words = span.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                guard let first = words.first.flatMap(number), let last = words.last.flatMap(number) else { return nil }
                // `5/15` is from five on.
                ends = (first, words.count == 1 && halves.count > 1 ? range.upperBound : last)
            }
            guard range.contains(ends.0), range.contains(ends.1), ends.0 <= ends.1 else { return nil }
            result.formUnion(stride(from: ends.0, through: ends.1, by: step))
        }
        return result
    }
}
