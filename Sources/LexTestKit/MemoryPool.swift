import Glibc
package import LexAPI
package import LexIPC
package import LexStorage
import Synchronization

/// A storage pool of names alone, for tests of everything above a pool.
package final class MemoryPool: StorageDriver {
    package static let name = "memory"
    package static let version = "1"

    private struct State {
        var layers: Set<String> = []
        var staging: Set<String> = []
        var volumes: [VolumeName: [UInt8]?] = [:]
        var failure: (any Error)?
        var count = 0
    }
    private let state = Mutex(State())

    package init() {}

    /// Lets the next volume that is made fail.
    package func failNext(_ error: any Error) { state.withLock { $0.failure = error } }
    /// Directories that were given out to unpack into, and neither taken nor discarded.
    package var unfinished: Set<String> { state.withLock { $0.staging } }
    /// The copy of the settings beside a volume.
    package func backup(of volume: String) -> [UInt8]? {
        state.withLock { state in state.volumes.first { $0.key.text == volume }?.value }
    }

    package func createPool() async throws {}
    package func sweep() async throws {}
    package func openPool() async throws {}
    package func deletePool() async throws {
        guard state.withLock({ $0.volumes.isEmpty }) else {
            throw APIError.badRequest("The storage pool is currently in use")
        }
    }
    package func resources() async throws -> StoragePool.Resources {
        StoragePool.Resources(space: .init(used: 1, total: 1 << 40), inodes: .init(used: 1, total: 1 << 20))
    }

    package func layers() async throws -> Set<String> { state.withLock { $0.layers } }
    package func hasLayer(_ fingerprint: Fingerprint) async throws -> Bool {
        state.withLock { $0.layers.contains(fingerprint.text) }
    }
    package func beginLayer(_ fingerprint: Fingerprint) async throws -> String {
        state.withLock { state in
            state.count += 1
            let path = "/nonexistent/staging-\(state.count)"
            state.staging.insert(path)
            return path
        }
    }
    package func finishLayer(_ fingerprint: Fingerprint, from staging: String) async throws -> Bool {
        state.withLock { state in
            state.staging.remove(staging)
            return state.layers.insert(fingerprint.text).inserted
        }
    }
    package func layerDirectory(_ fingerprint: Fingerprint) async throws -> String { "/nonexistent/\(fingerprint)" }
    package func deleteLayer(_ fingerprint: Fingerprint) async throws {
        state.withLock { _ = $0.layers.remove(fingerprint.text) }
    }
    package func discard(staging: String) async throws { state.withLock { _ = $0.staging.remove(staging) } }

    package func volumes() async throws -> Set<VolumeName> {
        state.withLock { Set($0.volumes.keys.filter { $0.kind == .instance }) }
    }
    package func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws {
        try state.withLock { state in
            if let failure = state.failure {
                state.failure = nil
                throw failure
            }
            guard state.volumes[volume] == nil else { throw APIError.failed("there is a volume \(volume) already") }
            state.volumes[volume] = .some(nil)
        }
    }
    package func copy(_ volume: VolumeName, to new: VolumeName) async throws {
        try state.withLock { state in
            if let failure = state.failure {
                state.failure = nil
                throw failure
            }
            guard state.volumes[volume] != nil else { throw SystemError("open", volume.text, code: ENOENT) }
            guard state.volumes[new] == nil else { throw SystemError("rename to", new.text, code: EEXIST) }
            state.volumes[new] = .some(nil)
        }
    }
    package func tree(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> VolumeTree {
        throw SystemError("open", volume.text, code: ENOTSUP)
    }
    package func create(_ volume: VolumeName, holding tree: VolumeTree) async throws {
        try await create(volume, from: nil)
    }
    package func takeSnapshot(
        _ snapshot: VolumeName, of volume: VolumeName, from fingerprint: Fingerprint?
    ) async throws {
        try await copy(volume, to: snapshot)
    }
    package func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws {
        try state.withLock { state in
            guard state.volumes[snapshot] != nil else { throw SystemError("open", snapshot.text, code: ENOENT) }
        }
    }
    package func rename(_ volume: VolumeName, to new: VolumeName) async throws {
        try state.withLock { state in
            guard let backup = state.volumes[volume] else { throw SystemError("rename", volume.text, code: ENOENT) }
            guard state.volumes[new] == nil else { throw SystemError("rename to", new.text, code: EEXIST) }
            state.volumes[volume] = nil
            state.volumes[new] = .some(backup)
        }
    }
    package func delete(_ volume: VolumeName) async throws { state.withLock { $0.volumes[volume] = nil } }
    package func owners(of volume: VolumeName) async throws -> IDMap { .none }
    package func setOwners(of volume: VolumeName, to owners: IDMap) async throws {}
    package func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource {
        .overlay(
            lowerDirectories: ["/nonexistent/\(fingerprint?.text ?? "empty")"], dataDirectory: "/nonexistent/\(volume)")
    }
    package func plainDirectories(
        of volume: VolumeName, from fingerprint: Fingerprint?, making: Bool
    ) async throws -> [String: String] { [:] }

    package func limit(_ volume: VolumeName, to size: ByteSize?) async throws {}
    package func usage(of volume: VolumeName) async throws -> ByteSize { ByteSize(bytes: 4096) }
    package func prepareBackup(_ bytes: [UInt8], of volume: VolumeName) async throws {
        state.withLock { state in
            if state.volumes[volume] != nil { state.volumes[volume] = .some(bytes) }
        }
    }
    package func finishBackup(of volume: VolumeName) async throws {}
    package func hasUnfinishedBackup(_ volume: VolumeName) async throws -> Bool { false }
    package func hasBackup(_ volume: VolumeName) async throws -> Bool {
        state.withLock { $0.volumes[volume].flatMap { $0 } != nil }
    }
    package func removeBackup(of volume: VolumeName) async throws {
        state.withLock { state in
            if state.volumes[volume] != nil { state.volumes[volume] = .some(nil) }
        }
    }
}
