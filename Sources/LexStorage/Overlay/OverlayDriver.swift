import CLexLinux
import Glibc
package import LexAPI
import LexHost
import LexIPC
package import Logging
import Synchronization

/// The pool of overlays: an image is unpacked once and never changed again; an instance is a directory of its changes.
///
///     images/FINGERPRINT/{rootfs,metadata.yaml,templates}    layers
///     images/.new-RANDOM/                                    an image being unpacked
///     containers/NAME/{upper,work,backup.yaml}               volumes
///     empty/                                                 the layer of instances made from nothing
///     .removed-RANDOM/                                       what is being removed
///
/// It works on any file system that overlayfs(5) takes as an upper layer, and makes a volume in the time of two
/// mkdir(2).
package struct OverlayDriver: StorageDriver {
    package static let name = "overlay"
    package static let version = "1"

    private let path: String
    private let logger: Logger
    /// Held while what was deleted is removed: a sweep and the end of the pool must not meet in one tree.
    private let removal = Removal()

    private final class Removal: Sendable {
        let lock = Mutex(())
    }

    /// The pool in this directory.
    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    package func createPool() async throws {
        let path = path
        try await blocking {
            if let names = try? directoryNames(path), !names.isEmpty {
                throw APIError.badRequest(
                    "Cannot create a storage pool in \(path): the directory is not empty. Choose another source, or "
                        + "empty it")
            }
            try makeDirectories(path)
            try checked("change the mode of", path) { chmod(path, 0o700) }
            try Self.makeLayout(path)
        }
    }

    private static func makeLayout(_ path: String) throws {
        for name in ["images", "containers", "empty"] { try makeDirectories("\(path)/\(name)") }
        // The layer of an empty instance gives the root directory its mode.
        try checked("change the mode of", "\(path)/empty") { chmod("\(path)/empty", 0o755) }
    }

    package func openPool() async throws {
        let path = path
        let logger = logger
        try await blocking {
            try checkClosedDirectory(path)
            try Self.makeLayout(path)
            for name in try directoryNames(path + "/images") where name.hasPrefix(".") {
                logger.info("removing an image that was not finished", metadata: ["path": "\(path)/images/\(name)"])
                try removeTree("\(path)/images/\(name)")
            }
        }
    }

    package func sweep() async throws {
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

    package func deletePool() async throws {
        let volumes = try await volumes()
        guard volumes.isEmpty else { throw APIError.badRequest("The storage pool is currently in use") }
        let path = path
        let removal = removal
        try await blocking {
            try removal.lock.withLock { _ in
                for name in try directoryNames(path) { try removeTree("\(path)/\(name)") }
            }
            // The directory itself may be a mount point or a person's; then it stays, empty.
            rmdir(path)
        }
    }

    package func resources() async throws -> StoragePool.Resources {
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

    private func layerPath(_ fingerprint: Fingerprint) -> String { "\(path)/images/\(fingerprint)" }

    package func layers() async throws -> Set<String> {
        let path = path
        return try await blocking { Set(try directoryNames(path + "/images").filter { !$0.hasPrefix(".") }) }
    }

    package func hasLayer(_ fingerprint: Fingerprint) async throws -> Bool {
        let layer = layerPath(fingerprint)
        return try await blocking { access(layer, F_OK) == 0 }
    }

    package func beginLayer(_ fingerprint: Fingerprint) async throws -> String {
        let staging = "\(path)/images/.new-\(randomName())"
        try await blocking { try makeDirectories(staging) }
        return staging
    }

    package func finishLayer(_ fingerprint: Fingerprint, from staging: String) async throws -> Bool {
        let layer = layerPath(fingerprint)
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

    package func deleteLayer(_ fingerprint: Fingerprint) async throws { try await remove(layerPath(fingerprint)) }

    package func discard(staging: String) async throws { try await blocking { try removeTree(staging) } }

    // MARK: volumes

    private func volumePath(_ volume: VolumeName) -> String { "\(path)/containers/\(volume)" }

    package func volumes() async throws -> Set<VolumeName> {
        let path = path
        return try await blocking { Set(try directoryNames(path + "/containers").map { VolumeName(onDisk: $0) }) }
    }

    package func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws {
        let directory = volumePath(volume)
        let lower = fingerprint.map { layerPath($0) + "/rootfs" } ?? "\(path)/empty"
        try await blocking {
            try checked("make directory", directory) { mkdir(directory, 0o700) }
            do {
                try checked("make directory", "\(directory)/work") { mkdir("\(directory)/work", 0o700) }
                // The merged root directory takes its owner and mode from the upper one.
                var status = stat()
                try checked("look at", lower) { lstat(lower, &status) }
                let upper = "\(directory)/upper"
                try checked("make directory", upper) { mkdir(upper, 0o700) }
                try checked("change the owner of", upper) { lchown(upper, status.st_uid, status.st_gid) }
                try checked("change the mode of", upper) { chmod(upper, status.st_mode & 0o7777) }
            } catch {
                // Only what was made here: a volume that was there already is somebody's.
                try? removeTree(directory)
                throw error
            }
        }
    }

    package func delete(_ volume: VolumeName) async throws { try await remove(volumePath(volume)) }

    package func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource {
        RootSource(
            lowerDirectories: [fingerprint.map { layerPath($0) + "/rootfs" } ?? "\(path)/empty"],
            dataDirectory: volumePath(volume))
    }

    package func usage(of volume: VolumeName) async throws -> ByteSize {
        let upper = volumePath(volume) + "/upper"
        return try await blockingInBackground { ByteSize(bytes: try treeSize(upper)) }
    }

    package func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws {
        let file = volumePath(volume) + "/backup.yaml.prepared"
        try await blocking { try replaceFile(file, bytes) }
    }

    package func finishBackup(of volume: VolumeName) async throws {
        let file = volumePath(volume) + "/backup.yaml"
        try await blocking { try checked("rename to", file) { rename(file + ".prepared", file) } }
    }

    package func hasBackup(_ volume: VolumeName) async throws -> Bool {
        let file = volumePath(volume) + "/backup.yaml"
        return try await blocking { access(file, F_OK) == 0 }
    }

    package func removeBackup(of volume: VolumeName) async throws {
        let file = volumePath(volume) + "/backup.yaml"
        try await blocking { _ = unlink(file) }
    }

    /// Takes a tree out of sight at once; `sweep` gives its space back.
    private func remove(_ tree: String) async throws {
        let aside = "\(path)/.removed-\(randomName())"
        try await blocking {
            if rename(tree, aside) != 0, errno != ENOENT { throw SystemError("rename", tree) }
        }
    }
}

private func randomName() -> String {
    String(UInt64.random(in: .min ... .max), radix: 36)
}
