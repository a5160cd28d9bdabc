/// What an instance is to have beside its root: a directory, a file, a block device or memory, as a mount.
package struct DiskMount: Message, Equatable {
    /// What is mounted.
    package enum Kind: UInt32, Sendable, Codable {
        /// A directory.
        case directory = 1
        /// Anything but a directory.
        case file = 2
        /// The file system of a block device.
        case device = 3
        /// An empty file system in memory.
        case memory = 4
    }
    /// Properties of a mount that are there or not.
    package struct Flags: OptionSet, Sendable, Hashable, Codable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Nothing can be written through it.
        package static let readOnly = Flags(rawValue: 1)
        /// What is mounted below comes along.
        package static let recursive = Flags(rawValue: 2)
        package static let noSUID = Flags(rawValue: 4)
        package static let noDevices = Flags(rawValue: 8)
        package static let noExecution = Flags(rawValue: 16)
        package static let noAccessTime = Flags(rawValue: 32)
        package static let noDirectoryAccessTime = Flags(rawValue: 64)
        package static let strictAccessTime = Flags(rawValue: 128)
    }
    /// What later mounts on the host mean for it (mount_namespaces(7)).
    package enum Propagation: UInt32, Sendable, Codable {
        case isPrivate = 1
        /// They are seen inside.
        case slave = 2
        /// They are seen inside, and further on to what is made from it there.
        case shared = 3
        case unbindable = 4
    }

    /// The path on the host; for memory nothing.
    package var source: String
    /// What is there.
    package var kind: Kind
    /// The file system of a block device.
    package var fileSystem: String
    /// Options of the file system, `NAME` or `NAME=VALUE`.
    package var options: [String]
    /// The ids it is seen with, none to see them as they are stored. Of memory the root is given to the first of them.
    package var ids: IDMap
    /// Its properties.
    package var flags: Flags
    /// What later mounts on the host mean for it.
    package var propagation: Propagation
    /// Where it is inside; empty where nobody needs to know.
    package var place: String

    package init(
        source: String, kind: Kind = .directory, fileSystem: String = "", options: [String] = [], ids: IDMap,
        flags: Flags = [], propagation: Propagation = .isPrivate, place: String = ""
    ) {
        self.place = place
        self.source = source
        self.kind = kind
        self.fileSystem = fileSystem
        self.options = options
        self.ids = ids
        self.flags = flags
        self.propagation = propagation
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(source)
        writer.put(kind.rawValue)
        writer.put(fileSystem)
        writer.put(options)
        writer.put(ids)
        writer.put(flags.rawValue)
        writer.put(propagation.rawValue)
        writer.put(place)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        source = try reader.string()
        guard let kind = Kind(rawValue: try reader.uint32()) else { throw MessageError("there is no such disk") }
        self.kind = kind
        fileSystem = try reader.string()
        options = try reader.strings()
        ids = try reader.value()
        flags = Flags(rawValue: try reader.uint32())
        guard let propagation = Propagation(rawValue: try reader.uint32()) else {
            throw MessageError("there is no such propagation")
        }
        self.propagation = propagation
        place = try reader.string()
    }
    /// What the mount for a disk is called below the directory that the root hangs in, by its place in the list.
    package static func name(_ index: Int) -> String { "disk\(index)" }
}

/// A device node that an instance is to have, with the ids of the host.
package struct NodeMount: Message, Equatable {
    /// Whether it is one of blocks.
    package var isBlock: Bool
    package var major: UInt32
    package var minor: UInt32
    /// Its rights.
    package var mode: UInt32
    package var user: UInt32
    package var group: UInt32

    package init(isBlock: Bool, major: UInt32, minor: UInt32, mode: UInt32, user: UInt32, group: UInt32) {
        self.isBlock = isBlock
        self.major = major
        self.minor = minor
        self.mode = mode
        self.user = user
        self.group = group
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(isBlock)
        writer.put(major)
        writer.put(minor)
        writer.put(mode)
        writer.put(user)
        writer.put(group)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        isBlock = try reader.bool()
        major = try reader.uint32()
        minor = try reader.uint32()
        mode = try reader.uint32()
        user = try reader.uint32()
        group = try reader.uint32()
    }
    /// Where the node for a device is below the directory that the root hangs in, by its place in the list.
    package static func name(_ index: Int) -> String { "nodes/\(index)" }
}

/// What tells a file from every other one.
package struct FileIdentity: Message, Hashable, Codable {
    package var device: UInt64
    package var inode: UInt64
    /// Nobody knows: whatever is mounted there.
    package static let unknown = FileIdentity(device: 0, inode: 0)

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(device)
        writer.put(inode)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        device = try reader.uint64()
        inode = try reader.uint64()
    }
}

