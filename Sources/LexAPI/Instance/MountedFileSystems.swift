/// Names of file systems, with commas between.
public struct FileSystemNames: ConfigValue, Equatable {
    /// The names in their order, 1 to 64.
    public let names: [String]

    /// Nil for a name that no file system has, and for one said twice.
    public init?(configText: String) {
        let names = configText.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard (1...64).contains(names.count), names.allSatisfy(Self.isName), Set(names).count == names.count else {
            return nil
        }
        self.names = names
    }

    /// Whether it could be the name of a file system: those in the kernel are of these letters.
    static func isName(_ text: some StringProtocol) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
    }

    /// In the words of an error message.
    public static var allowedText: String { "names of file systems with commas between, such as ext4,btrfs" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// File systems, and the program that mounts each, with commas between: `ext4=fuse2fs`.
public struct FileSystemPrograms: ConfigValue, Equatable {
    /// The program for each file system, 1 to 64.
    public let programs: [String: String]

    /// Nil for anything but `NAME=PROGRAM`; a program is a name, or an absolute path.
    public init?(configText: String) {
        var programs: [String: String] = [:]
        let pairs = configText.split(separator: ",", omittingEmptySubsequences: false)
        guard (1...64).contains(pairs.count) else { return nil }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, FileSystemNames.isName(parts[0]), Self.isProgram(parts[1]),
                programs.updateValue(parts[1], forKey: parts[0]) == nil
            else { return nil }
        }
        self.programs = programs
    }

    private static func isProgram(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPath = parts.first == "" && parts.count > 1
        let names = isPath ? parts.dropFirst() : parts[...]
        return text.utf8.count <= 255 && (isPath || parts.count == 1)
            && names.allSatisfy { name in
                !name.isEmpty && name != "." && name != ".." && !name.hasPrefix("-")
                    && name.utf8.allSatisfy { byte in
                        byte > 0x20 && byte < 0x7F && !"\"#$&'()*;<=>?[\\]^`{|}~!".utf8.contains(byte)
                    }
            }
    }

    /// In the words of an error message.
    public static var allowedText: String {
        "pairs of a file system and the program that mounts it, with commas between, such as ext4=fuse2fs"
    }
    /// In the manual.
    public static var typeName: String { "string" }
}
