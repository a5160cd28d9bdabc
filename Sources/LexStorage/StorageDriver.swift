package import LexAPI
package import LexIPC

/// Where the files of instances and images lie: one pool, in the words of one driver.
///
/// A **layer** is the unpacked content of an image: read-only, shared by every instance made from it, known by the
/// image's fingerprint. A **volume** is what belongs to one instance: its own changes over a layer, or all of its files.
/// Files are stored with the ids they have inside the instance; the mounts of a start do the shifting.
///
///     let staging = try await driver.beginLayer(fingerprint)      // an empty directory to unpack into
///     try await driver.finishLayer(fingerprint, from: staging)    // now it is there, all at once
///     try await driver.create(VolumeName("web"), from: fingerprint)
///     let root = try await driver.root(of: VolumeName("web"), from: fingerprint)
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
    /// Removes the pool, which must be empty of volumes.
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
    /// Removes a staging directory, or a layer no volume stands on.
    func deleteLayer(_ fingerprint: Fingerprint) async throws
    /// Removes what was unpacked and is not wanted.
    func discard(staging: String) async throws

    /// The volumes there are.
    func volumes() async throws -> Set<VolumeName>
    /// Makes a volume over an image's layer, or over nothing.
    func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws
    /// Removes a volume.
    func delete(_ volume: VolumeName) async throws
    /// What has to be mounted for an instance's root.
    func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource
    /// The bytes a volume takes by itself, without its layer.
    func usage(of volume: VolumeName) async throws -> ByteSize
    /// Writes the copy of an instance's settings that lies beside its files; it counts after `finishBackup`.
    func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws
    /// Makes what was prepared the copy, which needs no space.
    func finishBackup(of volume: VolumeName) async throws
    /// Whether a volume has such a copy: without one it was never finished.
    func hasBackup(_ volume: VolumeName) async throws -> Bool
    /// Removes that copy: the first step of a deletion.
    func removeBackup(of volume: VolumeName) async throws
}

/// The name of a volume: the instance's, with its project's before it when that is not `default`.
package struct VolumeName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init(project: String, instance: InstanceName) {
        text = project == Project.defaultName ? instance.text : "\(project)_\(instance.text)"
    }
    /// A name found on disk; the caller has made sure that it is a plain file name.
    init(onDisk text: String) { self.text = text }

    package var description: String { text }
}

/// What an instance's root is mounted from.
package struct RootSource: Sendable, Equatable {
    /// The read-only directories, the topmost first.
    package let lowerDirectories: [String]
    /// The directory that holds `upper` and `work`.
    package let dataDirectory: String

    package init(lowerDirectories: [String], dataDirectory: String) {
        self.lowerDirectories = lowerDirectories
        self.dataDirectory = dataDirectory
    }

    /// The mount, hung below a directory private to the instance.
    package func mount(below directory: String) -> OverlayMount {
        OverlayMount(lowerDirectories: lowerDirectories, dataDirectory: dataDirectory, mountDirectory: directory)
    }
}
