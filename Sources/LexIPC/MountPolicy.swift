import CLexLinux

/// What an instance may have mounted in its place: kept in a file of its run, which may change while it runs.
package struct MountPolicy: Equatable, Sendable {
    /// The file systems that the kernel mounts.
    package var allowed: Set<String>
    /// Those that a program of the instance's mounts, and which program.
    package var programs: [String: String]
    /// Whether their files are owned inside as they are stored.
    package var shifts: Bool

    package init(allowed: Set<String> = [], programs: [String: String] = [:], shifts: Bool = false) {
        self.allowed = allowed
        self.programs = programs
        self.shifts = shifts
    }

    /// As it is kept: a line for each.
    package var text: String {
        let lines =
            allowed.sorted().map { "kernel \($0)" } + programs.sorted { $0.key < $1.key }.map { "fuse \($0) \($1)" }
            + (shifts ? ["shift"] : [])
        return lines.map { $0 + "\n" }.joined()
    }

    /// Reads it; nil for what is none.
    package init?(text: String) {
        self.init()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case ("kernel", 2): allowed.insert(words[1])
            case ("fuse", 3): programs[words[1]] = words[2]
            case ("shift", 1): shifts = true
            default: return nil
            }
        }
    }
}

/// What a guest's mount(2) asks for, once its texts are read.
package struct MountWish: Equatable, Sendable {
    package var type: String
    package var source: [UInt8]
    package var target: [UInt8]
    package var flags: UInt32
    /// The options of the file system, as far as it may have them.
    package var options: [String]

    /// The most bytes its options may have: what the kernel reads of them (`copy_mount_options()` in fs/namespace.c).
    package static let mostOptions = 4096

    /// What is added for ext4 and its like: the image may ask for a panic by itself (`s_errors`), and what is said at the
    /// mount goes before that.
    package static let guardedErrors = "errors=remount-ro"

    /// Nil for options that nobody may give: those the kernel's own parser would not take, another source, and whatever
    /// says that an error in the file system is to be the host's end.
    package init?(type: String, source: [UInt8], target: [UInt8], flags: UInt32, options: [UInt8]) {
        guard let text = String(validating: options, as: UTF8.self) else { return nil }
        var list: [String] = []
        for option in text.split(separator: ",").map(String.init) {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1] : ""
            // fsconfig(2) takes no longer ones.
            guard !parts[0].isEmpty, parts[0] != "source", option.utf8.count < 256, value != "panic" else { return nil }
            list.append(option)
        }
        if ["ext2", "ext3", "ext4"].contains(type), !list.contains(where: { $0.hasPrefix("errors=") }) {
            list.append(Self.guardedErrors)
        }
        self.type = type
        self.source = source
        self.target = target
        self.flags = flags
        self.options = list
    }

    /// What the flags ask of the file system itself, in words (mount(8)).
    package var fileSystemWords: [String] { Self.words(flags, Self.ofFileSystem) }
    /// What they ask of the mount of it, as mount_setattr(2) takes it.
    package var attributes: UInt64 {
        // A device node on it would be one that the guest could not have made; the kernel does the same to what a guest
        // mounts by itself.
        var result = lex_mount_attr_nodev
        for (flag, attribute) in Self.ofMount where flags & flag != 0 { result |= attribute }
        // The later ones decide in the kernel, too (`path_mount()`).
        if flags & 0x0100_0000 != 0 { result = result & ~lex_mount_attr_noatime | lex_mount_attr_strictatime }
        return result
    }
    /// All of them in words, for a FUSE program.
    package var words: [String] {
        Self.words(flags, Self.ofFileSystem) + Self.words(flags, Self.ofPrograms)
    }

    /// The directories and the name that its source is known by below an empty root; nil for what has none.
    package var sourceParts: [String]? {
        guard let text = String(validating: source, as: UTF8.self), text.hasPrefix("/") else { return nil }
        let parts = text.split(separator: "/").map(String.init)
        guard (1...16).contains(parts.count), !parts.contains("."), !parts.contains("..") else { return nil }
        return parts
    }

    private static func words(_ flags: UInt32, _ table: [(UInt32, String)]) -> [String] {
        table.filter { flags & $0.0 != 0 }.map(\.1)
    }
    // Numbers of include/uapi/linux/mount.h.
    private static let ofFileSystem: [(UInt32, String)] = [
        (1, "ro"), (16, "sync"), (64, "mand"), (128, "dirsync"), (1 << 25, "lazytime"),
    ]
    private static let ofPrograms: [(UInt32, String)] = [
        (2, "nosuid"), (4, "nodev"), (8, "noexec"), (1024, "noatime"), (2048, "nodiratime"), (1 << 24, "strictatime"),
    ]
    private static let ofMount: [(UInt32, UInt64)] = [
        (1, lex_mount_attr_read_only), (2, lex_mount_attr_nosuid), (8, lex_mount_attr_noexec),
        (256, lex_mount_attr_nosymfollow), (1024, lex_mount_attr_noatime), (2048, lex_mount_attr_nodiratime),
    ]
}
