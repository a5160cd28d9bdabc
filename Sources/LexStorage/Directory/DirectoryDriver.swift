import CLexLinux
import Glibc
package import LexAPI
import LexHost
package import LexIPC
package import Logging

/// The pool of plain directories: an instance has all of its files for itself, copied from its image.
///
///     containers/NAME/{rootfs,backup.yaml}
///     containers/NAME/shifted/{rootfs,owners}       in place of rootfs, see StoredRoot
///     containers/NAME/snapshots/SNAPSHOT/rootfs
///
/// A file system that can (btrfs, xfs) shares the contents of the copies, so that one takes time but hardly space; on
/// others all is copied. The rest of the pool is as in ``PoolDirectory``.
package struct DirectoryDriver: PoolDirectoryDriver {
    package static let name = "dir"
    package static let version = "1"

    package let pool: PoolDirectory

    /// The pool in this directory.
    package init(path: String, logger: Logger) { pool = PoolDirectory(path, logger: logger) }

    /// Where the files of a volume lie, and for which ids. It waits on the disk.
    private func stored(_ volume: VolumeName) throws -> (path: String, owners: IDMap) {
        let directory = pool.place(of: volume)
        guard volume.isRoot else { return (directory, .none) }
        let root = try StoredRoot(in: directory)
        return (root.path, root.owners)
    }

    package func partsOfRoot(in directory: String) throws -> [String] { [try StoredRoot(in: directory).path] }

    package func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws {
        guard volume.isRoot else { return try await pool.createCustom(volume) }
        let layer = pool.layer(fingerprint)
        try await createRoot(volume) { (layer, .none) }
    }

    package func copy(_ volume: VolumeName, to new: VolumeName) async throws {
        guard volume.isRoot else { return try await pool.copyCustom(volume, to: new) }
        let driver = self
        try await createRoot(new) { try driver.stored(volume) }
    }

    package func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws {
        guard volume.isRoot else { return try await pool.restore(volume, from: snapshot) }
        let driver = self
        try await replaceRoot(of: volume) { directory, links, isCancelled in
            let (source, owners) = try driver.stored(snapshot)
            try PoolDirectory.copyPlain(
                source, to: directory, owners: OwnerChange(from: owners, to: .none), links: links,
                isCancelled: isCancelled)
        }
    }

    private typealias Make =
        @Sendable (_ directory: String, _ links: String, _ isCancelled: @escaping @Sendable () -> Bool) throws -> Void

    private func createRoot(
        _ volume: VolumeName, _ source: @escaping @Sendable () throws -> (path: String, owners: IDMap)
    ) async throws {
        try await pool.stage(volume) { directory, links, isCancelled in
            let (path, owners) = try source()
            try checked("make directory", directory) { mkdir(directory, 0o700) }
            try PoolDirectory.copyPlain(
                path, to: directory + "/rootfs", owners: OwnerChange(from: owners, to: .none), links: links,
                isCancelled: isCancelled)
        }
    }

    /// Makes the root again, stored with the ids its files have inside.
    private func replaceRoot(of volume: VolumeName, _ make: @escaping Make) async throws {
        let directory = pool.place(of: volume)
        guard try await blocking({ try settle(directory).isShifted }) else {
            return try await pool.replace(directory + "/rootfs", make)
        }
        let aside = pool.newAside()
        try await pool.stage(
            at: directory + "/rootfs",
            place: { made, target in
                try PoolDirectory.placeNew(made, target)
                // Until now that one counted.
                try checked("put aside", directory) {
                    Glibc.rename("\(directory)/\(StoredRoot.shiftedName)", aside)
                }
            }, make)
    }

    /// Puts aside what a change that was cut short left, and answers what counts.
    @discardableResult
    private func settle(_ directory: String) throws -> StoredRoot {
        let root = try StoredRoot(in: directory)
        if root.isShifted, Glibc.rename("\(directory)/rootfs", pool.newAside()) != 0, errno != ENOENT {
            throw SystemError("put aside", "\(directory)/rootfs")
        }
        return root
    }

    package func owners(of volume: VolumeName) async throws -> IDMap {
        let driver = self
        return try await blocking { try driver.stored(volume).owners }
    }

    package func setOwners(of volume: VolumeName, to owners: IDMap) async throws {
        guard volume.kind == .instance else { return }
        let directory = pool.place(of: volume)
        let root = try await blocking { try settle(directory) }
        if root.owners == owners { return }
        if owners.isEmpty {
            return try await replaceRoot(of: volume) { made, links, isCancelled in
                try PoolDirectory.copyPlain(
                    root.path, to: made, owners: OwnerChange(from: root.owners, to: .none), links: links,
                    isCancelled: isCancelled)
            }
        }
        let target = "\(directory)/\(StoredRoot.shiftedName)"
        let make: Make = { made, links, isCancelled in
            try root.store(in: made, for: owners, links: links, isCancelled: isCancelled)
        }
        if root.isShifted { return try await pool.replace(target, make) }
        try await pool.stage(at: target, place: PoolDirectory.placeNew, make)
        try await blocking { try settle(directory) }
    }

    package func create(_ volume: VolumeName, holding tree: VolumeTree) async throws {
        let isInstance = volume.isRoot
        try await pool.stage(volume) { directory, links, isCancelled in
            if isInstance { try checked("make directory", directory) { mkdir(directory, 0o700) } }
            try PoolDirectory.copyPlain(
                tree, to: isInstance ? directory + "/rootfs" : directory, links: links, isCancelled: isCancelled)
        }
    }

    package func tree(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> VolumeTree {
        let driver = self
        return try await blocking {
            let (path, owners) = try driver.stored(volume)
            return VolumeTree(try OwnedDescriptor.directory(path), path: path, owners: owners)
        }
    }

    package func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource {
        let driver = self
        let (path, owners) = try await blocking { try driver.stored(volume) }
        return owners.isEmpty ? .directory(path) : .shiftedDirectory(path)
    }

    package func usage(of volume: VolumeName) async throws -> ByteSize {
        let driver = self
        return try await pool.usage(of: try await blocking { try driver.stored(volume).path })
    }
}
