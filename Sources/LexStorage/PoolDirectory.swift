import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import Logging
import Synchronization

/// The directory of a pool, and what all drivers have in common that keep plain directories there.
///
///     images/FINGERPRINT/{rootfs,metadata.yaml,templates}    layers
///     images/.new-RANDOM/                                    an image being unpacked
///     containers/NAME/                                       volumes of instances, as the driver arranges them
///     containers/NAME/snapshots/SNAPSHOT/                    snapshots of those
///     custom/PROJECT_NAME/                                   custom volumes: their files themselves
///     custom-snapshots/PROJECT_NAME/SNAPSHOT/                snapshots of those
///     empty/                                                 the layer of instances made from nothing
///     .new-RANDOM/                                           a volume being made
///     .removed-RANDOM/                                       what is being removed
///
/// A volume is made aside and then renamed: it is there whole or not at all.
package struct PoolDirectory: Sendable {
    private let layout: [String]

    let path: String
    private let logger: Logger
    /// Held while what was deleted is removed: a sweep and the end of the pool must not meet in one tree.
    private let removal = Removal()

    private final class Removal: Sendable {
        let lock = Mutex(())
    }

    /// - Parameter parts: Directories of the driver's own beside those that all have.
    init(_ path: String, logger: Logger, parts: [String] = []) {
        layout = ["images", "containers", "custom", "custom-snapshots", "empty"] + parts
        self.path = path
        self.logger = logger
    }

    func create() async throws {
        let path = path
        let layout = layout
        try await blocking {
            if let names = try? directoryNames(path), !names.isEmpty {
                throw APIError.badRequest(
                    "Cannot create a storage pool in \(path): the directory is not empty. Choose another source, or "
                        + "empty it")
            }
            try makeDirectories(path)
            try checked("change the mode of", path) { chmod(path, 0o700) }
            try Self.make(layout, in: path)
        }
    }

    private static func make(_ layout: [String], in path: String) throws {
        for name in layout { try makeDirectories("\(path)/\(name)") }
        // The layer of an empty instance gives the root directory its mode.
        try checked("change the mode of", "\(path)/empty") { chmod("\(path)/empty", 0o755) }
    }

    func open() async throws {
        let path = path
        let logger = logger
        let layout = layout
        try await blocking {
            // Where its file system is not mounted nothing is made: the pool would begin anew in the mount point.
            guard access(path + "/images", F_OK) == 0, access(path + "/containers", F_OK) == 0 else {
                guard errno == ENOENT else { throw SystemError("look at", path) }
                throw APIError.failed("there is no pool in \(path). Mount the file system it lies on")
            }
            try checkClosedDirectory(path)
            try Self.make(layout, in: path)
            for directory in [path, path + "/images"] {
                for name in try directoryNames(directory) where name.hasPrefix(".new-") {
                    logger.info("removing what was not finished", metadata: ["path": "\(directory)/\(name)"])
                    try removeTree("\(directory)/\(name)")
                }
            }
        }
    }

    func sweep() async throws {
        let path = path
        let removal = removal
        try await blocking {
            try removal.lock.withLock { _ in
                for name in try directoryNames(path) where name.hasPrefix(".removed-") {
                    try removeTree("\(path)/\(name)")
                }
            }
        }
    }

    func delete() async throws {
        let path = path
        let left = try await blocking {
            try ["containers", "custom"].flatMap { part in try directoryNames("\(path)/\(part)").map { "\(part)/\($0)" }
            }
        }
        guard left.isEmpty else {
            throw APIError.badRequest(
                "The storage pool is currently in use: in \(path) are still "
                    + left.sorted().prefix(5).joined(separator: ", ") + (left.count > 5 ? " and more" : ""))
        }
        let removal = removal
        let layout = layout
        try await blocking {
            try removal.lock.withLock { _ in
                // What else lies there is somebody's: only what is ours goes.
                for name in try directoryNames(path)
                where layout.contains(name) || name.hasPrefix(".removed-") || name.hasPrefix(".new-") {
                    try removeTree("\(path)/\(name)")
                }
            }
        }
    }

    func resources() async throws -> StoragePool.Resources {
        let path = path
        return try await blocking {
            let directory = try OwnedDescriptor.directory(path)
            var total: UInt64 = 0
            var available: UInt64 = 0
            var inodes: UInt64 = 0
            var inodesFree: UInt64 = 0
            var magic: Int64 = 0
            try checked("look at the file system of", path) {
                lex_file_system_space(directory.number, &total, &available, &inodes, &inodesFree, &magic)
            }
            return StoragePool.Resources(
                space: .init(used: total - min(available, total), total: total),
                inodes: .init(used: inodes - min(inodesFree, inodes), total: inodes))
        }
    }

    // MARK: layers

    func layer(_ fingerprint: Fingerprint?) -> String {
        fingerprint.map { "\(path)/images/\($0)/rootfs" } ?? "\(path)/empty"
    }

    func layers() async throws -> Set<String> {
        let path = path
        return try await blocking { Set(try directoryNames(path + "/images").filter { !$0.hasPrefix(".") }) }
    }

    func hasLayer(_ fingerprint: Fingerprint) async throws -> Bool {
        let layer = "\(path)/images/\(fingerprint)"
        return try await blocking { access(layer, F_OK) == 0 }
    }

    func beginLayer() async throws -> String {
        let staging = "\(path)/images/.new-\(Self.randomName())"
        try await blocking { try makeDirectories(staging) }
        return staging
    }

    func finishLayer(_ fingerprint: Fingerprint, from staging: String) async throws -> Bool {
        let layer = "\(path)/images/\(fingerprint)"
        return try await blocking {
            let directory = try OwnedDescriptor.directory(staging)
            // On disk before it has its name: after a crash a layer is whole or not there.
            try checked("write out", staging) { lex_syncfs(directory.number) }
            if lex_rename_new(AT_FDCWD, staging, AT_FDCWD, layer) == 0 { return true }
            guard errno == EEXIST else { throw SystemError("rename", staging) }
            // Instances still stand on the layer of an image that was deleted and is back: the same fingerprint is the
            // same content.
            try removeTree(staging)
            return false
        }
    }

    func deleteLayer(_ fingerprint: Fingerprint) async throws { try await remove("\(path)/images/\(fingerprint)") }

    func discard(staging: String) async throws { try await blocking { try removeTree(staging) } }

    // MARK: volumes

    func place(of volume: VolumeName) -> String { "\(path)/\(volume.directory)" }

    func volumes() async throws -> Set<VolumeName> {
        let path = path
        return try await blocking {
            Set(try directoryNames(path + "/containers").map { VolumeName(instanceOnDisk: $0) })
        }
    }

    /// Makes a volume: `make` is given a path where nothing is, for its directory, and another beside it for what a
    /// copy of files has to remember.
    func stage(
        _ volume: VolumeName,
        _ make:
            @escaping @Sendable (_ directory: String, _ links: String, _ isCancelled: @escaping @Sendable () -> Bool)
            throws -> Void
    ) async throws {
        try await stage(at: place(of: volume), place: Self.placeNew, make)
    }

    /// Makes a directory of the pool again, as a whole: what was there goes aside.
    func replace(
        _ target: String,
        _ make:
            @escaping @Sendable (_ directory: String, _ links: String, _ isCancelled: @escaping @Sendable () -> Bool)
            throws -> Void
    ) async throws {
        let aside = newAside()
        try await stage(
            at: target,
            place: { made, target in
                try checked("exchange", target) { lex_exchange(AT_FDCWD, made, AT_FDCWD, target) }
                try checked("put aside", target) { Glibc.rename(made, aside) }
            }, make)
    }

    /// Makes a directory of the pool aside; `place` then puts it where it belongs.
    func stage(
        at target: String, place: @escaping @Sendable (_ made: String, _ target: String) throws -> Void,
        _ make:
            @escaping @Sendable (_ directory: String, _ links: String, _ isCancelled: @escaping @Sendable () -> Bool)
            throws -> Void
    ) async throws {
        let staging = newStaging()
        try await copying { isCancelled in
            do {
                try checked("make directory", staging) { mkdir(staging, 0o700) }
                try make(staging + "/volume", staging + "/links", isCancelled)
                try place(staging + "/volume", target)
            } catch {
                try? removeTree(staging)
                if (error as? SystemError)?.code == ECANCELED { throw CancellationError() }
                throw error
            }
            if rmdir(staging) != 0 { try removeTree(staging) }
        }
    }

    /// Gives what was made its place, where nothing is yet.
    static let placeNew: @Sendable (String, String) throws -> Void = { made, target in
        if lex_rename_new(AT_FDCWD, made, AT_FDCWD, target) == 0 { return }
        guard errno == ENOENT else { throw SystemError("rename to", target) }
        // The first snapshot of a volume.
        let parent = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? target
        if mkdir(parent, 0o700) != 0, errno != EEXIST { throw SystemError("make directory", parent) }
        try checked("rename to", target) { lex_rename_new(AT_FDCWD, made, AT_FDCWD, target) }
    }

    func rename(_ volume: VolumeName, to new: VolumeName) async throws {
        let (old, target) = (place(of: volume), place(of: new))
        let snapshots: (old: String, new: String)? =
            volume.kind == .custom
            ? ("\(path)/\(volume.snapshotsDirectory)", "\(path)/\(new.snapshotsDirectory)") : nil
        try await blocking {
            try checked("rename to", target) { lex_rename_new(AT_FDCWD, old, AT_FDCWD, target) }
            guard let snapshots else { return }
            // Left behind by snapshots that are gone.
            rmdir(snapshots.new)
            if lex_rename_new(AT_FDCWD, snapshots.old, AT_FDCWD, snapshots.new) == 0 || errno == ENOENT { return }
            let error = SystemError("rename to", snapshots.new)
            _ = lex_rename_new(AT_FDCWD, target, AT_FDCWD, old)
            throw error
        }
    }

    /// Takes a volume out of sight at once; `sweep` gives its space back.
    func delete(_ volume: VolumeName) async throws {
        try await remove(place(of: volume))
        guard volume.kind != .instance else { return }
        let snapshots = "\(path)/\(volume.snapshotsDirectory)"
        // The last snapshot takes their directory with it, a custom volume whatever snapshots there are.
        if volume.kind == .custom { try await remove(snapshots) } else { try await blocking { _ = rmdir(snapshots) } }
    }

    func usage(of directory: String) async throws -> ByteSize {
        try await blockingInBackground { ByteSize(bytes: try treeSize(directory)) }
    }

    // MARK: custom volumes

    /// An empty custom volume, that everybody inside may pass through.
    func createCustom(_ volume: VolumeName) async throws {
        try await stage(volume) { directory, _, _ in
            try checked("make directory", directory) { mkdir(directory, 0o711) }
            try checked("change the mode of", directory) { chmod(directory, 0o711) }
        }
    }

    /// A custom volume or a snapshot of one, from the other or from another volume.
    func copyCustom(_ volume: VolumeName, to new: VolumeName) async throws {
        let source = place(of: volume)
        try await stage(new) { try Self.copyPlain(source, to: $0, links: $1, isCancelled: $2) }
    }

    func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws {
        let source = place(of: snapshot)
        try await replace(place(of: volume)) { try Self.copyPlain(source, to: $0, links: $1, isCancelled: $2) }
    }

    static func copyPlain(
        _ source: String, to directory: String, owners: OwnerChange = .none, links: String,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws {
        try TreeCopy(linkDirectory: links, overlayAttributes: .dropped, owners: owners, isCancelled: isCancelled)
            .copy(source, to: directory)
    }

    static func copyPlain(
        _ tree: VolumeTree, to directory: String, links: String, isCancelled: @escaping @Sendable () -> Bool
    ) throws {
        let owners = OwnerChange(from: tree.owners, to: .none)
        try TreeCopy(linkDirectory: links, overlayAttributes: .dropped, owners: owners, isCancelled: isCancelled)
            .copy(tree.root, of: tree.path, to: directory)
        for (place, tree) in tree.beside {
            // No link of the guest's is followed: the directory it is mounted on was reached without one.
            let root = try OwnedDescriptor.directory(directory)
            let (parent, name) = PlainDirectories.parts(of: place)
            let opened = OwnedDescriptor(
                taking: try checked("find the place of", tree.path) {
                    lex_open_no_links(root.number, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
                })
            try checked("make room for", tree.path) {
                unlinkat(opened.number, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1
            }
            try TreeCopy(linkDirectory: links, overlayAttributes: .dropped, isCancelled: isCancelled)
                .copy(tree.root, of: tree.path, to: "/proc/self/fd/\(opened.number)/\(name)")
        }
    }

    // MARK: the copy of an instance's settings

    private func backup(of volume: VolumeName) -> String { place(of: volume) + "/backup.yaml" }

    func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws {
        let file = backup(of: volume) + ".prepared"
        try await blocking { try replaceFile(file, bytes) }
    }

    func finishBackup(of volume: VolumeName) async throws {
        let file = backup(of: volume)
        try await blocking { try checked("rename to", file) { Glibc.rename(file + ".prepared", file) } }
    }

    func hasBackup(_ volume: VolumeName) async throws -> Bool {
        let file = backup(of: volume)
        return try await blocking { access(file, F_OK) == 0 }
    }

    func hasUnfinishedBackup(_ volume: VolumeName) async throws -> Bool {
        let file = backup(of: volume) + ".prepared"
        return try await blocking { access(file, F_OK) == 0 || access(file + ".new", F_OK) == 0 }
    }

    func removeBackup(of volume: VolumeName) async throws {
        let file = backup(of: volume)
        try await blocking { _ = unlink(file) }
    }

    private func remove(_ tree: String) async throws {
        let aside = newAside()
        try await blocking {
            // Its number is another's one day. Where this fails no more is lost than the number.
            try? ProjectQuota.lift(of: tree)
            if Glibc.rename(tree, aside) != 0, errno != ENOENT { throw SystemError("rename", tree) }
        }
    }

    /// A path for what is made, which a crash leaves to the next `open`.
    func newStaging() -> String { "\(path)/.new-\(Self.randomName())" }
    /// A path for what is not needed any more, until the next `sweep`.
    func newAside() -> String { "\(path)/.removed-\(Self.randomName())" }

    static func randomName() -> String {
        String(UInt64.random(in: .min ... .max), radix: 36)
    }
}