/// Something to plug.
package enum PluggedThing: Message, Equatable {
    case disk(DiskMount)
    case node(NodeMount)

    package func write(to writer: inout MessageWriter) {
        switch self {
        case .disk(let disk):
            writer.put(UInt64(1))
            writer.put(disk)
        case .node(let node):
            writer.put(UInt64(2))
            writer.put(node)
        }
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        switch try reader.uint64() {
        case 1: self = .disk(try reader.value())
        case 2: self = .node(try reader.value())
        default: throw MessageError("there is nothing such to plug")
        }
    }

    /// Whether it is mounted on a file, and not on a directory.
    package var isFile: Bool {
        switch self {
        case .disk(let disk): disk.kind == .file
        case .node: true
        }
    }
}

/// A rule about devices for liblxc to set, where lexd cannot write it to a file (control groups v2).
package struct DeviceRule: Message, Equatable {
    /// What liblxc calls the instance.
    package var name: String
    /// The directory liblxc names its command socket after.
    package var lxcPath: String
    /// `c 10:229 rwm`.
    package var rule: String

    package init(name: String, lxcPath: String, rule: String) {
        self.name = name
        self.lxcPath = lxcPath
        self.rule = rule
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(name)
        writer.put(lxcPath)
        writer.put(rule)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        name = try reader.string()
        lxcPath = try reader.string()
        rule = try reader.string()
    }
}

/// Gives a running instance a disk or a device node. The pidfd of its init comes with the job.
package struct PlugJob: Message, Equatable {
    /// What it is given.
    package var thing: PluggedThing
    /// Where it is to be seen inside; made where it is not there.
    package var path: String
    /// Whether the instance has a user namespace of its own.
    package var isUnprivileged: Bool
    /// An empty directory of the host's, for a device node to be made in; seen by nobody else.
    package var workDirectory: String
    /// What is to be allowed first.
    package var allowed: DeviceRule?

    package init(
        thing: PluggedThing, path: String, isUnprivileged: Bool, workDirectory: String, allowed: DeviceRule? = nil
    ) {
        self.thing = thing
        self.path = path
        self.isUnprivileged = isUnprivileged
        self.workDirectory = workDirectory
        self.allowed = allowed
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(thing)
        writer.put(path)
        writer.put(isUnprivileged)
        writer.put(workDirectory)
        writer.put(optional: allowed)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        thing = try reader.value()
        path = try reader.string()
        isUnprivileged = try reader.bool()
        workDirectory = try reader.string()
        allowed = try reader.optional()
    }
}

/// Gives a file system in memory that a running instance has another size. The pidfd of its init comes with the job.
package struct ResizeJob: Message, Equatable {
    /// What is seen there as long as it is ours.
    package var identity: FileIdentity
    /// Where it is seen inside.
    package var path: String
    /// The size as the file system takes it (tmpfs(5)).
    package var size: String

    package init(identity: FileIdentity, path: String, size: String) {
        self.identity = identity
        self.path = path
        self.size = size
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(identity)
        writer.put(path)
        writer.put(size)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        identity = try reader.value()
        path = try reader.string()
        size = try reader.string()
    }
}

/// Takes a disk or a device node from a running instance, if it still has it there. The pidfd of its init comes with the
/// job.
package struct UnplugJob: Message, Equatable {
    /// What is seen there as long as it is ours.
    package enum Mark: Message, Equatable {
        case file(FileIdentity)
        case node(isBlock: Bool, major: UInt32, minor: UInt32)

        package func write(to writer: inout MessageWriter) {
            switch self {
            case .file(let identity):
                writer.put(UInt64(1))
                writer.put(identity)
            case .node(let isBlock, let major, let minor):
                writer.put(UInt64(2))
                writer.put(isBlock)
                writer.put(major)
                writer.put(minor)
            }
        }
        package init(from reader: inout MessageReader) throws(MessageError) {
            switch try reader.uint64() {
            case 1: self = .file(try reader.value())
            case 2:
                self = .node(isBlock: try reader.bool(), major: try reader.uint32(), minor: try reader.uint32())
            default: throw MessageError("there is no such mark")
            }
        }
    }
    /// What is seen there as long as it is ours.
    package var mark: Mark
    /// Where it is seen inside.
    package var path: String
    /// Whether the empty file it was mounted on is removed.
    package var removesFile: Bool
    /// Whether the instance has a user namespace of its own.
    package var isUnprivileged: Bool
    /// What is to be denied then.
    package var denied: DeviceRule?

    package init(mark: Mark, path: String, removesFile: Bool, isUnprivileged: Bool, denied: DeviceRule? = nil) {
        self.mark = mark
        self.path = path
        self.removesFile = removesFile
        self.isUnprivileged = isUnprivileged
        self.denied = denied
    }
    package func write(to writer: inout MessageWriter) {
        writer.put(mark)
        writer.put(path)
        writer.put(removesFile)
        writer.put(isUnprivileged)
        writer.put(optional: denied)
    }
    package init(from reader: inout MessageReader) throws(MessageError) {
        mark = try reader.value()
        path = try reader.string()
        removesFile = try reader.bool()
        isUnprivileged = try reader.bool()
        denied = try reader.optional()
    }
}
