import Glibc
import LexAPI

/// How sizes and moments are written.
enum Quantities {
    /// `2.14kB`, in powers of 1000.
    static func decimalSize(_ bytes: Int64, digits: Int = 2) -> String {
        size(bytes, step: 1000, units: ["kB", "MB", "GB", "TB", "PB", "EB"], digits: digits)
    }

    /// `2.53MiB`, in powers of 1024.
    static func binarySize(_ bytes: Int64, digits: Int = 2) -> String {
        size(bytes, step: 1024, units: ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits: digits)
    }

    /// The size of an image: always in megabytes of 1024 times 1024 bytes, as it has always been written.
    static func imageSize(_ bytes: Int64) -> String { fixed(Double(bytes) / 1024 / 1024, 2) + "MB" }

    private static func size(_ bytes: Int64, step: Double, units: [String], digits: Int) -> String {
        guard Double(bytes) >= step else { return "\(bytes)B" }
        var value = Double(bytes)
        var name = ""
        for unit in units {
            value /= step
            name = unit
            if value < step { break }
        }
        return fixed(value, digits) + name
    }

    /// A number with exactly so many digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        let factor = (0..<digits).reduce(1.0) { factor, _ in factor * 10 }
        // Sizes are far below what a double counts exactly; what is not (and NaN) is written as it is.
        guard digits > 0, let scaled = Int64(exactly: (value.magnitude * factor).rounded(.toNearestOrEven)) else {
            return Int64(exactly: value.rounded()).map { String($0) } ?? "\(value)"
        }
        let whole = scaled / Int64(factor)
        let fraction = String(scaled % Int64(factor))
        let zeros = String(repeating: "0", count: max(0, digits - fraction.count))
        return "\(value < 0 ? "-" : "")\(whole).\(zeros)\(fraction)"
    }

    /// `2026/11/23 07:29 UTC`.
    static func utc(_ moment: Timestamp) -> String { format(moment, "%Y/%m/%d %H:%M UTC", local: false) }

    /// `2026/11/23 02:29 EST`, by the clock on this machine's wall.
    static func local(_ moment: Timestamp) -> String { format(moment, "%Y/%m/%d %H:%M %Z", local: true) }

    /// `Nov 23, 2026 at 6:39am (UTC)`.
    static func upload(_ moment: Timestamp) -> String {
        let parts = broken(moment, local: false)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months.indices.contains(Int(parts.tm_mon)) ? months[Int(parts.tm_mon)] : "?"
        let hour = parts.tm_hour % 12 == 0 ? 12 : parts.tm_hour % 12
        let minute = (parts.tm_min < 10 ? "0" : "") + String(parts.tm_min)
        let half = parts.tm_hour < 12 ? "am" : "pm"
        return "\(month) \(parts.tm_mday), \(Int(parts.tm_year) + 1900) at \(hour):\(minute)\(half) (UTC)"
    }

    private static func format(_ moment: Timestamp, _ layout: String, local: Bool) -> String {
        var parts = broken(moment, local: local)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { space in
            let length = strftime(space.baseAddress, space.count, layout, &parts)
            return String(decoding: space.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private static func broken(_ moment: Timestamp, local: Bool) -> tm {
        var seconds = time_t(moment.seconds)
        var parts = tm()
        if local { localtime_r(&seconds, &parts) } else { gmtime_r(&seconds, &parts) }
        return parts
    }
}

extension Timestamp {
    /// Whether it stands for a moment; Go's zero time and the epoch stand for "never".
    var isSet: Bool { self > .epoch }
}
