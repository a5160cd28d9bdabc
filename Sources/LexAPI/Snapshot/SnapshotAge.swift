/// A time from now on as LXD writes it: `1M 2H 3d 4w 5m 6y` are minutes, hours, days, weeks, months and years.
public struct SnapshotAge: ConfigValue, Equatable {
    private var months: Int64 = 0
    private var days: Int64 = 0
    private var seconds: Int64 = 0

    /// Numbers with units, apart by spaces, each unit at most once.
    public init?(configText: String) {
        var seen: Set<Character> = []
        for part in configText.split(separator: " ") {
            guard let unit = part.last, seen.insert(unit).inserted, let number = Digits.number(part.dropLast()),
                number <= 100_000
            else { return nil }
            let count = Int64(number)
            switch unit {
            case "M": seconds += count * 60
            case "H": seconds += count * 3600
            case "d": days += count
            case "w": days += count * 7
            case "m": months += count
            // Years of four digits are all that can be written.
            case "y": months += min(count, 5000) * 12
            default: return nil
            }
        }
        guard !seen.isEmpty else { return nil }
        months = min(months, 60_000)
    }

    /// The moment that comes so long after another. Months are those of the calendar; a day that a month lacks is counted
    /// on into the next.
    public func after(_ moment: Timestamp) -> Timestamp {
        let dayNumber = (moment.seconds - (moment.seconds % 86400 + 86400) % 86400) / 86400
        let (year, month, day) = Timestamp.civil(fromDays: dayNumber)
        let monthNumber = year * 12 + month - 1 + months
        let first = Timestamp.days(fromYear: monthNumber / 12, month: monthNumber % 12 + 1, day: 1)
        return Timestamp(
            seconds: (first + day - 1 + days) * 86400 + moment.seconds - dayNumber * 86400 + seconds,
            nanoseconds: moment.nanoseconds)
    }

    /// In the words of an error message.
    public static var allowedText: String { "times with units such as 1H 30M, of M, H, d, w, m and y" }
    /// In the manual.
    public static var typeName: String { "duration" }
}
