import LexAPI
import LexStore
import Logging

extension Images {
    /// Deletes, every hour until the task is cancelled, the images that a launch brought and that nobody has used for as
    /// many days as `images.remote_cache_expiry` says. As in LXD, nothing else is deleted by itself: the `expires_at` of
    /// an image that somebody imported is there to be read.
    func run(cacheDays: @escaping @Sendable (_ project: String) async throws -> Int64) async {
        while !Task.isCancelled {
            do { try await deleteUnused(cacheDays, now: .now) } catch {
                logger.warning("cannot delete unused images", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(3600))
        }
    }

    func deleteUnused(
        _ cacheDays: @Sendable (_ project: String) async throws -> Int64, now: Timestamp
    ) async throws {
        for stored in try await records.list() where stored.value.isCached {
            let days = try await cacheDays(stored.owned.project)
            guard Self.isUnused(stored.value, days: days, now: now) else { continue }
            logger.info(
                "deleting an image that nobody has used", metadata: ["image": "\(stored.value.fingerprint)"])
            try await delete(stored.value.fingerprint, project: stored.owned.project, requestor: nil)
        }
    }

    /// Whether a cached image has lain here for so many days without a use.
    static func isUnused(_ record: ImageRecord, days: Int64, now: Timestamp) -> Bool {
        guard record.isCached else { return false }
        let last = max(record.lastUsedAt, record.uploadedAt)
        let (seconds, overflow) = max(days, 0).multipliedReportingOverflow(by: 86400)
        let (end, isLater) = last.seconds.addingReportingOverflow(seconds)
        return !overflow && !isLater && now.seconds >= end
    }
}
