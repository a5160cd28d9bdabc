/// A moment as a calendar and a clock on the wall show it.
public struct CalendarTime: Sendable, Equatable {
    /// The year, 2026.
    public var year: Int
    /// The month, 1 to 12.
    public var month: Int
    /// The day of the month, 1 to 31.
    public var day: Int
    /// The hour, 0 to 23.
    public var hour: Int
    /// The minute, 0 to 59.
    public var minute: Int
    /// The second, 0 to 60.
    public var second: Int
    /// The day of the week, 0 for Sunday.
    public var weekday: Int

    /// A moment from its parts; the day of the week follows from them.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        let days = Timestamp.days(fromYear: Int64(year), month: Int64(month), day: Int64(day))
        // 1970-01-01 was a Thursday.
        weekday = Int(((days + 4) % 7 + 7) % 7)
    }

    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// The moment in a layout of Go's: the reference time `Mon Jan 2 15:04:05 2006` written as it is to look.
    func text(_ layout: String) -> String {
        var result = ""
        var rest = Substring(layout)
        next: while !rest.isEmpty {
            for (token, value) in Self.tokens where rest.hasPrefix(token) {
                result += value(self)
                rest = rest.dropFirst(token.count)
                continue next
            }
            result.append(rest.removeFirst())
        }
        return result
    }

    /// The longest of those that begin alike come first.
    private static let tokens: [(String, @Sendable (CalendarTime) -> String)] = [
        ("January", { months[$0.month - 1] }), ("Jan", { String(months[$0.month - 1].prefix(3)) }),
        ("Monday", { weekdays[$0.weekday] }), ("Mon", { String(weekdays[$0.weekday].prefix(3)) }),
        ("2006", { padded($0.year, 4) }), ("01", { padded($0.month) }), ("02", { padded($0.day) }),
        ("03", { padded(twelve($0.hour)) }), ("04", { padded($0.minute) }), ("05", { padded($0.second) }),
        ("06", { padded($0.year % 100) }), ("15", { padded($0.hour) }), ("PM", { $0.hour < 12 ? "AM" : "PM" }),
        ("pm", { $0.hour < 12 ? "am" : "pm" }), ("1", { String($0.month) }), ("2", { String($0.day) }),
        ("3", { String(twelve($0.hour)) }), ("4", { String($0.minute) }), ("5", { String($0.second) }),
    ]

    private static func twelve(_ hour: Int) -> Int { hour % 12 == 0 ? 12 : hour % 12 }

    private static func padded(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
