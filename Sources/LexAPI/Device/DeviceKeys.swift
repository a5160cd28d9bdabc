/// The options of a device of type `disk` that is an instance's root.
public struct DiskKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: disk.")
    /// Where it is mounted inside.
    public let path = ConfigKey<ConfigLine>("path", effect: .onRestart, "Where it is mounted inside the instance.")
    /// The pool it lies in.
    public let pool = ConfigKey<ConfigLine>("pool", effect: .atCreation, "The storage pool it lies in.")
    /// Whether it can be written.
    public let readonly = ConfigKey<Bool>(
        "readonly", default: "false", effect: .onRestart, "Whether nothing can be written to it inside the instance.")
    /// How much it may hold.
    public let size = ConfigKey<ByteSize>(
        "size", effect: .live,
        "The most that the instance may hold beside its image's files (driver overlay), or in all (driver dir). It needs "
            + "a file system with quotas of projects, else the instance does not start.",
        check: { $0.bytes > 0 ? nil : "a size above 0" })
    /// For virtual machines.
    public let bootPriority = ConfigKey<Int64>(
        "boot.priority", effect: .live, "The order of starting from it; it means nothing for a container.",
        check: DeviceRange.uint32)
    /// For virtual machines.
    public let sizeState = ConfigKey<ByteSize>(
        "size.state", effect: .live, "Room for the state of a virtual machine; it means nothing for a container.")
    /// For other disks.
    public let required = ConfigKey<Bool>(
        "required", default: "true", effect: .live, "It means nothing for a root disk: it is always there.")
    /// For other disks.
    public let optional = ConfigKey<Bool>(
        "optional", default: "false", effect: .live, "It means nothing for a root disk: it is always there.")
    /// For other disks.
    public let propagation = ConfigKey<MountPropagation>(
        "propagation", default: "private", effect: .live,
        "It means nothing for a root disk: there is nothing of the host below it.")
    /// For other disks.
    public let rawMountOptions = ConfigKey<MountOptions>(
        "raw.mount.options", effect: .live,
        "It means nothing for a root disk, as with LXD; what is mounted read-only says readonly.")
    /// The limits of reading and writing.
    public let limits = DiskLimitKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `disk` that is a custom volume.
public struct VolumeDiskKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: disk.")
    /// The pool it lies in.
    public let pool = ConfigKey<ConfigLine>("pool", effect: .live, "The storage pool the volume lies in.")
    /// The volume.
    public let source = ConfigKey<ConfigLine>("source", effect: .live, "The name of the custom volume.")
    /// Where it is mounted inside.
    public let path = ConfigKey<ConfigLine>(
        "path", effect: .live, "Where it is mounted inside the instance; made where it is not there.",
        check: DevicePath.check)
    /// Whether it can be written.
    public let readonly = ConfigKey<Bool>(
        "readonly", default: "false", effect: .live, "Whether nothing can be written to it inside the instance.")
    /// Whether a start fails without it.
    public let required = ConfigKey<Bool>(
        "required", default: "true", effect: .live,
        "Whether the instance does not start without it; a volume of an instance is always there.")
    /// Which later mounts are seen where.
    public let propagation = ConfigKey<MountPropagation>(
        "propagation", default: "private", effect: .live,
        "Whether mounts made later below the volume are seen inside (slave, rslave, shared, rshared).")
    /// Options of the mount.
    public let rawMountOptions = ConfigKey<MountOptions>(
        "raw.mount.options", effect: .live, "Options of the mount such as noexec,nosuid.")
    /// For virtual machines.
    public let bootPriority = ConfigKey<Int64>(
        "boot.priority", effect: .live, "The order of starting from it; it means nothing for a container.",
        check: DeviceRange.uint32)
    /// The limits of reading and writing.
    public let limits = DiskLimitKeys()
    /// All of them.
    public init() {}
}

/// The hardware address of an Ethernet interface.
public struct MACAddress: ConfigValue, Hashable, CustomStringConvertible {
    /// Six bytes.
    public let bytes: [UInt8]

    /// Six pairs of hexadecimal digits with colons; not a group address.
    public init?(configText: String) {
        let parts = configText.split(separator: ":", omittingEmptySubsequences: false)
        // Two digits: the initialiser alone would also take a sign and one.
        let bytes = parts.compactMap { part in
            part.utf8.count == 2 && part.allSatisfy(\.isHexDigit) ? UInt8(part, radix: 16) : nil
        }
        guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0 else { return nil }
        self.bytes = bytes
    }
    /// Six given bytes; nil when they are not six.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }
    /// Lower-case hexadecimal digits with colons.
    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
    /// In the words of an error message.
    public static var allowedText: String { "a hardware address such as 00:16:3e:12:34:56" }
    /// In the manual.
    public static var typeName: String { "hardware address" }
}
