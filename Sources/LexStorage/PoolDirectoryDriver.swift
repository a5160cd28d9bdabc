package import LexAPI
import LexHost
package import LexIPC

/// A driver whose pool is a ``PoolDirectory``: what is the same whatever an instance's directory holds.
package protocol PoolDirectoryDriver: StorageDriver {
    /// The pool.
    var pool: PoolDirectory { get }
    /// The directories that hold what belongs to an instance's root. It waits on the disk.
    func partsOfRoot(in directory: String) throws -> [String]
}

// What each is for is said in ``StorageDriver``.
extension PoolDirectoryDriver {
    package func createPool() async throws { try await pool.create() }
    package func openPool() async throws { try await pool.open() }
    package func deletePool() async throws { try await pool.delete() }
    package func sweep() async throws { try await pool.sweep() }
    package func resources() async throws -> StoragePool.Resources { try await pool.resources() }

    package func layers() async throws -> Set<String> { try await pool.layers() }
    package func hasLayer(_ fingerprint: Fingerprint) async throws -> Bool { try await pool.hasLayer(fingerprint) }
    package func beginLayer(_ fingerprint: Fingerprint) async throws -> String { try await pool.beginLayer() }
    package func finishLayer(_ fingerprint: Fingerprint, from staging: String) async throws -> Bool {
        try await pool.finishLayer(fingerprint, from: staging)
    }
    package func layerDirectory(_ fingerprint: Fingerprint) async throws -> String {
        "\(pool.path)/images/\(fingerprint)"
    }
    package func deleteLayer(_ fingerprint: Fingerprint) async throws { try await pool.deleteLayer(fingerprint) }
    package func discard(staging: String) async throws { try await pool.discard(staging: staging) }

    package func volumes() async throws -> Set<VolumeName> { try await pool.volumes() }
    package func takeSnapshot(
        _ snapshot: VolumeName, of volume: VolumeName, from fingerprint: Fingerprint?
    ) async throws {
        try await copy(volume, to: snapshot)
    }
    package func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws {
        try await pool.restore(volume, from: snapshot)
    }
    package func rename(_ volume: VolumeName, to new: VolumeName) async throws {
        try await pool.rename(volume, to: new)
    }
    package func delete(_ volume: VolumeName) async throws { try await pool.delete(volume) }

    package func owners(of volume: VolumeName) async throws -> IDMap { .none }
    package func setOwners(of volume: VolumeName, to owners: IDMap) async throws {
        guard owners.isEmpty else {
            throw APIError.badRequest(
                "In an instance the kernel mounts nothing with other ids, and a pool of the driver \(Self.name) cannot do "
                    + "without: move the instance to one of the driver dir, or make this one on a file system in memory"
            )
        }
    }

    package func plainDirectories(
        of volume: VolumeName, from fingerprint: Fingerprint?, making: Bool
    ) async throws -> [String: String] { [:] }

    package func limit(_ volume: VolumeName, to size: ByteSize?) async throws {
        let directory = pool.place(of: volume)
        let driver = self
        try await blocking {
            guard let size else { return try ProjectQuota.lift(of: directory) }
            let parts = volume.kind == .instance ? try driver.partsOfRoot(in: directory) : [directory]
            try ProjectQuota.limit(parts, of: directory, to: size.bytes)
        }
    }

    package func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws {
        try await pool.prepareBackup(bytes, of: volume)
    }
    package func finishBackup(of volume: VolumeName) async throws { try await pool.finishBackup(of: volume) }
    package func hasBackup(_ volume: VolumeName) async throws -> Bool { try await pool.hasBackup(volume) }
    package func hasUnfinishedBackup(_ volume: VolumeName) async throws -> Bool {
        try await pool.hasUnfinishedBackup(volume)
    }
    package func removeBackup(of volume: VolumeName) async throws { try await pool.removeBackup(of: volume) }
}
