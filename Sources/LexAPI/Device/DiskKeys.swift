/// A directory, a file or a block device of the host, or memory, as a disk of an instance.
public struct HostDiskKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: disk.")
    /// What is mounted.
    public let source = ConfigKey<ConfigLine>(
        "source", effect: .live,
        "The directory, file or block device of the host, by its path; tmpfs: for an empty file system in memory.",
        check: HostDiskKeys.checkSource)
    /// Where it is mounted inside.
    public let path = ConfigKey<ConfigLine>(
        "path", effect: .live, "Where it is mounted inside the instance; made where it is not there.",
        check: DevicePath.check)
    /// Whether a start fails without it.
    public let required = ConfigKey<Bool>(
        "required", default: "true", effect: .live, "Whether the instance does not start when the source is not there.")
    /// The opposite, as older clients say it.
    public let optional = ConfigKey<Bool>(
        "optional", default: "false", effect: .live, "The opposite of required, in the words of older clients.")
    /// Whether it can be written.
    public let readonly = ConfigKey<Bool>(
        "readonly", default: "false", effect: .live, "Whether nothing can be written to it inside the instance.")
    /// Whether what is mounted below comes along.
    public let recursive = ConfigKey<Bool>(
        "recursive", default: "false", effect: .live, "Whether what is mounted below the source comes along.")
    /// Whether its owners are shifted.
    public let shift = ConfigKey<Bool>(
        "shift", default: "false", effect: .live,
        "Whether files are owned inside as they are stored, by an idmapped mount, and not as on the host.")
    /// Which later mounts are seen where.
    public let propagation = ConfigKey<MountPropagation>(
        "propagation", default: "private", effect: .live,
        "Whether mounts made later below the source are seen inside (slave, rslave, shared, rshared); inside out they "
            + "never are.")
    /// Options of the mount.
    public let rawMountOptions = ConfigKey<MountOptions>(
        "raw.mount.options", effect: .live,
        "Options of the mount such as noexec,nosuid; for a block device also those of its file system.")
    /// How large a file system in memory can become.
    public let size = ConfigKey<ByteSize>(
        "size", effect: .live, "How much a file system in memory can hold; only with the source tmpfs:.",
        check: { $0.bytes > 0 ? nil : "a size above 0" })
    /// For virtual machines.
    public let bootPriority = ConfigKey<Int64>(
        "boot.priority", effect: .live, "The order of starting from it; it means nothing for a container.",
        check: DeviceRange.uint32)
    /// The limits of reading and writing.
    public let limits = DiskLimitKeys()
    /// All of them.
    public init() {}

    /// What stands for a file system in memory.
    public static let memorySource = "tmpfs:"

    private static let checkSource: @Sendable (ConfigLine) -> String? = { line in
        if line.text == memorySource { return nil }
        if line.text.hasPrefix("ceph:") || line.text.hasPrefix("cephfs:") {
            return "a path of the host: this version of lexd has no Ceph. Mount it on the host, and give the directory"
        }
        guard line.text.hasPrefix("/"), line.text.utf8.count <= 4000, DevicePath.isPrintable(line.text) else {
            return "an absolute path of the host without control characters, or tmpfs:"
        }
        return nil
    }
}

/// The options `limits.*` of every disk.
public struct DiskLimitKeys: ConfigKeySet {
    /// Reading.
    public let read = ConfigKey<DiskRate>(
        "limits.read", effect: .live, "The most it is read, in bytes a second, or in operations a second with iops.")
    /// Writing.
    public let write = ConfigKey<DiskRate>(
        "limits.write", effect: .live, "The most it is written, in bytes a second, or in operations a second with iops."
    )
    /// Both.
    public let max = ConfigKey<DiskRate>(
        "limits.max", effect: .live, "Both limits.read and limits.write; those then say nothing.")
    /// All of them.
    public init() {}
}

/// The value of `limits.read` and its like: bytes, or operations a second.
public enum DiskRate: ConfigValue, Hashable {
    /// Bytes a second.
    case bytes(Int64)
    /// Operations a second.
    case operations(Int64)

    /// A size, or a number with `iops`.
    public init?(configText: String) {
        if configText.hasSuffix("iops") {
            guard let count = Digits.number(configText.dropLast(4)) else { return nil }
            self = .operations(Int64(count))
        } else {
            guard let size = ByteSize(configText: configText) else { return nil }
            self = .bytes(size.bytes)
        }
    }
    /// In the words of an error message.
    public static var allowedText: String { "bytes a second such as 10MiB, or operations a second such as 100iops" }
    /// In the manual.
    public static var typeName: String { "size or iops" }
}

/// The value of `propagation` (mount_namespaces(7)).
public enum MountPropagation: String, ConfigValue, CaseIterable {
    case `private`, shared, slave, unbindable, rprivate, rshared, rslave, runbindable

    /// One of the words.
    public init?(configText: String) { self.init(rawValue: configText) }
    /// In the words of an error message.
    public static var allowedText: String { "one of " + allCases.map(\.rawValue).joined(separator: ", ") }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// The value of `raw.mount.options`: words with commas between, as mount(8) takes them.
public struct MountOptions: ConfigValue, Equatable {
    /// The words.
    public let words: [String]

    /// At most 64 words of at most 255 printable characters each.
    public init?(configText: String) {
        let words = configText.split(separator: ",").map(String.init)
        guard words.count <= 64,
            words.allSatisfy({ $0.utf8.count <= 255 && $0.utf8.allSatisfy { (33...126).contains($0) } })
        else { return nil }
        self.words = words
    }
    /// In the words of an error message.
    public static var allowedText: String { "options of mount(8) with commas between, such as noexec,nosuid" }
    /// In the manual.
    public static var typeName: String { "string" }
}

/// Ranges of numbers in the options of devices.
enum DeviceRange {
    static let uint32: @Sendable (Int64) -> String? = {
        $0 >= 0 && $0 <= Int64(UInt32.max) ? nil : "from 0 to 4294967295"
    }
}

/// Paths inside an instance in the options of devices.
public enum DevicePath {
    /// A path that can be mounted on: not the root, without `.` and `..`.
    static let check: @Sendable (ConfigLine) -> String? = { line in
        let parts = line.text.split(separator: "/")
        guard !parts.isEmpty, line.text.utf8.count <= 4000, isPrintable(line.text),
            parts.allSatisfy({ $0 != ".." && $0 != "." && $0.utf8.count <= 255 })
        else { return "a path inside the instance, other than /, without \".\" and \"..\" in it" }
        return nil
    }

    /// Whether a text could not be another line of a mount table.
    static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

    /// A checked path in the one way to write it: absolute, with single slashes.
    public static func plain(_ path: String) -> String { "/" + path.split(separator: "/").joined(separator: "/") }
}
