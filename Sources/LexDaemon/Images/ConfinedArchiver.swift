import LexAPI
import LexHost
import LexIPC

/// Handles the bytes of images in the confined helper.
struct ConfinedArchiver: ImageArchiver {
    private let process: ArchiveProcess
    private let mountPoint: String

    /// - Parameter firstID: The first of the host ids the helper runs under.
    init(_ programs: HelperPrograms, paths: DaemonPaths, firstID: UInt32) {
        mountPoint = paths.confinement
        process = ArchiveProcess(
            ConfinementSettings(programs: programs, mountPoint: paths.confinement, firstID: firstID))
    }

    func unpackImage(
        input: Int32, root: Int32?, into directory: String, limits: ArchiveLimits,
        progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> ArchiveResult {
        let mountPoint = mountPoint
        try await blocking { try makeDirectories(mountPoint) }
        do {
            return try await process.unpackImage(
                input: input, root: root, into: directory, limits: limits, progress: progress)
        } catch ArchiveError.refused(let sentence) {
            throw APIError.badRequest("The image is refused: \(sentence)")
        }
    }
}
