extension ConfigValue {
    /// One line.
    public static var hasLines: Bool { false }
    /// The whole.
    public static func fault(in text: String) -> String? { nil }
}

extension Bool: ConfigValue {
    /// `true`, `1`, `yes`, `on` and their opposites, in any case.
    public init?(configText: String) {
        switch configText.lowercased() {
        case "true", "1", "yes", "on": self = true
        case "false", "0", "no", "off": self = false
        default: return nil
        }
    }
    /// In the words of an error message.
    public static var allowedText: String { "true or false" }
    /// In the manual.
    public static var typeName: String { "bool" }
}

extension Int64: ConfigValue {
    /// A whole number in decimal digits.
    public init?(configText: String) { self.init(configText, radix: 10) }
    /// In the words of an error message.
    public static var allowedText: String { "a whole number" }
    /// In the manual.
    public static var typeName: String { "integer" }
}

/// One line of free text.
public struct ConfigLine: ConfigValue, Equatable {
    /// The text.
    public let text: String
    /// Any text; `ConfigKey.parse` refuses a second line.
    public init?(configText: String) { text = configText }
    /// In the words of an error message.
    public static var allowedText: String { "one line of text" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// Free text of any number of lines.
public struct ConfigText: ConfigValue, Equatable {
    /// The text.
    public let text: String
    /// Any text.
    public init?(configText: String) { text = configText }
    /// Any number.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String { "text" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// A number of bytes.
public struct ByteSize: ConfigValue, Sendable, Hashable, Comparable {
    /// The number of bytes.
    public let bytes: Int64

    /// A size of that many bytes.
    public init(bytes: Int64) { self.bytes = bytes }

    /// A number with an optional unit as LXD takes them (`doc/reference/instance_units.md`): `B`, `kB` … `EB` in
    /// powers of 1000, `KiB` … `EiB` in powers of 1024.
    public init?(configText: String) {
        let digits = configText.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), let factor = Self.units[String(configText.dropFirst(digits.count))] else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { return nil }
        self.bytes = bytes
    }

    private static let units: [String: Int64] = {
        var units: [String: Int64] = ["": 1, "B": 1, "k": 1000, "kB": 1000, "KB": 1000]
        var decimal: Int64 = 1000
        var binary: Int64 = 1024
        units["KiB"] = binary
        for letter in ["M", "G", "T", "P", "E"] {
            decimal *= 1000
            binary *= 1024
            units[letter] = decimal
            units[letter + "B"] = decimal
            units[letter + "iB"] = binary
        }
        return units
    }()

    /// Order by size.
    public static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
    /// In the words of an error message.
    public static var allowedText: String { "a size such as 512MiB or 2GB" }
    /// In the manual.
    public static var typeName: String { "size" }
}

/// The value of `limits.memory`: bytes, or a share of the host's memory.
public enum MemoryLimit: ConfigValue, Equatable {
    /// That many bytes.
    case size(ByteSize)
    /// That many hundredths of the host's memory, 1 to 100.
    case percent(Int64)

    /// A size, or a number from 1 to 100 with a percent sign.
    public init?(configText: String) {
        if configText.hasSuffix("%") {
            guard let percent = Int64(configText.dropLast()), (1...100).contains(percent) else { return nil }
            self = .percent(percent)
        } else {
            guard let size = ByteSize(configText: configText), size.bytes > 0 else { return nil }
            self = .size(size)
        }
    }
    /// In the words of an error message.
    public static var allowedText: String { "a size such as 512MiB, or a percentage of the host's memory such as 50%" }
    /// In the manual.
    public static var typeName: String { "size or percentage" }

    /// The limit in bytes on a host with that much memory.
    public func bytes(ofHost memory: Int64) -> Int64 {
        switch self {
        case .size(let size): size.bytes
        case .percent(let percent): memory / 100 * percent
        }
    }
}

/// The value of `limits.cpu`: how many CPUs, or exactly which.
public enum CPULimit: ConfigValue, Equatable {
    /// That many, chosen and re-balanced by lexd.
    case count(Int)
    /// These, by number.
    case set([Int])

    /// A number, or a list of numbers and ranges such as `0-1,3`. `2` is a count; the one CPU 2 is written `2-2`.
    public init?(configText: String) {
        if let count = Digits.number(configText) {
            guard (1...4096).contains(count) else { return nil }
            self = .count(Int(count))
            return
        }
        guard let set = CPULimit.parseSet(configText) else { return nil }
        self = .set(set)
    }

    /// Reads the kernel's list format (`cpuset(7)`), each CPU below 4096.
    public static func parseSet(_ text: String) -> [Int]? {
        var result: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = ends.first.flatMap({ Digits.number($0) }),
                let last = ends.last.flatMap({ Digits.number($0) }),
                first <= last, last < 4096
            else { return nil }
            result.formUnion(Int(first)...Int(last))
        }
        return result.isEmpty ? nil : result.sorted()
    }
    /// In the words of an error message.
    public static var allowedText: String { "a number of CPUs such as 2, or a list of CPUs such as 0-1,3" }
    /// In the manual.
    public static var typeName: String { "number or list of CPUs" }
}

/// The value of `limits.cpu.allowance`: a soft share or a hard quota.
public enum CPUAllowance: ConfigValue, Equatable {
    /// A weight when the host is busy, 1 to 100 hundredths.
    case percent(Int64)
    /// At most so many microseconds of CPU time in every period of so many microseconds.
    case quota(microseconds: Int64, period: Int64)

    /// `50%`, or a time in each period such as `25ms/100ms`.
    public init?(configText: String) {
        if configText.hasSuffix("%") {
            guard let percent = Int64(configText.dropLast()), (1...100).contains(percent) else { return nil }
            self = .percent(percent)
            return
        }
        let parts = configText.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.hasSuffix("ms") }),
            let quota = Int64(parts[0].dropLast(2)), let period = Int64(parts[1].dropLast(2)),
            // The kernel's bounds: quota at least 1 ms, period 1 ms to 1 s (Documentation/scheduler/sched-bwc).
            (1...1_000_000).contains(quota), (1...1000).contains(period)
        else { return nil }
        self = .quota(microseconds: quota * 1000, period: period * 1000)
    }
    /// In the words of an error message.
    public static var allowedText: String { "a percentage such as 50%, or a time in each period such as 25ms/100ms" }
    /// In the manual.
    public static var typeName: String { "percentage or time share" }
}

/// Numbers of decimal digits and nothing else: Swift's own initialisers also take a sign.
enum Digits {
    /// The number; nil for anything else or one above 4,294,967,295.
    static func number(_ text: some StringProtocol) -> UInt32? {
        text.utf8.allSatisfy(InstanceName.isDigit) ? UInt32(text) : nil
    }
}
