/// The value of `limits.memory.enforce`.
public enum MemoryEnforcement: String, ConfigValue {
    /// The limit is never exceeded.
    case hard
    /// The limit is kept to when the host needs the memory.
    case soft

    /// One of the words.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "hard or soft" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// The value of `linux.kernel_modules`.
public struct ModuleNames: ConfigValue, Equatable {
    /// The names, at least one.
    public let names: [String]

    /// Names with commas between, of letters, digits, `-` and `_`: they become arguments of modprobe(8).
    public init?(configText: String) {
        names = configText.split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        let isGood = names.allSatisfy { name in
            !name.isEmpty && name.utf8.count <= 64 && !name.hasPrefix("-")
                && name.utf8.allSatisfy {
                    InstanceName.isDigit($0) || (97...122).contains($0) || (65...90).contains($0)
                        || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                }
        }
        guard isGood else { return nil }
    }
    /// In the words of an error message.
    public static var allowedText: String { "names of kernel modules with commas between" }
    /// In the manual.
    public static var typeName: String { "list of modules" }
}

/// Lines of a seccomp profile, each a system call with what is done about it (lxc.container.conf(5), SECCOMP).
public struct SyscallList: ConfigValue, Equatable {
    /// The lines, without empty ones and comments.
    public let lines: [String]

    /// 1 to 1000 lines, each beginning with the name of a call.
    public init?(configText: String) {
        lines = Self.said(configText)
        guard lines.allSatisfy(Self.isGood), (1...1000).contains(lines.count) else { return nil }
    }

    /// The first line that is not allowed.
    public static func fault(in text: String) -> String? { said(text).first { !isGood($0) } }

    /// The names of the calls.
    public var names: [String] { lines.map { String($0.prefix { $0 != " " && $0 != "[" }) } }

    /// A line without the blanks before it, and without a comment and the blanks before that.
    static func withoutComment(_ line: Substring) -> String {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let said = line.prefix { $0 != "#" }.drop(while: isBlank)
        return String(said.reversed().drop(while: isBlank).reversed())
    }

    private static func said(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map(withoutComment).filter { !$0.isEmpty }
    }

    private static func isGood(_ line: String) -> Bool {
        guard let first = line.utf8.first, (97...122).contains(first), line.utf8.count <= 256 else { return false }
        // No new section, and nothing but what such a line is made of.
        return line.utf8.allSatisfy { byte in
            InstanceName.isDigit(byte) || (97...122).contains(byte) || (65...90).contains(byte)
                || " _[],:$<>=!&-".utf8.contains(byte)
        }
    }
    /// Any number up to that.
    public static var hasLines: Bool { true }
    /// In the words of an error message.
    public static var allowedText: String { "names of system calls, one on a line" }
    /// In the manual.
    public static var typeName: String { "list of system calls" }
}

/// The value of `limits.cpu.nodes`: NUMA nodes by number.
public struct NodeList: ConfigValue, Equatable {
    /// The numbers, each once.
    public let nodes: [Int]

    /// The kernel's list format (`cpuset(7)`), each number below 4096.
    public init?(configText: String) {
        guard let nodes = CPULimit.parseSet(configText) else { return nil }
        self.nodes = nodes
    }
    /// In the words of an error message.
    public static var allowedText: String { "a list of NUMA nodes such as 0 or 0-1,3" }
    /// In the manual.
    public static var typeName: String { "list of nodes" }
}
