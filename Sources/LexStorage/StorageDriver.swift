package import LexAPI
package import LexIPC

/// Where the files of instances and images lie: one pool, in the words of one driver.
///
/// A **layer** is the unpacked content of an image: read-only, shared by every instance made from it, known by the
/// image's fingerprint. A **volume** is what belongs to one instance: its own changes over a layer, or all of its files.
/// A **custom volume** is a directory that instances are given beside their roots. Both kinds of volumes may have
/// **snapshots**: what they were at a moment, each a volume by itself that nothing changes. Files are stored with the ids
/// they have inside the instance, and the mounts of a start do the shifting; where they cannot, an instance's root is
/// stored for its ids (``setOwners(of:to:)``).
///
///     let staging = try await driver.beginLayer(fingerprint)      // an empty directory to unpack into
///     try await driver.finishLayer(fingerprint, from: staging)    // now it is there, all at once
///     try await driver.create(VolumeName("web"), from: fingerprint)
///     let root = try await driver.root(of: VolumeName("web"), from: fingerprint)
///     try await driver.copy(VolumeName("web"), to: VolumeName("web2"))
///     try await driver.takeSnapshot(VolumeName("web").snapshot("before"), of: VolumeName("web"), from: fingerprint)
///     try await driver.restore(VolumeName("web"), from: VolumeName("web").snapshot("before"))
///     try await driver.delete(VolumeName("web"))                  // gone for users at once
///     try await driver.sweep()                                    // and now its space is free
///
/// A driver knows its own pool and nothing else: no store, no operations, no other pool. After a crash `openPool`
/// removes what was half made or half removed. Blocking work never runs on Swift's async threads.
package protocol StorageDriver: Sendable {
    /// The name on the wire.
    static var name: String { get }
    /// The version on the wire.
    static var version: String { get }

    /// Makes the pool's directories; throws when something lies there already.
    func createPool() async throws
    /// Checks that the pool is closed to everybody but root, and sweeps up after a crash.
    func openPool() async throws
    /// Removes the pool, which must be empty of volumes. Its directory stays: it may be somebody's.
    func deletePool() async throws
    /// Gives back the space of what was deleted; that may take its time.
    func sweep() async throws
    /// How much room there is.
    func resources() async throws -> StoragePool.Resources

    /// The layers that are complete.
    func layers() async throws -> Set<String>
    /// Whether an image's layer is there, complete.
    func hasLayer(_ fingerprint: Fingerprint) async throws -> Bool
    /// An empty directory to unpack an image into.
    func beginLayer(_ fingerprint: Fingerprint) async throws -> String
    /// Makes what was unpacked the image's layer. False when there is one already, which then stays: the same
    /// fingerprint is the same content, and instances may stand on it.
    func finishLayer(_ fingerprint: Fingerprint, from staging: String) async throws -> Bool
    /// The directory a layer was unpacked into, which holds the image's metadata and templates beside its root.
    func layerDirectory(_ fingerprint: Fingerprint) async throws -> String
    /// Removes a staging directory, or a layer no volume stands on.
    func deleteLayer(_ fingerprint: Fingerprint) async throws
    /// Removes what was unpacked and is not wanted.
    func discard(staging: String) async throws

    /// The volumes of instances there are.
    func volumes() async throws -> Set<VolumeName>
    /// Makes an instance's volume over an image's layer or over nothing, or an empty custom volume.
    func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws
    /// Makes a volume with the same files, over the same layer: whole or not at all. The copy of the settings is not
    /// among them, nor are snapshots. The source is not to be written to meanwhile, or the copy is of no one moment.
    /// Either may be a snapshot.
    func copy(_ volume: VolumeName, to new: VolumeName) async throws
    /// The files of a volume as who has it sees them, to read: for a copy into another pool.
    func tree(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> VolumeTree
    /// Makes a volume that holds a copy of these files, over no layer; whole or not at all.
    func create(_ volume: VolumeName, holding tree: VolumeTree) async throws
    /// Makes a snapshot of a volume that is neither written to nor mounted, at once where the driver can: whole or not at
    /// all. What ``root(of:from:)`` said of the volume counts no more.
    func takeSnapshot(_ snapshot: VolumeName, of volume: VolumeName, from fingerprint: Fingerprint?) async throws
    /// Makes a volume what a snapshot of it is; whole or not at all. An instance's must not be mounted, and what
    /// ``root(of:from:)`` said of it counts no more.
    func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws
    /// Gives a volume another name, its snapshots with it; one that is taken is an error. Its mounts stay.
    func rename(_ volume: VolumeName, to new: VolumeName) async throws
    /// Removes a volume with its snapshots.
    func delete(_ volume: VolumeName) async throws
    /// What has to be mounted for an instance's root, or for a custom volume. Snapshots are not mounted.
    func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource
    /// The ids an instance's root is stored for; none for those its files have inside.
    func owners(of volume: VolumeName) async throws -> IDMap
    /// Stores an instance's root, which is not mounted, for these ids; whole or not at all. What ``root(of:from:)`` said of
    /// it counts no more.
    func setOwners(of volume: VolumeName, to owners: IDMap) async throws
    /// The directories of an instance's volume that lie beside its root, by their places in it: for what must not lie on
    /// the driver's own kind of file system.
    ///
    /// - Parameter making: Whether those are made that are not there and in whose place the root has nothing.
    func plainDirectories(
        of volume: VolumeName, from fingerprint: Fingerprint?, making: Bool
    ) async throws -> [String: String]
    /// Limits what an instance's root or a custom volume may hold by itself, without its layer; nil for no limit. To be
    /// said again when a volume that was not mounted is mounted, and when its files were replaced. Throws
    /// `QuotaUnavailable` where nothing can limit it.
    func limit(_ volume: VolumeName, to size: ByteSize?) async throws
    /// The bytes a volume takes by itself, without its layer.
    func usage(of volume: VolumeName) async throws -> ByteSize
    /// Writes the copy of an instance's settings that lies beside its files; it counts after `finishBackup`.
    func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws
    /// Makes what was prepared the copy, which needs no space.
    func finishBackup(of volume: VolumeName) async throws
    /// Whether a volume has such a copy: without one it was never finished.
    func hasBackup(_ volume: VolumeName) async throws -> Bool
    /// Whether a newer copy was begun and not finished: the one that is there is out of date then.
    func hasUnfinishedBackup(_ volume: VolumeName) async throws -> Bool
    /// Removes that copy: the first step of a deletion.
    func removeBackup(of volume: VolumeName) async throws
}

/// The name of a volume in a pool: an instance's, a custom volume's, or that of a snapshot of either.
package struct VolumeName: Sendable, Hashable, CustomStringConvertible {
    /// What a volume is for.
    package enum Kind: Sendable {
        /// The root of an instance.
        case instance
        /// Files that instances are given beside their roots.
        case custom
        /// A custom volume as it was at a moment.
        case snapshot
        /// The root of an instance as it was at a moment.
        case instanceSnapshot
    }
    /// What it is for.
    package let kind: Kind
    /// The name on disk; for a snapshot its volume's, a slash, and its own.
    package let text: String

    /// An instance's: its name, with its project's before it when that is not `default`.
    package init(project: String, instance: InstanceName) {
        kind = .instance
        text = project == Project.defaultName ? instance.text : "\(project)_\(instance.text)"
    }
    /// A custom volume's. The name must be one by ``ObjectName``; no project's name has an underscore in it.
    package init(project: String, custom name: String) {
        kind = .custom
        text = "\(project)_\(name)"
    }
    /// A name found on disk; the caller has made sure that it is a plain file name.
    init(instanceOnDisk text: String) {
        kind = .instance
        self.text = text
    }
    private init(kind: Kind, text: String) {
        self.kind = kind
        self.text = text
    }

    /// A snapshot of this volume. The name must be one by ``ObjectName``.
    package func snapshot(_ name: String) -> VolumeName {
        VolumeName(kind: kind == .instance ? .instanceSnapshot : .snapshot, text: "\(text)/\(name)")
    }

    /// Whether it is an instance's root, now or at a moment.
    var isRoot: Bool { kind == .instance || kind == .instanceSnapshot }

    /// The volume that a snapshot is of, and else the volume itself.
    private var owner: Substring { text.prefix { $0 != "/" } }

    /// Where it lies below the pool's directory.
    var directory: String {
        switch kind {
        case .instance: "containers/\(text)"
        case .custom: "custom/\(text)"
        case .snapshot: "custom-snapshots/\(text)"
        // Inside the volume: they go where it goes, and with it, in one step.
        case .instanceSnapshot: "\(snapshotsDirectory)\(text.dropFirst(owner.count))"
        }
    }
    /// Where the snapshots of a volume lie, or those beside a snapshot.
    var snapshotsDirectory: String {
        isRoot ? "containers/\(owner)/snapshots" : "custom-snapshots/\(owner)"
    }

    package var description: String { text }
}

/// The files of a volume, open to be read.
package final class VolumeTree: Sendable {
    /// The directory they lie in.
    package let root: OwnedDescriptor
    /// Its name in errors.
    package let path: String
    /// What lies beside the root and belongs into it, by its place there, without a slash at the beginning.
    let beside: [String: VolumeTree]
    /// The ids they are stored for; none for those they have inside.
    let owners: IDMap

    init(
        _ root: consuming OwnedDescriptor, path: String, beside: [String: VolumeTree] = [:], owners: IDMap = .none
    ) {
        self.owners = owners
        self.root = root
        self.path = path
        self.beside = beside
    }
}

/// What an instance's root is mounted from.
package enum RootSource: Sendable, Equatable {
    /// An overlay: the read-only directories, the topmost first, and the directory that holds `upper` and `work`.
    case overlay(lowerDirectories: [String], dataDirectory: String)
    /// A plain directory.
    case directory(String)
    /// One whose files are stored for the instance's ids.
    case shiftedDirectory(String)

    /// The mount, hung below a directory private to the instance.
    package func mount(below directory: String) -> RootMount {
        switch self {
        case .overlay(let lowers, let data):
            RootMount(lowerDirectories: lowers, dataDirectory: data, mountDirectory: directory)
        case .directory(let path): RootMount(directory: path, mountDirectory: directory)
        case .shiftedDirectory(let path): RootMount(directory: path, mountDirectory: directory, isShifted: true)
        }
    }
}
