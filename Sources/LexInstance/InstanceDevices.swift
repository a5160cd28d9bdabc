package import LexAPI
package import LexIPC

/// What an instance has beside its root: something of the host's, or memory.
package struct InstanceDisk: Sendable, Equatable, Codable {
    /// The path on the host; for memory nothing.
    package var source: String
    /// What is there.
    package var kind: DiskMount.Kind
    /// Where it is seen inside.
    package var path: String
    /// Properties of the mount.
    package var flags: DiskMount.Flags
    /// What later mounts on the host mean for it.
    package var propagation: DiskMount.Propagation
    /// The word for that, as it was asked for.
    package var propagationWord: String?
    /// Whether its files are owned inside as they are stored, and not as on the host.
    package var isMapped: Bool
    /// The file system of a block device.
    package var fileSystem: String
    /// Options of the file system.
    package var options: [String]

    package init(
        source: String, kind: DiskMount.Kind = .directory, path: String, flags: DiskMount.Flags = [],
        propagation: MountPropagation? = nil, isMapped: Bool, fileSystem: String = "", options: [String] = []
    ) {
        self.source = source
        self.kind = kind
        self.path = path
        self.flags = flags
        self.propagation =
            switch propagation {
            case .shared, .rshared: .shared
            case .slave, .rslave: .slave
            case .unbindable, .runbindable: .unbindable
            case .private, .rprivate, nil: .isPrivate
            }
        propagationWord = propagation?.rawValue
        self.isMapped = isMapped
        self.fileSystem = fileSystem
        self.options = options
    }

    /// The mount of it for an instance with these ids.
    package func mount(_ ids: IDMap) -> DiskMount {
        DiskMount(
            source: source, kind: kind, fileSystem: fileSystem, options: options,
            ids: isMapped ? ids : .none, flags: flags, propagation: propagation, place: path)
    }

    /// The size of a file system in memory, as it takes it (tmpfs(5)): half of the memory unless something else is said.
    package var memorySize: String {
        options.last { $0.hasPrefix("size=") }.map { String($0.dropFirst(5)) } ?? "50%"
    }

    /// Whether both are the same file system in memory, but for its size.
    package func differsInSizeAlone(from other: InstanceDisk) -> Bool {
        func withoutSize(_ disk: InstanceDisk) -> InstanceDisk {
            var disk = disk
            disk.options.removeAll { $0.hasPrefix("size=") }
            return disk
        }
        return kind == .memory && self != other && withoutSize(self) == withoutSize(other)
    }

    /// The options with which liblxc binds the mount into the root.
    package var bindOptions: String {
        var words = [flags.contains(.recursive) ? "rbind" : "bind", kind == .file ? "create=file" : "create=dir"]
        // That one is set later: liblxc would undo it.
        if let propagationWord, propagation != .unbindable { words.append(propagationWord) }
        return words.joined(separator: ",")
    }
}

/// A disk of a run, and what it is known by.
package struct HeldDisk: Sendable, Equatable, Codable {
    package let disk: InstanceDisk
    package let identity: FileIdentity

    package init(disk: InstanceDisk, identity: FileIdentity) {
        self.disk = disk
        self.identity = identity
    }
}

/// A device node that an instance has.
package struct InstanceNode: Sendable, Hashable, Codable {
    /// Where it is inside.
    package let path: String
    package let kind: Device.NodeKind
    package let major: UInt32
    package let minor: UInt32
    /// Its rights, and whose it is inside.
    package let mode: UInt32
    package let user: UInt32
    package let group: UInt32

    package init(
        path: String, kind: Device.NodeKind, major: UInt32, minor: UInt32, mode: UInt32, user: UInt32, group: UInt32
    ) {
        self.path = path
        self.kind = kind
        self.major = major
        self.minor = minor
        self.mode = mode
        self.user = user
        self.group = group
    }

    /// The rule for the control group that lets it be used.
    package var rule: String { "\(kind == .block ? "b" : "c") \(major):\(minor) rwm" }

    /// The node for an instance with these ids; throws for an owner it does not have.
    package func mount(_ ids: IDMap) throws(APIError) -> NodeMount {
        func known(_ key: String, _ id: UInt32, _ found: UInt32?) throws(APIError) -> UInt32 {
            if ids.isEmpty { return id }
            if let found { return found }
            throw .badRequest(
                "Cannot give the instance the device \(path): it has no \(key) \(id). Choose one that its map of ids has"
            )
        }
        return NodeMount(
            isBlock: kind == .block, major: major, minor: minor, mode: mode,
            user: try known("uid", user, ids.user(user)), group: try known("gid", group, ids.group(group)))
    }
}

/// The disks and device nodes that an instance is to have beside its root and what every system needs, by device.
package struct InstanceDevices: Sendable, Equatable {
    package var disks: [String: InstanceDisk]
    package var nodes: [String: [InstanceNode]]

    package init(disks: [String: InstanceDisk] = [:], nodes: [String: [InstanceNode]] = [:]) {
        self.disks = disks
        self.nodes = nodes
    }

    /// The disks in the order they are mounted: one below another comes after it.
    package var disksInOrder: [(name: String, disk: InstanceDisk)] {
        disks.map { ($0.key, $0.value) }.sorted { $0.disk.path.utf8.lexicographicallyPrecedes($1.disk.path.utf8) }
    }
    /// The nodes in the order of their paths.
    package var nodesInOrder: [InstanceNode] {
        nodes.values.joined().sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }
}

/// The disks and device nodes of a run, by device, as they are kept in a file of it: for a lexd that comes after one that
/// fell.
package struct HeldDevices: Sendable, Codable, Equatable {
    package var disks: [String: HeldDisk]
    package var nodes: [String: [InstanceNode]]

    package init(disks: [String: HeldDisk] = [:], nodes: [String: [InstanceNode]] = [:]) {
        self.disks = disks
        self.nodes = nodes
    }

    /// What they are as a wish.
    package var asWanted: InstanceDevices { InstanceDevices(disks: disks.mapValues(\.disk), nodes: nodes) }
}
